"""A user's own data, from a file."""

from __future__ import annotations

import difflib
import math
import zipfile
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tcn_search.archives import open_archive, require_memory
from tcn_search.errors import InputError
from tcn_search.formats.file_names import KNOWN, file_format
from tcn_search.formats.inputs import read_inputs
from tcn_search.formats.table_columns import Columns
from tcn_search.formats.table_layout import TableFormat, TableLayout
from tcn_search.formats.ts_files import read_ts
from tcn_search.tasks.forecast import read_table
from tcn_search.tasks.tables import Sequences, read_csv, read_like
from tcn_search.tasks.task import Task

_ARRAYS = {
    "X_train": "X_train",
    "y_train": "y_train",
    "lengths_train": "lengths_train",
    "X_val": "X_validation",
    "y_val": "y_validation",
    "lengths_val": "lengths_validation",
    "X_test": "X_test",
    "y_test": "y_test",
    "lengths_test": "lengths_test",
    "groups_train": "groups_train",
    "class_names": "class_names",
}


def npz(path: str | Path, **options: Any) -> Task:
    """A task from an .npz with X_train (n, T, C) and y_train.

    Optional arrays: X_val, y_val, X_test, y_test, lengths_train, lengths_val, lengths_test, groups_train,
    class_names.
    Others are refused, so that a misspelt one is not overlooked. `options` are those of `Task.from_arrays`.
    Nothing is unpickled.

    Raises:
        InputError: names the file and the array.
    """
    path = Path(path)
    arrays, there = read_arrays(path, _ARRAYS)
    missing = [name for name in ("X_train", "y_train") if name not in arrays]
    if missing:
        raise InputError(
            f"{path} has no {' and no '.join(missing)}. It has: {', '.join(there) or 'nothing'}."
        )
    _refuse_unknown(path, there, list(_ARRAYS))
    given: dict[str, Any] = {_ARRAYS[name]: array for name, array in arrays.items()}
    try:
        return Task.from_arrays(**{"name": path.stem, **given, **options})
    except InputError as error:
        raise InputError(f"{path}: {_in_the_words_of_the_file(str(error))}") from error


def read_arrays(path: Path, wanted: Container[str]) -> tuple[dict[str, np.ndarray], list[str]]:
    """The wanted arrays that an .npz has, and the names of all that are there.

    Raises:
        InputError: it cannot be read, or does not fit into the memory; names the file and the reason.
    """
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path} cannot be read: it is no .npz. Write it with numpy.savez.")
    with open_archive(path) as archive:
        there = [name.removesuffix(".npy") for name in archive.namelist()]
        found = [name for name in there if name in wanted and f"{name}.npy" in archive.namelist()]
        require_memory(path, sum(_bytes_of(archive, f"{name}.npy") for name in found))
        arrays = {}
        for name in found:
            with archive.open(f"{name}.npy") as entry:
                arrays[name] = np.lib.format.read_array(entry, allow_pickle=False)
        return arrays, there


def _bytes_of(archive: zipfile.ZipFile, name: str) -> int:
    """Memory that an array of an .npz takes, by its header; the rest of its entry must be the array alone."""
    with archive.open(name) as entry:
        version = np.lib.format.read_magic(entry)
        read_header = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, _, kind = read_header(entry)
        if kind.hasobject:
            raise ValueError(
                "an array holds Python objects, and nothing is unpickled. Write plain arrays."
            )
        length = math.prod(shape) * kind.itemsize
        there = archive.getinfo(name).file_size - entry.tell()
    if length > there:
        require_memory(Path(archive.filename or ""), length)
    if length != there:
        raise ValueError(
            f"{name} is damaged: its header asks for {length:,} bytes, and it has {there:,}."
        )
    return length


def _refuse_unknown(path: Path, names: Iterable[str], known: list[str]) -> None:
    """Raise an InputError for an array that nobody would read, with the nearest name that is known."""
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"Did you mean {near[0]!r}?" if near else f"Known here: {', '.join(known)}."
            raise InputError(f"{path} has an array of an unknown name, {name!r}. {hint}")


def _in_the_words_of_the_file(message: str) -> str:
    return message.replace("_validation", "_val")


class NewData(NamedTuple):
    """Sequences to predict.

    Attributes:
        X: (n, T, C), NaN beyond a row's own length.
        ignored: columns of a table that are not read.
    """

    X: np.ndarray
    ignored: tuple[str, ...] = ()


def read_new_data(
    path: Path,
    layout: TableLayout | None = None,
    target: str | None = None,
    time: str | None = None,
    axes: str | None = None,
) -> NewData:
    """Read sequences to predict: array X (or X_test) of an .npz, with lengths; or a table, or a .ts.

    Targets may be there, and all else that an .npz for training has; they are not looked at. A table with a time
    column and no sequences is one of them.

    Args:
        layout: of the table that the model was trained on: columns are found by their names.
        target: a column that is no input, of a table that nothing is known of.
        time: the time column, where it is called otherwise than in training.
        axes: "channels_steps" if the array of an .npz is (n, C, T).

    Raises:
        InputError: names the file and the array or column.
    """
    found = file_format(path)
    if found == "npz":
        return NewData(_new_arrays(path, axes))
    if found == "table" and layout is not None and layout.form == "forecast":
        said = TableFormat(time_format=layout.table_format.time_format)
        table = read_table(
            path, time, said, layout.table_format, layout.inputs, usual_time=layout.time
        )
        return NewData(table.values[None], table.ignored)
    if found == "table" and layout is not None:
        new = read_like(path, layout, time=time)
    elif found == "table":
        new = read_csv(path, Columns(target=target, time=time))
    elif found == "ts":
        new = Sequences(read_ts(path)[0])
    else:
        raise InputError(f"Data to predict must be {KNOWN}, or recordings (.wav). Received: {path}")
    try:
        return NewData(read_inputs(new.X, None, ""), new.ignored)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _new_arrays(path: Path, axes: str | None) -> np.ndarray:
    arrays, there = read_arrays(path, ("X", "lengths", "X_test", "lengths_test"))
    if "X" not in arrays and "X_test" not in arrays:
        raise InputError(
            f"{path} has neither X nor X_test. It has: {', '.join(there) or 'nothing'}."
        )
    _refuse_unknown(path, there, ["X", "y", "lengths", *_ARRAYS])
    if "lengths" in arrays and "X" not in arrays:
        raise InputError(
            f"{path} has lengths, but no X that they belong to. It has: {', '.join(there)}."
        )
    suffix = "" if "X" in arrays else "_test"
    try:
        return read_inputs(arrays[f"X{suffix}"], arrays.get(f"lengths{suffix}"), suffix, axes)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
