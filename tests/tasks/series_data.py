"""Series of sines, side by side and below each other, with covariates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

ROWS = 120
HOURS = pd.date_range("2024-01-01", periods=ROWS, freq="h")


def wide(**columns: Any) -> pd.DataFrame:
    """Two series side by side, hourly, and further columns."""
    steps = np.arange(ROWS)
    return pd.DataFrame(
        {"date": HOURS, "a": np.sin(steps / 5), "b": 50 + 9 * np.cos(steps / 7), **columns}
    )


def long(frame: pd.DataFrame | None = None) -> pd.DataFrame:
    """The series a and b below each other, as columns shop, date and sold."""
    frame = wide() if frame is None else frame
    series = [
        pd.DataFrame({"shop": name, "date": frame["date"], "sold": frame[name]})
        for name in ("a", "b")
    ]
    return pd.concat(series, ignore_index=True)
