"""The last window of each series in new rows, and the times of the steps that follow it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

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


@dataclass(frozen=True, eq=False)
class LastWindows:
    """The windows to predict from, one for each series.

    Attributes:
        X: (series, look_back, C) float64, as `predict` takes them.
        ids: names of the series; ("",) for a table with a column for each series.
        times: for each series, the times of the `horizon` steps after its last row. They have a
            time zone where the task has one.
        targets: names of the columns that are predicted.
        offset, scale: (series, targets): a prediction times `scale` plus `offset` is in the units
            of the series.
        ignored: columns that were not read.
        notes: messages to the user, one line each.
    """

    X: np.ndarray
    ids: tuple[str, ...]
    times: tuple[pd.Index, ...]
    targets: tuple[str, ...]
    offset: np.ndarray
    scale: np.ndarray
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def in_units(self, outputs: np.ndarray) -> np.ndarray:
        """Return predictions (series, horizon · targets) in the units of the series.

        Returns:
            (series, horizon, targets) float64.
        """
        steps = outputs.reshape(len(self.ids), -1, len(self.targets)).astype("float64")
        return np.asarray(steps * self.scale[:, None] + self.offset[:, None])

    def table_in_units(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the table of `tcn_search.predict` in the units of the series, with their names.

        The column sequence becomes the column id in a table with series below each other. After a
        column for each output, the table may have as many further quantiles of each, by output.
        """
        if self.ids == ("",):
            return frame
        numbers = frame.drop(columns="sequence")
        outputs = np.arange(len(self.times[0]) * len(self.targets))
        quantiles = numbers.shape[1] // len(outputs) - 1
        target = np.concatenate([outputs, np.repeat(outputs, quantiles)]) % len(self.targets)
        units = numbers.to_numpy("float64") * self.scale[:, target] + self.offset[:, target]
        converted = pd.DataFrame(units, columns=numbers.columns)
        converted.insert(0, "id", self.ids)
        return converted


def last_windows(
    data: str | Path | pd.DataFrame,
    layout: TableLayout,
    look_back: int | None,
    horizon: int,
    future: str | Path | pd.DataFrame | None = None,
    time: str | None = None,
) -> LastWindows:
    """Read new rows by the rules of the training data; return the last window of each series.

    Args:
        data: a .csv, .tsv or .parquet file, or a data frame, with the columns that were trained on.
            It holds at least the last `look_back` steps of each series. Rows at its end whose
            targets are all empty hold columns that are known in advance.
        layout: of the table that the model was trained on: `task.spec.table`, or
            `tcn_search.models.predict.table_of(model)`.
        look_back: steps that the model takes; None for all steps of a single series.
        horizon: steps to predict: the outputs of the model over the number of targets. Only read
            for models of earlier versions, whose layout does not have it.
        future: rows after the last ones, with the columns that are known in advance.
        time: the time column, where its name differs from that in training.

    Raises:
        InputError: names the file and the first row that cannot be used.
    """
    rules = layout.forecast or ForecastLayout(horizon=horizon)
    table = _read_new_rows(data, layout, rules, time)
    columns = table.columns
    channels = list_channels(columns, rules)
    filled = fill_gaps(table, rules.gaps)
    if look_back is None:
        look_back = filled[0].present
    rows_ahead = None
    if future is not None:
        rows_ahead = _read_future_rows(future, table, rules, layout, time)
    target = list(channels.target)
    stored = {name: number for number, name in enumerate(rules.ids)}
    windows, times, offsets, scales = [], [], [], []
    notes = [*table.notes, *describe_gaps(table, filled, rules.gaps)]
    for one in filled:
        _require_steps(table, one, look_back)
        extended = _extended(table, one, rules, rows_ahead)
        values = channel_values(table, extended, rules, first_unknown=one.present)
        offset, scale = np.zeros(len(channels)), np.ones(len(channels))
        if columns.id and one.series.id in stored:
            number = stored[one.series.id]
            offset, scale = np.array(rules.offset[number]), np.array(rules.scale[number])
        elif columns.id:
            offset, scale = _scale_of_new_series(channels, values, one.present, rules)
            notes.append(
                f"{table.path.name}: series {one.series.id} was not trained on; it is standardised "
                f"by its {one.present:,} steps"
            )
        window = values[one.present - look_back : one.present]
        _require_ahead(table, one, rules, channels, window)
        windows.append((window - offset) / scale)
        first = one.series.start + one.present
        times.append(table.steps.zoned(table.steps.times(first, rules.horizon)))
        offsets.append(offset[target])
        scales.append(scale[target])
    return LastWindows(
        X=np.stack(windows),
        ids=tuple(one.series.id for one in filled),
        times=tuple(times),
        targets=columns.target,
        offset=np.stack(offsets),
        scale=np.stack(scales),
        ignored=table.ignored,
        notes=tuple(notes),
    )


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
    rows = read_series(future, SeriesRoles(time=time), TableFormat(), rules.timezone, trained)
    for series in rows.series:
        _step_in(table, rows, series)
    return rows


def _step_in(table: SeriesTable, future: SeriesTable, series: Series) -> int:
    """Return the step of the table's time grid at which rows of the future begin."""
    first = future.steps.times(series.start, 1)
    if table.steps.is_numeric == future.steps.is_numeric:
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


def _require_steps(table: SeriesTable, one: FilledSeries, look_back: int) -> None:
    """Raise an InputError if a series has fewer steps than the model takes."""
    if one.present < look_back:
        of_series = f" of {one.series.id}" if one.series.id else ""
        raise InputError(
            f"{table.path} must hold at least the last {look_back} steps, which the model takes. "
            f"Received: {one.present}{of_series}"
        )


def _require_ahead(
    table: SeriesTable,
    one: FilledSeries,
    rules: ForecastLayout,
    channels: Channels,
    window: np.ndarray,
) -> None:
    """Raise an InputError if a column that is known in advance lacks a step of the horizon."""
    if not channels.future:
        return
    missing = np.isnan(window[:, channels.future])
    if not missing.any():
        return
    row = int(np.argmax(missing.any(axis=1)))
    name = channels.names[channels.future[int(np.argmax(missing[row]))]]
    name = name.removesuffix(f" +{rules.horizon}").split("=")[0]
    step = one.present - len(window) + row + rules.horizon
    place = str(table.path)
    if one.series.id:
        place = f"{one.series.id} in {place}"
    raise InputError(
        f"Column {name} is known in advance, so its values are needed for the {rules.horizon} "
        f"steps after the last row of {place}. Missing: {table.time(one.series, step)}. Give them "
        "in future (--future FILE), or in rows at the end of the file without a target."
    )
