"""Files of commands: the saved model that they read, and the table that they write."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tcn_search.atomic_files import replacing
from tcn_search.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


def require_model_file(file: str | Path) -> None:
    """Raise an InputError if there is no such file."""
    if not Path(file).is_file():
        raise InputError(
            f"There is no model file {file}. `tcn-search best NAME` saves that of a study as "
            "runs/NAME/best.keras."
        )


def write_frame(frame: pd.DataFrame, out: str | None, what: str, rows: str) -> None:
    """Write a data frame as CSV, to standard output if `out` is None.

    Args:
        what: what the frame is, to begin an error with.
        rows: what its rows are.
    """
    if out is None:
        print(frame.to_csv(index=False), end="")
        return
    with replacing(out, f"{what} cannot be written to {out}") as temporary:
        frame.to_csv(temporary, index=False)
    print(f"wrote {len(frame)} {rows} to {out}")
