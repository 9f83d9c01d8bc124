"""New rows of series as channels of windows, by the rules of the training data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from tcn_search.errors import InputError
from tcn_search.formats.series_columns import SeriesColumns, SeriesRoles
from tcn_search.formats.series_gaps import FilledSeries, describe_gaps, fill_gaps
from tcn_search.formats.series_tables import Series, SeriesTable, TrainedTable, read_series
from tcn_search.formats.table_layout import ForecastLayout, TableFormat, TableLayout
from tcn_search.tasks.forecast_channels import (
    Channels,
    channel_values,
    list_channels,
    series_scale,
)


class ChannelsOfSeries(NamedTuple):
    """A series of new rows as channels of windows.

    Attributes:
        one: the series, without gaps.
        values: (steps + horizon, channels), as they were read.
        offset, scale: (channels,) with which the series is standardised.
    """

    one: FilledSeries
    values: np.ndarray
    offset: np.ndarray
    scale: np.ndarray


class PreparedRows(NamedTuple):
    """New rows of series, read by the rules of the training data.

    Attributes:
        notes: messages to the user, one line each.
    """

    table: SeriesTable
    rules: ForecastLayout
    channels: Channels
    series: list[ChannelsOfSeries]
    notes: list[str]


def prepare_series(
    data: str | Path | pd.DataFrame,
    layout: TableLayout,
    horizon: int,
    future: str | Path | pd.DataFrame | None = None,
    time: str | None = None,
    scaled_by: int | None = None,
) -> PreparedRows:
    """Read new rows by the rules of the training data; return the channels of each series.

    Args:
        data, layout, horizon, future, time: as of `last_windows`.
        scaled_by: the first steps by which a series that was not trained on is standardised; None
            for all of them, which only a forecast of what follows may know.

    Raises:
        InputError: names the file and the first row that cannot be used.
    """
    rules = layout.forecast or ForecastLayout(horizon=horizon)
    table = _read_new_rows(data, layout, rules, time)
    columns = table.columns
    channels = list_channels(columns, rules)
    filled = fill_gaps(table, rules.gaps)
    rows_ahead = None
    if future is not None:
        rows_ahead = _read_future_rows(future, table, rules, layout, time)
    stored = {name: number for number, name in enumerate(rules.ids)}
    prepared = []
    notes = [*table.notes, *describe_gaps(table, filled, rules.gaps)]
    for one in filled:
        extended = _extended(table, one, rules, rows_ahead)
        values = channel_values(table, extended, rules, first_unknown=one.present)
        offset, scale = np.zeros(len(channels)), np.ones(len(channels))
        if columns.id and one.series.id in stored:
            number = stored[one.series.id]
            offset, scale = np.array(rules.offset[number]), np.array(rules.scale[number])
        elif columns.id:
            seen = one.present
            which = ""
            if scaled_by is not None and scaled_by < seen:
                seen = scaled_by
                which = "first "
            offset, scale = _scale_of_new_series(channels, values, seen, rules)
            notes.append(
                f"{table.path.name}: series {one.series.id} was not trained on; it is standardised "
                f"by its {which}{seen:,} steps"
            )
        prepared.append(ChannelsOfSeries(one, values, offset, scale))
    return PreparedRows(table, rules, channels, prepared, notes)


def _read_new_rows(
    data: str | Path | pd.DataFrame, layout: TableLayout, rules: ForecastLayout, time: str | None
) -> SeriesTable:
    """Read new rows with the columns that were trained on."""
    table_format = TableFormat(time_format=layout.table_format.time_format)
    if not layout.inputs:  # a model of earlier versions that knows no columns
        return read_series(data, SeriesRoles(time=time), table_format)
    trained = _trained(layout, rules)
    table = read_series(data, SeriesRoles(time=time), table_format, rules.timezone, trained)
    _require_same_zone(table, rules, layout)
    return table


def _trained(layout: TableLayout, rules: ForecastLayout) -> TrainedTable:
    """Return what is known of a table's columns from training."""
    time = rules.time_columns
    if not time and layout.time:
        time = (layout.time,)
    columns = SeriesColumns(
        time=time,
        id=layout.sequence or "",
        target=layout.targets or layout.inputs,
        inputs=layout.inputs,
        known=rules.known,
        static=rules.static,
        holidays=rules.holidays,
    )
    return TrainedTable(columns, dict(rules.texts), layout.table_format, rules.frequency)


