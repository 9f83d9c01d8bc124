"""A user's sequences from .csv and .ts files, with the test part in another file of the same form."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tcn_search.errors import InputError
from tcn_search.tasks.csv_files import read_frame, require_numbers
from tcn_search.tasks.inputs import STEPS_CHANNELS
from tcn_search.tasks.task import Task

_SEQUENCE = ("sequence", "sequence_id", "series", "series_id", "id")
_STEP = ("step", "time", "date", "datetime", "timestamp")
_TARGET = ("target", "label", "class", "y")  # in this order: beside a label, y is a channel
_GROUP = ("group", "speaker", "patient", "subject")


class Sequences(NamedTuple):
    """Sequences (T, C) that may differ in length, and each one's target (or a target a step) and group, if any."""

    X: list[np.ndarray]
    y: np.ndarray | list[np.ndarray] | None
    groups: np.ndarray | None = None
    channels: tuple[str, ...] = ()


def csv(path: str | Path, test: str | Path | None = None, target: str | None = None, **options: Any) -> Task:
    """A task from a .csv. See `read_csv` for its columns; `options` are those of `Task.from_arrays`.

    Args:
        test: another file, for the test part.
        target: the column to predict; default one called target, label, class or y.
    """
    files = [read_csv(Path(file), target) for file in (path, test) if file is not None]
    return _task(Path(path), files, test, options)


def ts(path: str | Path, test: str | Path | None = None, **options: Any) -> Task:
    """A task from a .ts, the format of the UCR/UEA archive; `options` are those of `Task.from_arrays`."""
    return _task(
        Path(path), [read_ts(Path(file)) for file in (path, test) if file is not None], test, options
    )


def _task(path: Path, files: Sequence[Sequences], test: Any, options: dict[str, Any]) -> Task:
    steps = max(len(one) for file in files for one in file.X)
    every_step = any(isinstance(file.y, list) for file in files)
    given: dict[str, Any] = {}
    for part, file, name in zip(("train", "test"), files, (path, test), strict=False):
        if file.y is None:
            raise InputError(
                f"{name} needs a target column: one called {', '.join(_TARGET)}, or say which with target."
            )
        if file.channels != files[0].channels:
            raise InputError(
                f"{name} must have the columns of {path}, {', '.join(files[0].channels)}. "
                f"Received: {', '.join(file.channels)}"
            )
        given[f"X_{part}"], lengths = pad(file.X, steps)
        given[f"lengths_{part}"] = None if (lengths == steps).all() else lengths
        y = file.y
        if every_step and isinstance(y, np.ndarray):  # this file happens to have one class in each sequence
            y = [np.repeat(one, len(X)) for one, X in zip(y, file.X, strict=True)]
        given[f"y_{part}"] = _pad_targets(y, steps)
    try:
        named = {"name": path.name.split(".")[0], "axes": STEPS_CHANNELS, **options}
        return Task.from_arrays(groups_train=files[0].groups, **given, **named)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def read_csv(path: Path, target: str | None = None) -> Sequences:
    """Sequences of a .csv (or .csv.gz) with a header, in one of two forms.

    Long: a row a step, with a column called sequence, sequence_id, series, series_id or id; if there is one
    called step, time, date, datetime or timestamp, the rows of a sequence are put in its order. Wide: a row a
    sequence of one channel, a column a step. Target and group (group, speaker, patient or subject) have columns
    of their own; all others hold numbers. Sequences stay in the order of the file.

    Raises:
        InputError: names the file, the column, and what is wanted.
    """
    frame = read_frame(path)
    target = target or _named(frame, _TARGET)
    if target is not None and target not in frame.columns and target not in _TARGET:
        raise InputError(f"{path} has no column {target!r}. It has: {', '.join(frame.columns)}")
    sequence, step, group = _named(frame, _SEQUENCE), _named(frame, _STEP), _named(frame, _GROUP)
    special = [name for name in (sequence, step, group, target) if name in frame.columns]
    channels = [name for name in frame.columns if name not in special]
    if not channels:
        raise InputError(f"{path} has no column of numbers. It has: {', '.join(frame.columns)}")
    require_numbers(path, frame, channels)
    for name in special:
        if frame[name].isna().any():
            raise InputError(
                f"Column {name} of {path} must not have empty cells. Received: {frame[name].isna().sum()}"
            )
    if sequence is None:
        return _wide(path, frame, channels, step, target, group)
    if len(frame) > 1 and frame[sequence].is_unique:
        raise InputError(
            f"Each value of column {sequence} of {path} stands in one row, so every sequence would have a single step. "
            f"Where a row is a sequence, leave that column out or give it another name."
        )
    numbers = pd.factorize(frame[sequence])[0]  # in the order of the file
    if step is not None:
        frame = frame.assign(**{step: _order(path, step, frame[step])}).sort_values(step, kind="stable")
    rows = [part for _, part in frame.groupby(numbers[frame.index], sort=True)]
    X = [part[channels].to_numpy("float32") for part in rows]
    groups = None if group is None else np.array([part[group].iloc[0] for part in rows])
    if target not in frame.columns:
        return Sequences(X, None, groups, tuple(channels))
    targets = [part[target].to_numpy() for part in rows]
    if all((one == one[0]).all() for one in targets):
        return Sequences(X, _plain(np.array([one[0] for one in targets])), groups, tuple(channels))
    if frame[target].dtype.kind == "f":
        raise InputError(
            f"Column {target} of {path} changes from step to step, so it must hold classes, integers or text. "
            f"Received: {frame[target].dtype} numbers. For the next values of a series use the task forecast."
        )
    return Sequences(X, targets, groups, tuple(channels))


