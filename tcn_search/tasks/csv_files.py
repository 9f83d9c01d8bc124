"""What every CSV of a user's has to be."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tcn_search.errors import InputError


def read_frame(path: Path) -> pd.DataFrame:
    """The file as a frame with names of text; an InputError where it is none, or has no rows."""
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    try:
        frame = pd.read_csv(path)
    except (OSError, ValueError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read as CSV: {str(error).splitlines()[0]}") from error
    if frame.empty:
        raise InputError(f"{path} holds no rows.")
    return frame.rename(columns=str)


def require_numbers(path: Path, frame: pd.DataFrame, columns: Sequence[str]) -> None:
    """Raise an InputError, with column and row, where something is not a finite number."""
    for name in columns:
        if not pd.api.types.is_numeric_dtype(frame[name]):
            strange = pd.to_numeric(frame[name], errors="coerce").isna() & frame[name].notna()
            row = int(np.argmax(strange))
            raise InputError(
                f"Column {name} of {path} must hold numbers. Received: {frame[name].iloc[row]!r} in row {row + 1}"
            )
        bad = np.flatnonzero(~np.isfinite(frame[name]))
        if len(bad):
            raise InputError(
                f"Column {name} of {path} must be finite. Received: {frame[name].iloc[bad[0]]} in row {bad[0] + 1}"
            )
