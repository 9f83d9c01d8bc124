"""Long tables of sequences for tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tests.conftest import waves

X, Y = waves(12)
LENGTHS = np.arange(12) % 3 + 14


def long(count: int = 12, **columns: Any) -> pd.DataFrame:
    """Return a long table of two channels and a label; `columns` are added or replaced."""
    rows = [
        {
            "id": row,
            "time": step,
            "one": X[row, step, 0],
            "two": X[row, step, 1],
            "label": "ab"[Y[row]],
        }
        for row in range(count)
        for step in range(LENGTHS[row])
    ]
    return pd.DataFrame(rows).assign(**columns)
