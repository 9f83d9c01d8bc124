"""Forecasts: the next steps of one or many series, from a CSV with a time column."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from tcn_search.errors import InputError
from tcn_search.planning.arguments import positive_integer
from tcn_search.tasks.centring import (
    LARGEST,
    describe_centring,
    first_beyond_float32,
    offsets_of,
    subtract_offsets,
)
from tcn_search.tasks.csv_files import read_frame, require_numbers
from tcn_search.tasks.task import Task
from tcn_search.tasks.task_spec import TaskSpec
from tcn_search.tasks.training_data import Part

_TIME_NAMES = ("date", "time", "datetime", "timestamp")
_ETT_MONTHS = (12, 4, 4)


class Table(NamedTuple):
    """Series at equal steps of time: `values` (steps, columns) float64."""

    time: pd.Index
    columns: tuple[str, ...]
    values: np.ndarray


def forecast(
    file: str | Path,
    horizon: int = 96,
    look_back: int = 336,
    target: str | Sequence[str] | None = None,
    time: str | None = None,
    parts: str | Sequence[float] = (0.7, 0.1, 0.2),
    from_last_value: bool = True,
    required_context: int | None = None,
) -> Task:
    """Predict the next `horizon` steps from the `look_back` steps before them, in every window of stride 1.

    Training, validation and test part follow each other in time; only what is known at the time reaches over
    a border, the look-back. Inputs and targets are standardised with the training part's mean and deviation,
    and the metrics are errors on standardised values, as published ones are; predictions are in the series'
    own units. Windows are views into the one table, not copies of it.

    Args:
        file: a .csv (or .csv.gz) with a time column at equal steps and columns of numbers.
        horizon: steps to predict.
        look_back: the longest window. A space may search shorter ones: they see the end of the same windows,
            so all are judged on the same targets.
        target: the column, or columns, to predict; default all of them.
        time: the time column; default one called date, time, datetime or timestamp.
        parts: shares of the rows for training, validation and test, or numbers of rows, or "ett": 12, 4 and 4
            months of 30 days, which is customary for the ETT sets. Rows that are left over are not used.
        from_last_value: what is learnt is the difference from the window's last value.
        required_context: steps that the task needs to see, if not the whole window.

    Raises:
        InputError: names the file, the column or the argument.
    """
    horizon, look_back = positive_integer("horizon", horizon), positive_integer("look_back", look_back)
    path = Path(file)
    table = read_table(path, time)
    channels = _channels(path, table, target)
    ends = _ends(path, table.time, parts)
    starts = (look_back, *ends[:-1])
    for name, start, end in zip(("training", "validation", "test"), starts, ends, strict=True):
        if end - start < horizon:
            raise InputError(
                f"The {name} part of {path} has too few rows for a horizon of {horizon}: {max(0, end - start)} after "
                "what is only looked back at. Use a shorter horizon or look_back, or other parts."
            )
    beyond = first_beyond_float32(table.values)
    if beyond is not None:
        raise InputError(
            f"Column {table.columns[beyond[1]]} of {path} must lie within the range of float32, {LARGEST:.2g} either "
            f"way. Received: {table.values[beyond]:g} in row {beyond[0] + 1}"
        )
    offset = offsets_of(table.values[: ends[0]])
    values = subtract_offsets(table.values, offset)
    training = values[: ends[0]].astype("float64")
    mean, std = training.mean(axis=0), training.std(axis=0)
    std[std == 0] = 1.0
    spec = TaskSpec(
        name=path.name.split(".")[0].lower(),
        kind="forecast",
        seq_len=look_back,
        input_channels=len(table.columns),
        outputs=horizon * len(channels),
        class_names=tuple(f"{table.columns[k]}+{step}" for step in range(1, horizon + 1) for k in channels),
        input_mean=tuple(mean.tolist()),
        input_std=tuple(std.tolist()),
        target_mean=tuple(mean[channels].tolist()) * horizon,
        target_std=tuple(std[channels].tolist()) * horizon,
        required_context=required_context,
        last_value_channels=tuple(channels) if from_last_value else (),
        input_offset=offset,
        target_offset=tuple(offset[k] for k in channels) * horizon if offset else (),
    )
    train, validation, test = (
        _windows(values[start - look_back : end], look_back, horizon, channels)
        for start, end in zip(starts, ends, strict=True)
    )
    described = f"forecast of {len(channels)} of {len(table.columns)} series, {horizon} steps ahead"
    notes = describe_centring(path.name, table.values[: ends[0]], offset, "series")
    return Task(spec, train, validation, test, "; ".join([described, *notes]))


def read_table(path: Path, time: str | None = None) -> Table:
    """A CSV with a time column at equal steps; every other column must hold numbers.

    Raises:
        InputError: names the file, the column and the row.
    """
    frame = read_frame(path)
    if time is None:
        time = next((name for name in frame.columns if str(name).lower() in _TIME_NAMES), None)
    if time not in frame.columns:
        raise InputError(
            f"{path} needs a time column: one called {', '.join(_TIME_NAMES)}, or say which with time. "
            f"It has: {', '.join(map(str, frame.columns))}"
        )
    index = _read_time(path, str(time), frame.pop(time))
    require_numbers(path, frame, list(frame.columns))
    if frame.empty:
        raise InputError(f"{path} has no column of numbers beside {time}.")
    return Table(index, tuple(map(str, frame.columns)), frame.to_numpy("float64"))


def read_new_table(path: Path, time: str | None, targets: Sequence[str], channels: int) -> np.ndarray:
    """A table to predict from, (1, rows, channels), its columns in the order of training where that is known.

    Args:
        time: the time column, where it is called otherwise than usual.
        targets: columns that the model predicts; if they are all that it reads, other columns are left out.
        channels: columns that the model reads.

    Raises:
        InputError: as `read_table`; or a column is missing.
    """
    table = read_table(path, time)
    missing = [name for name in targets if name not in table.columns]
    if missing:
        raise InputError(
            f"{path} must have the columns that the model predicts. Missing: {', '.join(missing)}. "
            f"It has: {', '.join(table.columns)}"
        )
    columns = targets if len(targets) == channels else table.columns
    return table.values[:, [table.columns.index(name) for name in columns]][None]


def _read_time(path: Path, name: str, column: pd.Series) -> pd.Index:
    """The times, ascending at equal steps (or equal calendar steps, such as months)."""
    if pd.api.types.is_numeric_dtype(column):
        index = pd.Index(column)
    else:
        try:
            index = pd.DatetimeIndex(pd.to_datetime(column))
        except (ValueError, TypeError) as error:
            raise InputError(f"Column {name} of {path} cannot be read as times: {error}") from error
    steps = np.diff(index.to_numpy())
    nothing = np.timedelta64(0) if isinstance(index, pd.DatetimeIndex) else 0
    backwards = np.flatnonzero(steps <= nothing)
    differs = ~np.isclose(steps, steps[:1], rtol=1e-4) if steps.dtype.kind == "f" else steps != steps[:1]
    regular = isinstance(index, pd.DatetimeIndex) and len(index) > 2 and pd.infer_freq(index) is not None
    uneven = backwards if len(backwards) or regular else np.flatnonzero(differs)
    if len(uneven):
        row = int(uneven[0]) + 1
        raise InputError(
            f"The times of {path} must be ascending at equal steps. Received: {index[row - 1]}, then {index[row]} in "
            f"row {row + 1}. Fill what is missing first."
        )
    return index


def _channels(path: Path, table: Table, target: str | Sequence[str] | None) -> list[int]:
    wanted = table.columns if target is None else (target,) if isinstance(target, str) else tuple(target)
    unknown = [name for name in wanted if name not in table.columns]
    if unknown or not wanted:
        raise InputError(
            f"target must be columns of {path}: {', '.join(table.columns)}. Received: {', '.join(unknown) or 'none'}"
        )
    return [table.columns.index(name) for name in wanted]


def _ends(path: Path, time: pd.Index, parts: str | Sequence[float]) -> tuple[int, int, int]:
    """The rows after which training, validation and test part end."""
    rows = len(time)
    if parts == "ett":
        if not isinstance(time, pd.DatetimeIndex):
            raise InputError(f'parts = "ett" needs dates in the time column of {path}. Received: numbers')
        day = round(pd.Timedelta(days=1) / (time[1] - time[0]))
        sizes = [30 * day * months for months in _ETT_MONTHS]
    else:
        given = list(parts) if not isinstance(parts, str) else []
        if len(given) != 3 or not all(isinstance(part, int | float) and part > 0 for part in given):
            raise InputError(
                'parts must be three shares, such as [0.7, 0.1, 0.2], three numbers of rows, or "ett". '
                f"Received: {parts!r}"
            )
        shares = all(part < 1 for part in given)
        sizes = [round(rows * part) if shares else int(part) for part in given]
    first, second, third = np.cumsum(sizes).tolist()
    if third > rows + 1:  # shares may round up
        raise InputError(f"parts must fit into the {rows} rows of {path}. Received: {third} rows in all")
    return first, second, min(third, rows)


def _windows(values: np.ndarray, look_back: int, horizon: int, channels: list[int]) -> Part:
    """Every window of `look_back` steps with the `horizon` steps after it: X a view (n, T, C), y (n, horizon · K)."""
    view = np.lib.stride_tricks.sliding_window_view
    X = view(values[: len(values) - horizon], look_back, axis=0).transpose(0, 2, 1)
    y = view(values[look_back:, channels], horizon, axis=0).transpose(0, 2, 1)
    return Part(X, y.reshape(len(y), -1))