def _order(path: Path, name: str, column: pd.Series) -> pd.Series:
    """A column of steps as what can be put in order: numbers, or times."""
    if pd.api.types.is_numeric_dtype(column):
        return column
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", UserWarning
            )  # that a format was not found: each is read for itself
            return pd.to_datetime(column)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"Column {name} of {path} must hold numbers or times. Received: {column.iloc[0]!r} in row 1"
        ) from error


def _wide(
    path: Path,
    frame: pd.DataFrame,
    channels: list[str],
    step: str | None,
    target: str | None,
    group: str | None,
) -> Sequences:
    if step is not None:
        if target in frame.columns:
            raise InputError(
                f"{path} has a column {step}, so a row is a step, but no column says of which sequence: add one called "
                f"{', '.join(_SEQUENCE)}. For one long series use the task forecast."
            )
        return Sequences([frame[channels].to_numpy("float32")], None, None, tuple(channels))
    y = None if target not in frame.columns else _plain(frame[target].to_numpy())
    groups = None if group is None else _plain(frame[group].to_numpy())
    return Sequences(list(frame[channels].to_numpy("float32")[..., None]), y, groups, ("value",))


def read_ts(path: Path) -> Sequences:
    """Sequences of a .ts file, through aeon.

    Raises:
        InputError: aeon is missing, or it cannot read the file.
    """
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    try:
        from aeon.datasets import load_from_ts_file
    except ImportError as error:
        raise InputError("For .ts files install the extra: pip install 'tcn-search[ucr]'.") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            X, y, meta = load_from_ts_file(str(path), return_meta_data=True)
    except (OSError, ValueError, IndexError, TypeError) as error:
        raise InputError(f"{path} cannot be read as .ts: {error}") from error
    if not len(X):
        raise InputError(f"{path} holds no sequences.")
    if not meta["targetlabel"] and not meta["classlabel"]:
        y = None
    sequences = [_without_tail(np.asarray(one, "float32").T) for one in X]
    channels = tuple(str(number) for number in range(sequences[0].shape[1]))
    return Sequences(sequences, None if y is None else _plain(np.asarray(y)), None, channels)


def _without_tail(sequence: np.ndarray) -> np.ndarray:
    """Steps that are NaN in every channel at the end are padding."""
    there = np.flatnonzero(~np.isnan(sequence).all(axis=1))
    return sequence[: there[-1] + 1] if len(there) else sequence


def pad(sequences: Sequence[np.ndarray], steps: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, steps, C) with NaN beyond each sequence's end, and their lengths."""
    X = np.full((len(sequences), steps, sequences[0].shape[1]), np.nan, dtype="float32")
    for row, sequence in enumerate(sequences):
        X[row, : len(sequence)] = sequence
    return X, np.array([len(sequence) for sequence in sequences])


def _pad_targets(y: np.ndarray | list[np.ndarray], steps: int) -> np.ndarray:
    """Targets of each step are repeated beyond the end, where nothing looks at them."""
    if isinstance(y, np.ndarray):
        return y
    return np.stack([_plain(np.concatenate([one, np.repeat(one[-1:], steps - len(one))])) for one in y])


def _plain(values: np.ndarray) -> np.ndarray:
    """Text is text, not objects; numbers that are written as text are numbers."""
    if values.dtype.kind not in "OUST":
        return values
    try:
        return np.array([int(str(value)) for value in values])
    except ValueError:
        return values.astype(str)


def _named(frame: pd.DataFrame, names: Sequence[str]) -> str | None:
    """The column with the first of the names that is there."""
    by_name = {column.lower(): column for column in reversed(frame.columns)}
    return next((by_name[name] for name in names if name in by_name), None)
