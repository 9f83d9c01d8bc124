"""Load a user's own arrays from an .npz as a task. Nothing is unpickled."""

from __future__ import annotations

import difflib
import math
import zipfile
from collections.abc import Container, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tcn_search.archives import open_archive, require_memory
from tcn_search.errors import InputError
from tcn_search.tasks.task import Task
from tcn_search.tasks.task_spec import name_from_file

# Arrays of a file, by the argument of `Task.from_arrays` that takes them.
ARRAYS = {
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
    """Load a task from an .npz with X_train (n, T, C) and y_train.

    Optional arrays: X_val, y_val, X_test, y_test, lengths_train, lengths_val, lengths_test,
    groups_train, class_names. All other names are refused, so that a misspelt one is not
    overlooked. `options` are those of `Task.from_arrays`.

    Raises:
        InputError: names the file and the array.
    """
    path = Path(path)
    arrays, names = read_arrays(path, ARRAYS)
    missing = [name for name in ("X_train", "y_train") if name not in arrays]
    if missing:
        raise InputError(
            f"{path} has no {' and no '.join(missing)}. It has: {', '.join(names) or 'nothing'}."
        )
    refuse_unknown(path, names, list(ARRAYS))
    given: dict[str, Any] = {ARRAYS[name]: array for name, array in arrays.items()}
    try:
        return Task.from_arrays(**{"name": name_from_file(path), **given, **options})
    except InputError as error:
        message = str(error).replace("_validation", "_val")  # as arrays are named in the file
        raise InputError(f"{path}: {message}") from error


def read_arrays(path: Path, selected: Container[str]) -> tuple[dict[str, np.ndarray], list[str]]:
    """Return the selected arrays that an .npz has, and the names of all its arrays.

    Raises:
        InputError: the file cannot be read, or does not fit into the memory; names it and the
            reason.
    """
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path} cannot be read: it is no .npz. Write it with numpy.savez.")
    with open_archive(path) as archive:
        entries = archive.namelist()
        names = [entry.removesuffix(".npy") for entry in entries]
        present = [name for name in names if name in selected and f"{name}.npy" in entries]
        require_memory(path, sum(_bytes_of(archive, f"{name}.npy") for name in present))
        arrays = {}
        for name in present:
            with archive.open(f"{name}.npy") as entry:
                arrays[name] = np.lib.format.read_array(entry, allow_pickle=False)
        return arrays, names


def _bytes_of(archive: zipfile.ZipFile, name: str) -> int:
    """Return the memory that an array of an .npz takes, by its header.

    Raises:
        ValueError: the array holds Python objects, or the rest of its entry is not the array alone.
    """
    with archive.open(name) as entry:
        read_header = np.lib.format.read_array_header_2_0
        if np.lib.format.read_magic(entry) == (1, 0):
            read_header = np.lib.format.read_array_header_1_0
        shape, _, dtype = read_header(entry)
        if dtype.hasobject:
            raise ValueError(
                "an array holds Python objects, and nothing is unpickled. Write plain arrays."
            )
        length = int(math.prod(shape) * dtype.itemsize)
        remaining = archive.getinfo(name).file_size - entry.tell()
    if length > remaining:
        require_memory(Path(archive.filename or ""), length)
    if length != remaining:
        raise ValueError(
            f"{name} is damaged: its header asks for {length:,} bytes, and it has {remaining:,}."
        )
    return length


def refuse_unknown(path: Path, names: Iterable[str], known: Sequence[str]) -> None:
    """Raise an InputError for an array of an unknown name, with the nearest known name."""
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"Known here: {', '.join(known)}."
            if near:
                hint = f"Did you mean {near[0]!r}?"
            raise InputError(f"{path} has an array of an unknown name, {name!r}. {hint}")
