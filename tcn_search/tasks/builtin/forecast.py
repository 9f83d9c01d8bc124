"""Forecasts: the next steps of one or many series, from a CSV with a time column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

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
from tcn_search.formats.csv_files import join_names
from tcn_search.formats.series_tables import SeriesTable, read_table
from tcn_search.formats.table_layout import TableFormat, TableLayout
from tcn_search.tasks.seasons import season_of
from tcn_search.tasks.tables import ignored_note
from tcn_search.tasks.task import Task
from tcn_search.tasks.task_spec import TaskSpec, name_from_file
from tcn_search.tasks.training_data import SplitData

_ETT_MONTHS = (12, 4, 4)


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
    season: int | None = None,
) -> Task:
    """Predict the next `horizon` steps from the `look_back` steps before them.

    The sequences are all windows of stride 1: X (n, look_back, columns), y (n, horizon · targets).
    Training, validation and test split follow each other in time; only the look-back, which is
    known by then, reaches into the split before. Inputs and targets are standardised with mean and
    standard deviation of the training split. The metrics are errors on standardised values, as
    published errors are; predictions are in the series' own units. Windows are views into one
    table, not copies.

    Args:
        file: a .csv or .tsv (or .gz of one) with a time column at equal steps and columns of
            numbers. Rows are put in the order of time.
        horizon: steps to predict.
        look_back: steps of the longest window. A space may search shorter windows: they see the end
            of the same windows, so all are judged on the same targets.
        target: the column, or columns, to predict; by default all of them.
        time: the time column; by default one called date, time, datetime or timestamp.
        parts: shares of the rows for training, validation and test split, or numbers of rows, or
            "ett": 12, 4 and 4 months of 30 days, which is customary for the ETT sets. Rows that are
            left over are not used.
        from_last_value: whether the model learns the difference from the window's last value.
        required_context: steps that the task needs to see, if not the whole window.
        delimiter, decimal, encoding, dayfirst, time_format: see `TableFormat`; default detected
            where that is safe.
        season: steps after which the series' pattern repeats, for seasonal baselines and errors; by
            default inferred from the time step: a day, for days a week, for longer steps a year.

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
    target_names = [target] if isinstance(target, str) else target
    table = read_table(path, time, table_format, kept_columns=target_names or ())
    channels = _channels(path, table, target_names)
    ends = _ends(path, table.time, parts)
    starts = (look_back, *ends[:-1])
    _require_room(path, starts, ends, horizon)
    beyond = first_beyond_float32(table.values)
    if beyond is not None:
        raise InputError(
            f"Column {table.columns[beyond[1]]} of {path} must lie within the range of float32, "
            f"±{LARGEST:.2g}. Received: {table.values[beyond]:g} at "
            f"{table.time[beyond[0]]}"
        )
    offset = offsets_of(table.values[: ends[0]])
    values = subtract_offsets(table.values, offset)
    spec = _specification(
        name=name_from_file(path).lower(),
        table=table,
        layout=TableLayout(
            form="forecast",
            inputs=table.columns,
            targets=tuple(table.columns[channel] for channel in channels),
            time=table.time_name,
            table_format=replace(
                table_format,
                decimal=table.decimal,
                dayfirst=table.dayfirst if dayfirst is None else dayfirst,
            ),
        ),
        training=values[: ends[0]].astype("float64"),
        channels=channels,
        horizon=horizon,
        look_back=look_back,
        offset=offset,
    )
    spec = replace(
        spec,
        required_context=required_context,
        season=season_of(table.time, season),
        last_value_channels=tuple(channels) if from_last_value else (),
    )
    train, validation, test = (
        _windows(values[start - look_back : end], look_back, horizon, channels)
        for start, end in zip(starts, ends, strict=True)
    )
    notes = describe_centring(path.name, table.values[: ends[0]], offset, "series")
    later = f"{path.name} after the training split"
    notes += describe_losses(later, table.values[ends[0] :], offset, "series")
    if table.ignored:
        notes.append(ignored_note(path, table.ignored))
    return Task(
        spec=spec,
        train=train,
        validation=validation,
        test=test,
        inferred=(
            f"forecast of {len(channels)} of {len(table.columns)} series, {horizon} steps ahead"
        ),
        notes=tuple(notes),
    )


