"""Forecasts: the next steps of one or many series, from a CSV with a time column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from tcn_search.arguments import positive_integer
from tcn_search.errors import InputError
from tcn_search.formats.centring import (
    LARGEST,
    describe_centring,
    describe_losses,
    first_beyond_float32,
    offsets_of,
    subtract_offsets,
)
from tcn_search.formats.csv_files import (
    numbers_of,
    open_table,
    require_cells,
    require_columns,
    some,
)
from tcn_search.formats.table_columns import SEQUENCE, named
from tcn_search.formats.table_layout import TableFormat, TableLayout, plain_name
from tcn_search.formats.times import found_dayfirst, lack_dates, read_times, require_dates_or_order
from tcn_search.tasks.tables import ignored_note
from tcn_search.tasks.task import Task
from tcn_search.tasks.task_spec import TaskSpec
from tcn_search.tasks.training_data import Part

_TIME_NAMES = ("date", "time", "datetime", "timestamp")
_ETT_MONTHS = (12, 4, 4)


class Table(NamedTuple):
    """Series at equal steps of time, in its order: `values` (steps, columns) float64."""

    time: pd.Index
    time_name: str
    columns: tuple[str, ...]
    values: np.ndarray
    decimal: str = "."
    dayfirst: bool | None = None
    ignored: tuple[str, ...] = ()


def forecast(
    file: str | Path,
    horizon: int = 96,
    look_back: int = 336,
    target: str | Sequence[str] | None = None,
    time: str | None = None,
    parts: str | Sequence[float] = (0.7, 0.1, 0.2),
    from_last_value: bool = True,
    required_context: int | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    dayfirst: bool | None = None,
    time_format: str | None = None,
) -> Task:
    """Predict the next `horizon` steps from the `look_back` steps before them, in every window of stride 1.

    Training, validation and test part follow each other in time; only what is known at the time reaches over
    a border, the look-back. Inputs and targets are standardised with the training part's mean and deviation,
    and the metrics are errors on standardised values, as published ones are; predictions are in the series'
    own units. Windows are views into the one table, not copies of it.

    Args:
        file: a .csv or .tsv (or .gz of one) with a time column at equal steps and columns of numbers. Rows are
            put in the order of time.
        horizon: steps to predict.
        look_back: the longest window. A space may search shorter ones: they see the end of the same windows,
            so all are judged on the same targets.
        target: the column, or columns, to predict; default all of them.
        time: the time column; default one called date, time, datetime or timestamp.
        parts: shares of the rows for training, validation and test, or numbers of rows, or "ett": 12, 4 and 4
            months of 30 days, which is customary for the ETT sets. Rows that are left over are not used.
        from_last_value: what is learnt is the difference from the window's last value.
        required_context: steps that the task needs to see, if not the whole window.
        delimiter, decimal, encoding, dayfirst, time_format: see `TableFormat`; found out where that is safe.

    Raises:
        InputError: names the file, the column or the argument.
    """
    horizon = positive_integer("horizon", horizon)
    look_back = positive_integer("look_back", look_back)
    path = Path(file)
    table_format = TableFormat(
        delimiter=delimiter,
        decimal=decimal,
        encoding=encoding,
        dayfirst=dayfirst,
        time_format=time_format,
    )
    table = read_table(
        path, time, table_format, wanted=[target] if isinstance(target, str) else target or ()
    )
    channels = _channels(path, table, target)
    ends = _ends(path, table.time, parts)
    starts = (look_back, *ends[:-1])
    for name, start, end in zip(("training", "validation", "test"), starts, ends, strict=True):
        if end - start < horizon:
            raise InputError(
                f"The {name} part of {path} has too few rows for a horizon of {horizon}: {max(0, end - start)} after "
                "what is only looked back at. Use a shorter horizon or look_back (on the command line --set "
                "task.look_back=N), or other parts."
            )
    beyond = first_beyond_float32(table.values)
    if beyond is not None:
        raise InputError(
            f"Column {table.columns[beyond[1]]} of {path} must lie within the range of float32, {LARGEST:.2g} either "
            f"way. Received: {table.values[beyond]:g} at {table.time[beyond[0]]}"
        )
    offset = offsets_of(table.values[: ends[0]])
    values = subtract_offsets(table.values, offset)
    training = values[: ends[0]].astype("float64")
    mean = training.mean(axis=0)
    std = training.std(axis=0)
    std[std == 0] = 1.0
    spec = TaskSpec(
        name=path.name.split(".")[0].lower(),
        kind="forecast",
        seq_len=look_back,
        input_channels=len(table.columns),
        outputs=horizon * len(channels),
        class_names=tuple(
            f"{table.columns[k]}+{step}" for step in range(1, horizon + 1) for k in channels
        ),
        input_mean=tuple(mean.tolist()),
        input_std=tuple(std.tolist()),
        target_mean=tuple(mean[channels].tolist()) * horizon,
        target_std=tuple(std[channels].tolist()) * horizon,
        required_context=required_context,
        last_value_channels=tuple(channels) if from_last_value else (),
        table=TableLayout(
            form="forecast",
            inputs=table.columns,
            targets=tuple(table.columns[k] for k in channels),
            time=table.time_name,
            table_format=replace(
                table_format,
                decimal=table.decimal,
                dayfirst=table.dayfirst if dayfirst is None else dayfirst,
            ),
        ),
        input_offset=offset,
        target_offset=tuple(offset[k] for k in channels) * horizon if offset else (),
    )
    train, validation, test = (
        _windows(values[start - look_back : end], look_back, horizon, channels)
        for start, end in zip(starts, ends, strict=True)
    )
    described = f"forecast of {len(channels)} of {len(table.columns)} series, {horizon} steps ahead"
    notes = describe_centring(path.name, table.values[: ends[0]], offset, "series")
    later = f"{path.name} after the training split"
    notes += describe_losses(later, table.values[ends[0] :], offset, "series")
    if table.ignored:
        notes.append(ignored_note(path, table.ignored))
    return Task(spec, train, validation, test, described, notes=tuple(notes))


def read_table(
    path: Path,
    time: str | None = None,
    table_format: TableFormat = TableFormat(),
    expected: TableFormat = TableFormat(),
    columns: Sequence[str] = (),
    wanted: Sequence[str] = (),
    usual_time: str | None = None,
) -> Table:
    """Read a table with a time column at equal steps; every column that is read must hold numbers.

    Args:
        time: the time column; default one with a usual name, else a first column without a name.
        expected: decides where cells could be read in two ways.
        columns: those to read, in this order; default all others.
        wanted: those that are not row numbers, whatever they are called.
        usual_time: the time column where there is one of that name.

    Raises:
        InputError: names the file, the column and the row.
    """
    roles = {plain_name(name) for name in (*_TIME_NAMES, *columns, *([time] if time else []))}
    opened = open_table(path, table_format, expected, roles)
    if time is None and usual_time in opened.names:
        time = usual_time
    if time is None:
        time = named(opened.names, _TIME_NAMES)
        if time is None and opened.names[0] == "":  # the index of a frame
            time = "time"
            opened = replace(opened, names=(time, *opened.names[1:]))
    there = [name for name in opened.names if name]
    if time is None or time not in there:
        raise InputError(
            f"{path} needs a time column: one called {', '.join(_TIME_NAMES)}, or say which with time. "
            f"It has: {some(there)}"
        )
    require_columns(opened, columns)
    frame = opened.read(text_columns=[time], wanted=[*columns, *wanted])
    require_cells(path, frame, [time])
    expected = replace(expected, decimal=opened.decimal)
    index = _read_time(path, time, frame, table_format, expected)
    found = list(columns or (name for name in frame.columns if name != time))
    if not found:
        raise InputError(f"{path} has no column of numbers beside {time}.")
    values = numbers_of(path, frame, found, opened.decimal)
    order = np.argsort(index.to_numpy(), kind="stable")
    return Table(
        time=index[order],
        time_name=time,
        columns=tuple(found),
        values=np.asfortranarray(
            values[order]
        ),  # as frames are: sums, and so fingerprints, depend on it
        decimal=opened.decimal,
        dayfirst=found_dayfirst(frame[time]),
        ignored=(
            *frame.attrs["ignored"],
            *(name for name in frame.columns if name not in {*found, time}),
        ),
    )


def _read_time(
    path: Path, name: str, frame: pd.DataFrame, table_format: TableFormat, expected: TableFormat
) -> pd.Index:
    """Return the times of the rows, which must be at equal steps, or equal calendar steps such as months."""
    index = read_times(path, name, frame[name], table_format, expected)
    order = np.argsort(index.to_numpy(), kind="stable")
    require_dates_or_order(path, name, frame[name], [order])
    ordered = index[order]
    twice = np.flatnonzero(ordered[1:] == ordered[:-1])
    if len(twice):
        place = int(twice[0])
        several = named([column for column in frame.columns if column != name], SEQUENCE)
        hint = "Leave one out; of local times that change from summer time, give the zone too."
        clocks = [
            column for column in frame.columns if column != name and lack_dates(frame[column])
        ]
        if clocks:
            hint = f"Join it with column {clocks[0]} into one."
        elif several is not None or len(twice) > len(index) // 3:
            stacked = f" (column {several})" if several else ""
            hint = f"If the file holds several series below each other{stacked}, give each a column of its own."
        raise InputError(
            f"Each time in {path} must stand in one row. Received: {ordered[place]} in rows {order[place] + 1} and "
            f"{order[place + 1] + 1}. {hint}"
        )
    steps = np.diff(ordered.to_numpy())
    if not len(steps):
        return index
    sizes, counts = np.unique(steps, return_counts=True)
    usual = sizes[np.argmax(counts)]
    uneven = steps != usual
    if steps.dtype.kind == "f":  # which are rounded to the digits that were written
        digits = frame[name].astype(str).str.extract(r"[.,](\d+)\s*$")[0].str.len().max()
        rounding = min(10.0 ** -(0 if np.isnan(digits) else digits), abs(usual) / 4)
        uneven = ~np.isclose(steps, usual, rtol=1e-4, atol=rounding)
    is_date = isinstance(ordered, pd.DatetimeIndex)
    if uneven.any() and not (is_date and len(index) > 2 and pd.infer_freq(ordered) is not None):
        place = int(np.argmax(uneven))
        shown = pd.Timedelta(usual) if is_date else f"{usual:g}"
        raise InputError(
            f"The times of {path} must be at equal steps. Received: {ordered[place]} in row {order[place] + 1}, then "
            f"{ordered[place + 1]} in row {order[place + 1] + 1}, where most are {shown} apart. Fill what is missing "
            "first."
        )
    return index


def _channels(path: Path, table: Table, target: str | Sequence[str] | None) -> list[int]:
    wanted = (
        table.columns if target is None else (target,) if isinstance(target, str) else tuple(target)
    )
    unknown = [name for name in wanted if name not in table.columns]
    if unknown or not wanted or len(set(wanted)) < len(wanted):
        raise InputError(
            f"target must be columns of {path}, each once: {some(table.columns)}. "
            f"Received: {some(unknown or wanted) or 'none'}"
        )
    return [table.columns.index(name) for name in wanted]


def _ends(path: Path, time: pd.Index, parts: str | Sequence[float]) -> tuple[int, int, int]:
    """The rows after which training, validation and test part end."""
    rows = len(time)
    if parts == "ett":
        if not isinstance(time, pd.DatetimeIndex):
            raise InputError(
                f'parts = "ett" needs dates in the time column of {path}. Received: numbers'
            )
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
        raise InputError(
            f"parts must fit into the {rows} rows of {path}. Received: {third} rows in all"
        )
    return first, second, min(third, rows)


def _windows(values: np.ndarray, look_back: int, horizon: int, channels: list[int]) -> Part:
    """Every window of `look_back` steps with the `horizon` steps after it: X a view (n, T, C), y (n, horizon · K)."""
    view = np.lib.stride_tricks.sliding_window_view
    X = view(values[: len(values) - horizon], look_back, axis=0).transpose(0, 2, 1)
    y = view(values[look_back:, channels], horizon, axis=0).transpose(0, 2, 1)
    return Part(X, y.reshape(len(y), -1))
