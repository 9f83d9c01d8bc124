"""Read tables of series: one row per time, at equal steps, and one column per series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from tcn_search.errors import InputError
from tcn_search.formats.csv_files import (
    join_names,
    numbers_of,
    open_table,
    require_cells,
    require_columns,
)
from tcn_search.formats.table_columns import SEQUENCE, find_name
from tcn_search.formats.table_layout import TableFormat, plain_name
from tcn_search.formats.times import (
    are_clock_times,
    detect_dayfirst,
    read_times,
    require_dates_or_order,
)

_TIME_NAMES = ("date", "time", "datetime", "timestamp")


class SeriesTable(NamedTuple):
    """Series at equal time steps, in the order of time.

    Attributes:
        time: times of the rows.
        time_name: column that holds the times.
        columns: names of the series.
        values: (steps, columns) float64.
        decimal: decimal sign of the numbers.
        dayfirst: whether dates are written day first; None where the dates do not show it.
        ignored: columns that were not read.
    """

    time: pd.Index
    time_name: str
    columns: tuple[str, ...]
    values: np.ndarray
    decimal: str = "."
    dayfirst: bool | None = None
    ignored: tuple[str, ...] = ()


def read_table(
    path: Path,
    time: str | None = None,
    table_format: TableFormat = TableFormat(),
    expected: TableFormat = TableFormat(),
    columns: Sequence[str] = (),
    kept_columns: Sequence[str] = (),
    preferred_time: str | None = None,
) -> SeriesTable:
    """Read a table of series with a time column at equal steps.

    Every other column that is read must hold numbers. Rows may come in any order.

    Args:
        time: the time column; by default a column called date, time, datetime or timestamp, else a
            first column without a name.
        expected: decides where cells could be read in two ways.
        columns: columns to read, in this order; by default all but the time column.
        kept_columns: columns that are never taken for row numbers, whatever their names.
        preferred_time: the time column if `time` is None and there is a column of this name.

    Raises:
        InputError: names the file, the column and the row.
    """
    known_names = {plain_name(name) for name in (*_TIME_NAMES, *columns)}
    if time:
        known_names.add(plain_name(time))
    opened = open_table(path, table_format, expected, known_names)
    if time is None and preferred_time in opened.names:
        time = preferred_time
    if time is None:
        time = find_name(opened.names, _TIME_NAMES)
        if time is None and opened.names[0] == "":  # the index of a data frame
            time = "time"
            opened = replace(opened, names=(time, *opened.names[1:]))
    column_names = [name for name in opened.names if name]
    if time is None or time not in column_names:
        raise InputError(
            f"{path} needs a time column: one called {', '.join(_TIME_NAMES)}, or set time to its "
            f"name. It has: {join_names(column_names)}"
        )
    require_columns(opened, columns)
    frame = opened.read(text_columns=[time], kept_columns=[*columns, *kept_columns])
    require_cells(path, frame, [time])
    expected = replace(expected, decimal=opened.decimal)
    index = _read_time(path, time, frame, table_format, expected)
    series = list(columns or (name for name in frame.columns if name != time))
    if not series:
        raise InputError(f"{path} has no column of numbers beside {time}.")
    values = numbers_of(path, frame, series, opened.decimal)
    order = np.argsort(index.to_numpy(), kind="stable")
    unread = [name for name in frame.columns if name not in {*series, time}]
    return SeriesTable(
        time=index[order],
        time_name=time,
        columns=tuple(series),
        # Column by column, as in a data frame: sums, and so fingerprints, depend on the order.
        values=np.asfortranarray(values[order]),
        decimal=opened.decimal,
        dayfirst=detect_dayfirst(frame[time]),
        ignored=(*frame.attrs["ignored"], *unread),
    )


def _read_time(
    path: Path, name: str, frame: pd.DataFrame, table_format: TableFormat, expected: TableFormat
) -> pd.Index:
    """Return the times of the rows, which must be at equal steps or calendar steps (months)."""
    index = read_times(path, name, frame[name], table_format, expected)
    order = np.argsort(index.to_numpy(), kind="stable")
    require_dates_or_order(path, name, frame[name], [order])
    ordered = index[order]
    _require_different_times(path, name, frame, ordered, order)
    steps = np.diff(ordered.to_numpy())
    if not len(steps):
        return index
    sizes, counts = np.unique(steps, return_counts=True)
    common_step = sizes[np.argmax(counts)]
    uneven = steps != common_step
    if steps.dtype.kind == "f":  # numbers are rounded to the digits that were written
        digits = frame[name].astype(str).str.extract(r"[.,](\d+)\s*$")[0].str.len().max()
        rounding = min(10.0 ** -(0 if np.isnan(digits) else digits), abs(common_step) / 4)
        uneven = ~np.isclose(steps, common_step, rtol=1e-4, atol=rounding)
    is_date = isinstance(ordered, pd.DatetimeIndex)
    if uneven.any() and not (is_date and len(index) > 2 and pd.infer_freq(ordered) is not None):
        position = int(np.argmax(uneven))
        shown = pd.Timedelta(common_step) if is_date else f"{common_step:g}"
        raise InputError(
            f"The times of {path} must be at equal steps. Received: {ordered[position]} in row "
            f"{order[position] + 1}, then {ordered[position + 1]} in row "
            f"{order[position + 1] + 1}, where most are {shown} apart. Fill in the missing rows "
            "first."
        )
    return index


def _require_different_times(
    path: Path, name: str, frame: pd.DataFrame, ordered: pd.Index, order: np.ndarray
) -> None:
    """Raise an InputError if a time stands in two rows, with the likely reason."""
    repeated = np.flatnonzero(ordered[1:] == ordered[:-1])
    if not len(repeated):
        return
    position = int(repeated[0])
    others = [column for column in frame.columns if column != name]
    series_column = find_name(others, SEQUENCE)
    clocks = [column for column in others if are_clock_times(frame[column])]
    if clocks:
        hint = f"Join it with column {clocks[0]} into one."
    elif series_column is not None or len(repeated) > len(ordered) // 3:
        stacked = ""
        if series_column is not None:
            stacked = f" (column {series_column})"
        hint = (
            f"If the file holds several series below each other{stacked}, give each a column of "
            "its own."
        )
    else:
        hint = "Remove one of them; where clocks were set back, give the times with their zone."
    raise InputError(
        f"Each time in {path} must stand in one row. Received: {ordered[position]} in rows "
        f"{order[position] + 1} and {order[position + 1] + 1}. {hint}"
    )
