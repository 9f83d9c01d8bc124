"""Read sequences to predict from a file, as a model's training data was read."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from tcn_search.errors import InputError
from tcn_search.formats.file_names import KNOWN, file_format
from tcn_search.formats.inputs import read_inputs
from tcn_search.formats.sequence_tables import FileSequences, read_sequences, read_sequences_like
from tcn_search.formats.table_columns import Columns
from tcn_search.formats.table_layout import TableLayout
from tcn_search.formats.ts_files import read_ts
from tcn_search.tasks.last_windows import LastWindows, last_windows
from tcn_search.tasks.npz_files import ARRAYS, read_arrays, refuse_unknown


class NewData(NamedTuple):
    """Sequences to predict.

    Attributes:
        X: (n, T, C), NaN beyond a row's own length.
        ignored: columns of a table that were not read.
        windows: for forecasts, the series and the steps that are predicted.
    """

    X: np.ndarray
    ignored: tuple[str, ...] = ()
    windows: LastWindows | None = None


def read_new_data(
    path: Path,
    layout: TableLayout | None = None,
    target: str | None = None,
    time: str | None = None,
    axes: str | None = None,
    look_back: int | None = None,
) -> NewData:
    """Read sequences to predict from an .npz, a table or a .ts.

    An .npz holds the array X (or X_test), and lengths (or lengths_test) where sequences differ in
    length. It may also hold y and the arrays of an .npz for training, which are not read. A table
    with a time column but no column of sequences is a single sequence.

    Args:
        layout: columns of the table that the model was trained on; they are found by their names.
        target: a column to leave out of the inputs, where `layout` is None.
        time: the time column, where its name differs from that in training.
        axes: "channels_steps" if the array of an .npz is (n, C, T).
        look_back: steps that a forecast takes; None for all steps of a single series.

    Raises:
        InputError: names the file and the array or column.
    """
    file_kind = file_format(path)
    if file_kind == "npz":
        return NewData(_new_arrays(path, axes))
    if file_kind in ("table", "parquet") and layout is not None and layout.form == "forecast":
        windows = last_windows(path, layout, look_back, horizon=1, time=time)
        return NewData(windows.X, windows.ignored, windows)
    if file_kind == "table" and layout is not None:
        sequences = read_sequences_like(path, layout, time=time)
    elif file_kind == "table":
        sequences = read_sequences(path, Columns(target=target, time=time))
    elif file_kind == "ts":
        sequences = FileSequences(read_ts(path)[0])
    else:
        raise InputError(f"Data to predict must be {KNOWN}, or recordings (.wav). Received: {path}")
    try:
        return NewData(read_inputs(sequences.X, None, ""), sequences.ignored)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _new_arrays(path: Path, axes: str | None) -> np.ndarray:
    """Return X, or else X_test, of an .npz as (n, T, C)."""
    arrays, names = read_arrays(path, ("X", "lengths", "X_test", "lengths_test"))
    if "X" not in arrays and "X_test" not in arrays:
        raise InputError(
            f"{path} has neither X nor X_test. It has: {', '.join(names) or 'nothing'}."
        )
    refuse_unknown(path, names, ["X", "y", "lengths", *ARRAYS])
    if "lengths" in arrays and "X" not in arrays:
        raise InputError(
            f"{path} has lengths, but no X that they belong to. It has: {', '.join(names)}."
        )
    suffix = "" if "X" in arrays else "_test"
    try:
        return read_inputs(arrays[f"X{suffix}"], arrays.get(f"lengths{suffix}"), suffix, axes)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
