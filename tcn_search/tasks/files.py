"""A user's own data, from a file."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Container
from pathlib import Path
from typing import Any

import numpy as np

from tcn_search.archives import open_archive, require_memory
from tcn_search.errors import InputError
from tcn_search.tasks.reading import read_inputs
from tcn_search.tasks.tables import pad, read_csv, read_ts
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
    `options` are those of `Task.from_arrays`. Nothing is unpickled.

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
    given: dict[str, Any] = {_ARRAYS[name]: array for name, array in arrays.items()}
    names = given.get("class_names")
    if names is not None:
        given["class_names"] = [str(name) for name in np.atleast_1d(names)]
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
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, _, kind = read_header(entry)
        if kind.hasobject:
            raise ValueError("an array holds Python objects, and nothing is unpickled. Write plain arrays.")
        length = math.prod(shape) * kind.itemsize
        there = archive.getinfo(name).file_size - entry.tell()
    if length > there:
        require_memory(Path(archive.filename or ""), length)
    if length != there:
        raise ValueError(f"{name} is damaged: its header asks for {length:,} bytes, and it has {there:,}.")
    return length


def _in_the_words_of_the_file(message: str) -> str:
    return message.replace("_validation", "_val")


def read_new_data(path: Path, target: str | None = None) -> np.ndarray:
    """Sequences to predict, (n, T, C): array X (or X_test) of an .npz, with lengths; or a .csv or .ts.

    Targets may be there; they are not looked at. A .csv with a time column and no sequences is one of them.

    Args:
        target: the target's column of a .csv, where it is called otherwise than usual.

    Raises:
        InputError: names the file and the array or column.
    """
    if path.suffix == ".npz":
        return _new_arrays(path)
    if not path.name.endswith((".csv", ".csv.gz", ".ts")):
        raise InputError(f"Data to predict must be an .npz, a .csv or a .ts. Received: {path}")
    sequences = (read_ts(path) if path.suffix == ".ts" else read_csv(path, target)).X
    X, lengths = pad(sequences, max(map(len, sequences)))
    try:
        return read_inputs(X, lengths, "")
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _new_arrays(path: Path) -> np.ndarray:
    arrays, there = read_arrays(path, ("X", "lengths", "X_test", "lengths_test"))
    for suffix in ("", "_test"):
        if f"X{suffix}" in arrays:
            try:
                return read_inputs(arrays[f"X{suffix}"], arrays.get(f"lengths{suffix}"), suffix)
            except InputError as error:
                raise InputError(f"{path}: {error}") from error
    raise InputError(f"{path} has neither X nor X_test. It has: {', '.join(there) or 'nothing'}.")
