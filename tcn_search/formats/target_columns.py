"""Targets of sequence files as numbers or text, of the same type in all files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tcn_search.errors import InputError
from tcn_search.formats.csv_files import numbers_or_text, text_of
from tcn_search.formats.sequence_tables import FileSequences
from tcn_search.formats.table_columns import TARGET

Targets = np.ndarray | list[np.ndarray]


def read_targets(paths: Sequence[Path], files: Sequence[FileSequences]) -> list[Targets]:
    """Return the targets of each file: numbers if those of all files are numbers, else text.

    Targets are (n,) or (n, K), or (T,) for each sequence of a file whose targets change from step
    to step.

    Args:
        paths: path of each file, for errors.

    Raises:
        InputError: a file has no targets, or they cannot be used; names the file and the column.
    """
    targets = []
    for path, file in zip(paths, files, strict=True):
        if file.y is None and file.layout is None:
            raise InputError(
                f"{path} has no labels: its header needs @classLabel true or @targetLabel true."
            )
        if file.y is None:
            raise InputError(
                f"{path} needs a target column: one called {', '.join(TARGET)}, or set target to "
                "its name. To forecast a series, set horizon to a number of steps."
            )
        targets.append(_targets_of_file(path, file))
    kinds = {np.asarray(array).dtype.kind for y in targets for array in _arrays(y)}
    if len(kinds) > 1 and "U" in kinds:
        return [_as_text(file) for file in files]
    return targets


def _arrays(y: Targets) -> list[np.ndarray]:
    if isinstance(y, list):
        return y
    return [y]


def _targets_of_file(path: Path, file: FileSequences) -> Targets:
    assert file.y is not None
    if isinstance(file.y, np.ndarray):
        return file.y
    if isinstance(file.y, list):
        return _classes_of_steps(path, file.y, file.decimal)
    columns = [numbers_or_text(path, name, file.y[name], file.decimal) for name in file.y.columns]
    if len(columns) == 1:
        return columns[0]
    for name, column in zip(file.y.columns, columns, strict=True):
        if column.dtype.kind == "U":
            raise InputError(
                f"Several target columns must all hold numbers. Received: {str(column[0])!r} in "
                f"column {name} of {path}"
            )
    y = np.stack(columns, axis=1)
    if np.isin(y, (0, 1)).all():
        return y
    return y.astype("float64")


def _classes_of_steps(path: Path, y: list[pd.Series], decimal: str) -> list[np.ndarray]:
    """Return the class of each step, (T,) for each sequence."""
    joined = pd.concat(y)
    name = str(joined.name)
    classes = numbers_or_text(path, name, joined, decimal)
    if classes.dtype.kind == "f":
        raise InputError(
            f"Column {name} of {path} changes from step to step, so it must hold classes, integers "
            f"or text. Received: {classes.dtype} numbers. For the next values of a series use the "
            "task forecast."
        )
    return np.split(classes, np.cumsum([len(sequence) for sequence in y])[:-1])


def _as_text(file: FileSequences) -> Targets:
    if isinstance(file.y, list):
        return [text_of(sequence) for sequence in file.y]
    if isinstance(file.y, pd.DataFrame):
        return text_of(file.y.iloc[:, 0])
    assert file.y is not None
    return file.y.astype(str)