def _specification(
    name: str,
    table: SeriesTable,
    layout: TableLayout,
    training: np.ndarray,
    channels: list[int],
    horizon: int,
    look_back: int,
    offset: tuple[float, ...],
) -> TaskSpec:
    """Describe the task, with statistics of the training split's values (steps, columns)."""
    mean = training.mean(axis=0)
    std = training.std(axis=0)
    std[std == 0] = 1.0
    steps_ahead = range(1, horizon + 1)
    return TaskSpec(
        name=name,
        kind="forecast",
        seq_len=look_back,
        input_channels=len(table.columns),
        outputs=horizon * len(channels),
        class_names=tuple(
            f"{table.columns[channel]}+{step}" for step in steps_ahead for channel in channels
        ),
        input_mean=tuple(mean.tolist()),
        input_std=tuple(std.tolist()),
        target_mean=tuple(mean[channels].tolist()) * horizon,
        target_std=tuple(std[channels].tolist()) * horizon,
        table=layout,
        input_offset=offset,
        target_offset=tuple(offset[channel] for channel in channels) * horizon if offset else (),
    )


def _channels(path: Path, table: SeriesTable, names: Sequence[str] | None) -> list[int]:
    """Return the numbers of the columns to predict; all of them if `names` is None."""
    targets = table.columns if names is None else tuple(names)
    unknown = [name for name in targets if name not in table.columns]
    if unknown or not targets or len(set(targets)) < len(targets):
        raise InputError(
            f"target must be columns of {path}, each once: {join_names(table.columns)}. "
            f"Received: {join_names(unknown or targets) or 'none'}"
        )
    return [table.columns.index(name) for name in targets]


def _ends(path: Path, time: pd.Index, parts: str | Sequence[float]) -> tuple[int, int, int]:
    """Return the numbers of rows after which training, validation and test split end."""
    rows = len(time)
    if parts == "ett":
        if not isinstance(time, pd.DatetimeIndex):
            raise InputError(
                f'parts = "ett" needs dates in the time column of {path}. Received: numbers'
            )
        day = round(pd.Timedelta(days=1) / (time[1] - time[0]))
        sizes = [30 * day * months for months in _ETT_MONTHS]
    else:
        sizes = _sizes(parts, rows)
    first, second, third = np.cumsum(sizes).tolist()
    if third > rows + 1:  # shares may round up
        raise InputError(
            f"parts must fit into the {rows} rows of {path}. Received: {third} rows in all"
        )
    return first, second, min(third, rows)


def _sizes(parts: str | Sequence[float], rows: int) -> list[int]:
    """Return the rows of each split from three shares or three numbers of rows."""
    given = [] if isinstance(parts, str) else list(parts)
    if len(given) != 3 or not all(isinstance(part, int | float) and part > 0 for part in given):
        raise InputError(
            "parts must be three shares, such as [0.7, 0.1, 0.2], three numbers of rows, or "
            f'"ett". Received: {parts!r}'
        )
    if all(part < 1 for part in given):
        return [round(rows * part) for part in given]
    return [int(part) for part in given]


def _require_room(path: Path, starts: Sequence[int], ends: Sequence[int], horizon: int) -> None:
    """Raise an InputError if a split has fewer rows than the horizon after its look-back."""
    splits = ("training", "validation", "test")
    for split, start, end in zip(splits, starts, ends, strict=True):
        if end - start < horizon:
            raise InputError(
                f"The {split} split of {path} has too few rows for a horizon of {horizon}: "
                f"{max(0, end - start)} after the look-back of {starts[0]}. Use a shorter horizon "
                "or look_back (run --set task.look_back=N, check --seq-len N), or other parts."
            )


def _windows(values: np.ndarray, look_back: int, horizon: int, channels: list[int]) -> SplitData:
    """Return every window with the `horizon` steps after it.

    X is a view (n, look_back, columns), y is (n, horizon · targets).
    """
    view = np.lib.stride_tricks.sliding_window_view
    X = view(values[: len(values) - horizon], look_back, axis=0).transpose(0, 2, 1)
    y = view(values[look_back:, channels], horizon, axis=0).transpose(0, 2, 1)
    return SplitData(X, y.reshape(len(y), -1))