def _require_same_zone(table: SeriesTable, rules: ForecastLayout, layout: TableLayout) -> None:
    """Raise an InputError if times have a zone, but had none in training."""
    if layout.forecast is not None and table.steps.zone and not rules.timezone:
        raise InputError(
            f"The times of {table.path} have a time zone, but those that the model was trained on "
            "had none. Give them without a zone, as clocks showed them there."
        )


def _read_future_rows(
    future: str | Path | pd.DataFrame,
    table: SeriesTable,
    rules: ForecastLayout,
    layout: TableLayout,
    time: str | None,
) -> SeriesTable:
    """Read rows of columns that are known in advance."""
    if not rules.known and not rules.holidays:
        raise InputError(
            "future is for columns that are known in advance (known, holidays). The model was "
            "trained without one."
        )
    trained = _trained(layout, rules)
    columns = replace(trained.columns, target=(), inputs=rules.known, static=())
    trained = replace(trained, columns=columns, frequency=table.steps.frequency)
    table_format = TableFormat(time_format=layout.table_format.time_format)
    rows = read_series(future, SeriesRoles(time=time), table_format, rules.timezone, trained)
    for series in rows.series:
        _step_in(table, rows, series)
    return rows


def _step_in(table: SeriesTable, future: SeriesTable, series: Series) -> int:
    """Return the step of the table's time grid at which rows of the future begin."""
    first = future.steps.times(series.start, 1)
    step = int(table.steps.positions(first)[0])
    if step >= 0:
        return step
    raise InputError(
        f"The times of {future.path} must continue those of {table.path} in steps of "
        f"{table.steps.in_words}. Received: {first[0]} in row {series.rows[0] + 1}"
    )


def _extended(
    table: SeriesTable, one: FilledSeries, rules: ForecastLayout, future: SeriesTable | None
) -> FilledSeries:
    """Return a series with `horizon` steps after its last target; what is not known is NaN."""
    present = one.present
    count = present + rules.horizon
    values = np.full((count, one.values.shape[1]), np.nan, order="F")
    values[:present] = one.values[:present]
    known = [table.columns.inputs.index(name) for name in rules.known]
    own = min(count, len(one.values))
    values[present:own, known] = one.values[present:own, known]
    holidays = None
    if one.series.holidays is not None:
        holidays = np.full(count, np.nan)
        holidays[:own] = one.series.holidays[:own]
    if future is not None:
        for series in future.series:
            if series.id != one.series.id:
                continue
            shift = _step_in(table, future, series) - one.series.start
            steps = np.arange(len(series)) + shift
            chosen = (steps >= present) & (steps < count) & (series.rows >= 0)
            values[np.ix_(steps[chosen], np.array(known, dtype=int))] = series.values[chosen]
            if holidays is not None and series.holidays is not None:
                holidays[steps[chosen]] = series.holidays[chosen]
    missing = np.ones(values.shape, bool)
    missing[:present] = one.missing[:present]
    return FilledSeries(
        series=replace(one.series, values=values, holidays=holidays),
        values=values,
        missing=missing,
        uses_later=np.zeros(count, bool),
        start=one.start,
        known_ahead=rules.horizon,
    )


def _scale_of_new_series(
    channels: Channels, values: np.ndarray, present: int, rules: ForecastLayout
) -> tuple[np.ndarray, np.ndarray]:
    """Return offset and scale of a series that was not trained on, from its own steps."""
    offset, scale = series_scale(channels, values, present)
    for channel in channels.static_numbers:  # the same for all series
        offset[channel] = rules.offset[0][channel]
        scale[channel] = rules.scale[0][channel]
    return offset, scale
