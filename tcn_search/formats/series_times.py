"""Times of the rows of series: their order, repeated times, and the number of each row's step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from tcn_search.errors import InputError
from tcn_search.formats.series_columns import find_id, part_of_a_time
from tcn_search.formats.table_layout import TableFormat
from tcn_search.formats.time_steps import TimeSteps, fixed_step, infer_steps, is_number
from tcn_search.formats.time_zones import are_days, local_times, localise
from tcn_search.formats.times import (
    are_clock_times,
    detect_dayfirst,
    read_zoned_times,
    require_dates_or_order,
)

_FEWEST_ROWS_OF_STEPS = 0.1  # share of the steps that must have a row


class RowTimes(NamedTuple):
    """Times of the rows of a file, in its order.

    Attributes:
        name: the column, or the columns that they were put together from.
        index: times, which are in UTC if they have a zone, or numbers.
        cells: what was written; empty text where cells held times already.
        dayfirst: whether dates are written day first; None where the dates do not show it.
    """

    name: str
    index: pd.Index
    cells: pd.Series
    dayfirst: bool | None


class OrderedRows(NamedTuple):
    """Rows of each series in the order of time.

    Attributes:
        steps: the step of time of all series.
        rows: rows of each series, from 0.
        positions: the step of each of these rows.
        notes: messages to the user, one line each.
    """

    steps: TimeSteps
    rows: tuple[np.ndarray, ...]
    positions: tuple[np.ndarray, ...]
    notes: tuple[str, ...]


def read_row_times(
    path: Path,
    frame: pd.DataFrame,
    columns: Sequence[str],
    table_format: TableFormat,
    expected: TableFormat,
    frequency: str = "",
) -> RowTimes:
    """Return the times of rows, from one column or put together from several.

    Columns called year, month, day, hour, minute, second are numbers; other columns are joined with
    a space, such as a date and a clock.

    Args:
        frequency: step of time, if it is known. Then it says whether times are numbers or dates.

    Raises:
        InputError: names the column, the row and the reason.
    """
    name = " ".join(columns)
    if len(columns) > 1 and all(part_of_a_time(column) for column in columns):
        return _from_parts(path, frame, columns)
    column = frame[columns[0]]
    if len(columns) == 1 and pd.api.types.is_datetime64_any_dtype(column):
        index = pd.DatetimeIndex(column)
        if index.tz is not None:
            index = index.tz_convert("UTC")
        cells = pd.Series("", index=frame.index)
        return RowTimes(name=name, index=index, cells=cells, dayfirst=None)
    cells = column
    for further in columns[1:]:
        cells = cells.astype(str) + " " + frame[further].astype(str)
    return RowTimes(
        name=name,
        index=read_zoned_times(
            path,
            name,
            cells,
            table_format,
            expected,
            are_dates=not is_number(frequency) if frequency else None,
        ),
        cells=cells,
        dayfirst=detect_dayfirst(cells),
    )


def _from_parts(path: Path, frame: pd.DataFrame, columns: Sequence[str]) -> RowTimes:
    """Return times from columns of years, months, days and so on."""
    parts = {part_of_a_time(column): pd.to_numeric(frame[column], "coerce") for column in columns}
    if "year" not in parts or "month" not in parts:
        raise InputError(
            f"Columns {', '.join(columns)} of {path} must make a time: a year and a month are "
            "needed at least."
        )
    times = pd.to_datetime(pd.DataFrame({"day": 1, **parts}), errors="coerce")
    if times.isna().any():
        row = int(np.argmax(times.isna()))
        received = ", ".join(f"{column} {frame[column].iloc[row]}" for column in columns)
        raise InputError(
            f"Columns {', '.join(columns)} of {path} must make a time. Received: {received} in "
            f"row {row + 1}"
        )
    cells = times.astype(str)
    return RowTimes(" ".join(columns), pd.DatetimeIndex(times), cells, dayfirst=None)


def order_rows(
    path: Path,
    frame: pd.DataFrame,
    times: RowTimes,
    groups: Sequence[np.ndarray],
    ids: Sequence[str],
    timezone: str = "",
    frequency: str = "",
) -> OrderedRows:
    """Put the rows of each series in the order of time, and number their steps.

    Args:
        frame: the cells, which give hints in errors.
        times: of the rows.
        groups: rows of each series, in the order of the file.
        ids: names of the series; "" for a single one without a name.
        timezone: time zone of the times; "" for none.
        frequency: step of time, if it is known.

    Raises:
        InputError: names the first row whose time stands in another row already, does not exist in
            the time zone, or lies between two steps.
    """
    _require_same_kind(path, times, frequency)
    index, zone, is_local, notes = _in_zone(path, times, groups, timezone, frequency)
    values = index.to_numpy()
    rows = []
    for rows_of_series, name in zip(groups, ids, strict=True):
        ordered = rows_of_series[np.argsort(values[rows_of_series], kind="stable")]
        _require_different_times(path, frame, times, index, ordered, name, bool(timezone))
        rows.append(ordered)
    require_dates_or_order(path, times.name, times.cells, rows)
    notes += _note_on_order(path, index, groups)
    unique = index.unique().sort_values()
    spacings = np.concatenate([np.diff(values[ordered]) for ordered in rows])
    if frequency:
        steps = TimeSteps(_origin(unique), frequency, rounding=_rounding(times, spacings))
    else:
        steps = infer_steps(unique, spacings, _rounding(times, spacings))
    steps = replace(steps, zone=zone, is_local=is_local)
    positions = []
    for ordered, name in zip(rows, ids, strict=True):
        found = steps.positions(index[ordered])
        _require_equal_steps(path, steps, index, ordered, found, name)
        positions.append(found)
    return OrderedRows(steps, tuple(rows), tuple(positions), tuple(notes))


def _require_same_kind(path: Path, times: RowTimes, frequency: str) -> None:
    """Raise an InputError if times are numbers, but were dates in training, or vice versa."""
    are_dates = isinstance(times.index, pd.DatetimeIndex)
    if not frequency or are_dates != is_number(frequency):
        return
    expected, received = ("numbers", "dates") if are_dates else ("dates", "numbers")
    raise InputError(
        f"The times in column {times.name} of {path} must be {expected}, as in training. Received: "
        f"{received}, such as {times.index[0]}"
    )


def _origin(times: pd.Index) -> pd.Timestamp | float:
    if isinstance(times, pd.DatetimeIndex):
        return times[0]
    return float(times[0])


def _in_zone(
    path: Path, times: RowTimes, groups: Sequence[np.ndarray], timezone: str, frequency: str
) -> tuple[pd.Index, str, bool, list[str]]:
    """Return times without a zone, the zone, whether they are those of its clocks, and notes."""
    index = times.index
    if not isinstance(index, pd.DatetimeIndex):
        if timezone:
            raise InputError(
                f"timezone needs dates in the time column of {path}. Received: numbers"
            )
        return index, "", False, []
    notes = []
    if index.tz is not None:
        index = index.tz_localize(None)
        if not timezone:
            timezone = "UTC"
            notes.append(
                f"{path.name}: times have a zone and are put into UTC; "
                'timezone = "Europe/Berlin", for example, would count hours and days there'
            )
    elif timezone:
        index = localise(path, times.name, index, timezone, groups)
    if frequency:
        step = fixed_step(frequency)
        counts_days = step is None or step >= pd.Timedelta(days=1)
    else:
        counts_days = bool(timezone) and are_days(index, timezone)
    if timezone and counts_days:
        return local_times(index, timezone), timezone, True, notes
    return index, timezone, False, notes


def _rounding(times: RowTimes, spacings: np.ndarray) -> float:
    """Return to which numbers were rounded by the digits that were written; 0 for times."""
    if spacings.dtype.kind != "f" or not len(spacings):
        return 0.0
    digits = times.cells.astype(str).str.extract(r"[.,](\d+)\s*$")[0].str.len().max()
    if np.isnan(digits):
        return 0.0
    return float(min(10.0**-digits, np.median(spacings) / 4))


def _note_on_order(path: Path, index: pd.Index, groups: Sequence[np.ndarray]) -> list[str]:
    """Return a note if the rows of a series are not in the order of time."""
    values = index.to_numpy()
    for rows in groups:
        backwards = np.flatnonzero(values[rows[1:]] < values[rows[:-1]])
        if len(backwards):
            row = rows[backwards[0] + 1]
            return [
                f"{path.name}: rows are put in the order of time; row {row + 1} "
                f"({index[row]}) was the first to be earlier than the row before it"
            ]
    return []


def _require_different_times(
    path: Path,
    frame: pd.DataFrame,
    times: RowTimes,
    index: pd.Index,
    rows: np.ndarray,
    series: str,
    in_zone: bool,
) -> None:
    """Raise an InputError if a time of a series stands in two rows, with the likely reason."""
    ordered = index[rows]
    repeated = np.flatnonzero(ordered[1:] == ordered[:-1])
    if not len(repeated):
        return
    position = int(repeated[0])
    names = times.name.split(" ")
    others = [str(column) for column in frame.columns if column not in (times.name, *names)]
    id_column = find_id(others)
    clocks = [column for column in others if are_clock_times(frame[column])]
    of_series = ""
    if series:
        of_series = f" of {series}"
    if series:
        hint = "Remove one of them."
    elif clocks:
        hint = (
            f"Join it with column {clocks[0]} into one, or set time to both: "
            f'time = ["{times.name}", "{clocks[0]}"].'
        )
    elif id_column is not None or len(repeated) > len(ordered) // 3:
        hint = (
            "If the file holds several series below each other, set id to the column that names "
            "them, or give each a column of its own."
        )
    else:
        hint = "Remove one of them."
    if not clocks and not in_zone and isinstance(index, pd.DatetimeIndex) and len(repeated) < 100:
        hint = hint.removesuffix(".") + (
            "; where clocks were set back, give the times with their zone, or set timezone to its "
            'name, such as "Europe/Berlin".'
        )
    raise InputError(
        f"Each time in {path} must stand in one row. Received: {ordered[position]}{of_series} in "
        f"rows {rows[position] + 1} and {rows[position + 1] + 1}. {hint}"
    )


def _require_equal_steps(
    path: Path,
    steps: TimeSteps,
    index: pd.Index,
    rows: np.ndarray,
    positions: np.ndarray,
    series: str,
) -> None:
    """Raise an InputError if a time of a series lies between two steps, or most steps lack rows."""
    ordered = index[rows]
    off = positions < 0
    if off.any() and len(rows) == 1:
        of_series = f" of {series}" if series else ""
        raise InputError(
            f"The times of {path} must be at equal steps. Received: {steps.zoned(ordered)[0]}"
            f"{of_series} in row {rows[0] + 1}, the only row of its series, which lies between two "
            f"steps of {steps.in_words}."
        )
    if off.any():
        later = max(1, int(np.argmax(off)))
        raise InputError(
            uneven(path, steps, ordered, rows, later, series) + " Is one of these times wrong?"
        )
    covered = positions[-1] - positions[0] + 1
    if len(rows) < _FEWEST_ROWS_OF_STEPS * covered:
        later = int(np.argmax(np.diff(positions))) + 1
        raise InputError(
            uneven(path, steps, ordered, rows, later, series)
            + f" Only {len(rows):,} of {covered:,} steps have a row."
        )


def uneven(
    path: Path, steps: TimeSteps, ordered: pd.Index, rows: np.ndarray, later: int, series: str
) -> str:
    """Return an error's text: the first two rows of a series that are not one step apart.

    Args:
        ordered: times of the series, in order.
        rows: their rows, from 0.
        later: position of the later of the two in them.
    """
    of_series = ""
    if series:
        of_series = f" of {series}"
    times = steps.zoned(ordered[later - 1 : later + 1])
    return (
        f"The times of {path} must be at equal steps. Received: {times[0]}{of_series} in row "
        f"{rows[later - 1] + 1}, then {times[1]} in row {rows[later] + 1}, where most are "
        f"{steps.in_words} apart."
    )
