"""Forecasts: the next steps of one or many series, from a table with a time column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from tcn_search.arguments import integer_from_0, one_of, positive_integer
from tcn_search.errors import InputError
from tcn_search.formats.calendar_features import require_calendar
from tcn_search.formats.series_columns import SeriesRoles
from tcn_search.formats.series_gaps import (
    GAPS,
    aligned_at_the_end,
    describe_gaps,
    fill_gaps,
    without_later_splits,
)
from tcn_search.formats.series_source import FRAME
from tcn_search.formats.series_tables import SeriesTable, read_series
from tcn_search.formats.table_layout import ForecastLayout, TableFormat
from tcn_search.formats.time_zones import require_zone
from tcn_search.tasks.forecast_channels import (
    list_channels,
    observed_columns,
    texts_of_training,
)
from tcn_search.tasks.forecast_notes import describe_forecast, describe_table
from tcn_search.tasks.forecast_preparation import (
    prepare_series,
    split_windows,
    target_values,
)
from tcn_search.tasks.forecast_splits import split_ends
from tcn_search.tasks.forecast_windows import ForecastWindows
from tcn_search.tasks.seasons import season_of
from tcn_search.tasks.task import Task
from tcn_search.tasks.task_spec import name_from_file

LOOK_BACK = 336  # of a series that is long enough
FOLD_WINDOWS = ("expanding", "sliding")
ALIGNMENTS = ("time", "end")


def forecast(
    file: str | Path | pd.DataFrame,
    horizon: int = 96,
    look_back: int | None = None,
    target: str | Sequence[str] | None = None,
    time: str | Sequence[str] | None = None,
    parts: str | Sequence[float] | Sequence[str] = (0.7, 0.1, 0.2),
    from_last_value: bool = True,
    required_context: int | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    dayfirst: bool | None = None,
    time_format: str | None = None,
    id: str | None = None,  # noqa: A002 - the name of such a column in most tables
    known: str | Sequence[str] = (),
    past: str | Sequence[str] | None = None,
    static: str | Sequence[str] = (),
    calendar: str | Sequence[str] = (),
    holidays: str | None = None,
    timezone: str | None = None,
    gaps: str = "error",
    stride: int | None = None,
    gap: int = 0,
    fold_window: str = "expanding",
    align: str = "time",
    name: str | None = None,
    season: int | None = None,
) -> Task:
    """Predict the next `horizon` steps from the `look_back` steps before them.

    The sequences are windows: X (n, look_back, channels), y (n, horizon · targets). Training,
    validation and test split follow each other in time; only the look-back, which is known by then,
    reaches into the split before. The metrics are errors on standardised values, as published
    errors are; predictions are in the series' own units.

    In wide form each series has a column, and windows are views into one table. In long form the
    series stand below each other; each is standardised by mean and deviation of its own training
    rows, as each column is in wide form, and windows are copies.

    Args:
        file: a .csv, .tsv (or .gz of one) or .parquet, or a data frame, with a time column at equal
            steps. Rows are put in the order of time.
        horizon: steps to predict.
        look_back: steps of the longest window; None: 336, or a third of the training split where it
            is too short for that. A space may search shorter windows: they see the end of the same
            windows, so all are judged on the same targets.
        target: the column, or columns, to predict; by default all of them, in long form the one
            called target, y or value.
        time: the time column; by default one called date, time, datetime, timestamp or ds. Or
            several columns: year, month, day, hour, ...; or a date and a clock.
        parts: shares of the steps for training, validation and test split, or numbers of steps, or
            the two times at which validation and test split begin, or "ett": 12, 4 and 4 months of
            30 days, which is customary for the ETT sets. They hold for all series; steps that are
            left over are not used.
        from_last_value: whether the model learns the difference from the window's last value.
        required_context: steps that the task needs to see, if not the whole window.
        delimiter, decimal, encoding, dayfirst, time_format: see `TableFormat`; default detected
            where that is safe.
        id: column that names the series, in long form; by default, where times repeat, one called
            id, unique_id, series or the like.
        known: columns whose values are known in advance: their values over the horizon are given.
        past: columns that are inputs up to the present only; by default all others.
        static: columns with one value for each series, in long form.
        calendar: features of the calendar, known in advance: "hour", "weekday", "month".
        holidays: column that marks holidays, known in advance; empty, 0, false and no mark none.
        timezone: time zone such as "Europe/Berlin". Times without a zone are those of its clocks,
            and the calendar is that of the place.
        gaps: what to do with missing rows and empty cells: "error"; "interpolate", in inputs and
            targets; or "mask", with the last value as input beside a channel that marks it, and no
            window whose horizon has a missing target.
        stride: steps from one training window to the next; by default 1, or what keeps copied
            windows below 256 MiB. Validation and test windows always have stride 1.
        gap: steps that are left out before the targets of validation and test split, and of each
            fold.
        fold_window: whether folds train on all earlier steps ("expanding"), or all of them on as
            many as the oldest has ("sliding").
        align: "time" if splits and folds are made at the same times for all series; "end" if each
            series is split by the distance from its own last row, for series of different times.
        name: name of the task in a study; default the file's.
        season: steps after which the series' pattern repeats, for seasonal baselines and errors; by
            default inferred from the time step: a day, for days a week, for longer steps a year.

    Raises:
        InputError: names the file, the column or the argument.
    """
    horizon = positive_integer("horizon", horizon)
    if look_back is not None:
        look_back = positive_integer("look_back", look_back)
    gap = integer_from_0("gap", gap)
    calendar = _names(calendar)
    require_calendar(calendar)
    one_of("gaps", gaps, GAPS)
    one_of("fold_window", fold_window, FOLD_WINDOWS)
    one_of("align", align, ALIGNMENTS)
    if stride is not None:
        stride = positive_integer("stride", stride)
    if timezone is not None:
        require_zone(timezone)
    table = read_series(
        file,
        SeriesRoles(
            time=time,
            id=id,
            target=None if target is None else _names(target),
            known=_names(known),
            past=None if past is None else _names(past),
            static=_names(static),
            holidays=holidays,
        ),
        TableFormat(
            delimiter=delimiter,
            decimal=decimal,
            encoding=encoding,
            dayfirst=dayfirst,
            time_format=time_format,
        ),
        timezone or "",
    )
    _require_calendar_times(table, calendar)
    filled = fill_gaps(table, gaps)
    if align == "end":
        filled = aligned_at_the_end(filled)
        _require_no_times(parts)
    count = max(one.start + one.present for one in filled)
    ends = split_ends(table.path, table.steps, count, parts)
    if gap and gap >= ends[0]:
        raise InputError(
            f"gap must be shorter than the training split of {table.path}, {ends[0]:,} steps. "
            f"Received: {gap}"
        )
    trained_end = ends[0] - gap
    filled = without_later_splits(filled, (trained_end, ends[1] - gap))
    notes = []
    if look_back is None:
        look_back = _look_back_for(trained_end, horizon)
        if look_back < LOOK_BACK:
            notes.append(
                f"look_back = {look_back}: the training split of {table.path.name} has "
                f"{trained_end:,} rows, too few for the default of {LOOK_BACK}"
            )
    rules = ForecastLayout(
        horizon=horizon,
        frequency=table.steps.frequency,
        timezone=table.steps.zone,
        time_columns=table.columns.time if len(table.columns.time) > 1 else (),
        gaps=gaps,
        known=table.columns.known,
        calendar=calendar,
        holidays=table.columns.holidays,
        static=table.columns.static,
        texts=texts_of_training(table, filled, trained_end),
        observed=observed_columns(table, filled, trained_end) if gaps == "mask" else (),
    )
    channels = list_channels(table.columns, rules)
    if channels.future and look_back < horizon:
        raise InputError(
            "look_back must be at least the horizon where columns or the calendar are known in "
            f"advance, as windows hold them. Received: look_back {look_back}, horizon {horizon}"
        )
    prepared = prepare_series(table, filled, channels, rules, trained_end, look_back)
    splits = split_windows(table, filled, prepared, channels, rules, ends, gap, look_back, stride)
    times = table.steps.zoned(table.steps.times(0, table.end))
    spec = replace(
        prepared.spec,
        name=name or _default_name(table.path),
        seq_len=look_back,
        required_context=required_context,
        season=season_of(times, season),
        last_value_channels=channels.target if from_last_value else (),
    )
    notes = [
        *notes,
        *table.notes,
        *prepared.notes,
        *describe_gaps(table, filled, gaps),
        *describe_table(table, filled, splits),
    ]
    return Task(
        spec=spec,
        train=splits.train,
        validation=splits.validation,
        test=splits.test,
        inferred=describe_forecast(table, rules),
        notes=tuple(notes),
        windows=ForecastWindows(
            horizon=horizon,
            ids=tuple(one.series.id for one in filled),
            targets=table.columns.target,
            train=splits.places[0],
            validation=splits.places[1],
            test=splits.places[2],
            ends=ends,
            starts=tuple(one.start for one in filled),
            values=tuple(target_values(table, one) for one in filled),
            offset=prepared.target_offset,
            scale=prepared.target_scale,
            times=times,
            shifts=tuple(one.series.start - one.start for one in filled),
            frequency=table.steps.frequency,
            gap=gap,
            sliding=fold_window == "sliding",
        ),
    )


def _names(given: str | Sequence[str]) -> tuple[str, ...]:
    """Return the names of one column or of several."""
    if isinstance(given, str):
        return (given,)
    return tuple(given)


def _require_no_times(parts: str | Sequence[float] | Sequence[str]) -> None:
    """Raise an InputError if the splits of series that are aligned at their ends begin at times."""
    if not isinstance(parts, str) and any(isinstance(part, str) for part in parts):
        raise InputError(
            f'align = "end" needs parts in shares or numbers of steps. Received: {list(parts)!r}'
        )


def _default_name(path: Path) -> str:
    if path == FRAME:
        return "series"
    return name_from_file(path).lower()


def _require_calendar_times(table: SeriesTable, calendar: Sequence[str]) -> None:
    """Raise an InputError if features of the calendar are asked for, but times are numbers."""
    if calendar and table.steps.is_numeric:
        raise InputError(
            f"calendar needs dates in the time column of {table.path}. Received: numbers"
        )


def _look_back_for(rows: int, horizon: int) -> int:
    """Return the default look-back for a number of training rows.

    >>> _look_back_for(10_000, horizon=96), _look_back_for(100, horizon=12)
    (336, 33)
    """
    if rows >= LOOK_BACK + horizon:
        return LOOK_BACK
    return max(1, min(rows // 3, rows - horizon))
