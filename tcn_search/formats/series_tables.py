"""Read tables of series: side by side, a column each, or below each other, named by a column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from tcn_search.errors import InputError
from tcn_search.formats.csv_files import TextTable, require_cells, require_columns
from tcn_search.formats.series_cells import Cells, read_cells, same_in_all_rows
from tcn_search.formats.series_columns import (
    SeriesColumns,
    SeriesRoles,
    assign_columns,
    find_id,
    find_time,
    has_time,
)
from tcn_search.formats.series_source import FrameTable, open_series, with_named_index
from tcn_search.formats.series_times import order_rows, read_row_times
from tcn_search.formats.table_layout import TableFormat
from tcn_search.formats.time_steps import TimeSteps


@dataclass(frozen=True, eq=False)
class Series:
    """One series, or the series of a table side by side, at equal steps of time.

    Attributes:
        id: its name; "" in a table with a column for each series.
        start: step of its first row, on the time grid of all series.
        values: (steps, inputs) float64, NaN where a value is missing.
        rows: (steps,) row of the file, from 0; −1 where a step has none.
        holidays: (steps,) whether a step is on a holiday; None where no column says so.
        static: (static columns,).
    """

    id: str
    start: int
    values: np.ndarray
    rows: np.ndarray
    holidays: np.ndarray | None
    static: np.ndarray

    def __len__(self) -> int:
        return len(self.values)

    @property
    def end(self) -> int:
        """The step after the last one, on the time grid of all series."""
        return self.start + len(self.values)


@dataclass(frozen=True, eq=False)
class SeriesTable:
    """Series at equal steps of time, in its order.

    Attributes:
        path: the file, for messages.
        steps: their step of time.
        columns: the columns by their roles.
        series: each series, in the order of their first rows.
        texts: columns of text, each with its texts in the order of their numbers.
        table_format: how the table was written.
        notes: messages to the user, one line each.
        ignored: columns that were not read.
    """

    path: Path
    steps: TimeSteps
    columns: SeriesColumns
    series: tuple[Series, ...]
    texts: dict[str, tuple[str, ...]]
    table_format: TableFormat
    notes: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    def time(self, series: Series, step: int) -> object:
        """Return the time of a step of a series, with its zone."""
        return self.steps.zoned(self.steps.times(series.start + step, 1))[0]

    @property
    def end(self) -> int:
        """The step after the last one of all series."""
        return max(series.end for series in self.series)


@dataclass(frozen=True)
class TrainedTable:
    """What is known of the columns of a table from training.

    Attributes:
        columns: the columns by their roles; all of them are needed.
        texts: columns of text, each with the texts that were trained on.
        table_format: decides where cells could be read in two ways.
        frequency: step of time; "" if it is not known.
    """

    columns: SeriesColumns
    texts: dict[str, tuple[str, ...]]
    table_format: TableFormat
    frequency: str = ""


def read_series(
    source: str | Path | pd.DataFrame,
    roles: SeriesRoles = SeriesRoles(),
    table_format: TableFormat = TableFormat(),
    timezone: str = "",
    trained: TrainedTable | None = None,
) -> SeriesTable:
    """Read series at equal steps of time. Rows may come in any order, and may be missing.

    Args:
        source: a .csv, .tsv or .parquet, or a data frame.
        roles: columns that the user has set; with `trained` only the time column.
        table_format: as the user has set it; the rest is detected.
        timezone: time zone of times without one, and of the calendar; "" for none.
        trained: columns that were trained on, for new rows.

    Raises:
        InputError: names the file, the column and the row.
    """
    expected = TableFormat()
    if trained is not None:
        expected = trained.table_format
    opened = open_series(source, table_format, expected, roles.known_names)
    path = opened.path
    if trained is not None and roles.time is None:
        roles = _time_as_trained(opened, roles, trained)
    if not has_time(opened.names, roles):
        opened = with_named_index(opened)
    time = find_time(path, [name for name in opened.names if name], roles)
    if trained is not None:
        require_columns(path, opened.names, trained.columns.without_time)
    frame = _read_frame(opened, time, roles, trained)
    require_cells(path, frame, time)
    frequency = "" if trained is None else trained.frequency
    times = read_row_times(
        path, frame, time, table_format, replace(expected, decimal=opened.decimal), frequency
    )
    if trained is None:
        id_column = roles.id or _find_id(frame, time, times.index)
        columns = assign_columns(path, frame, time, id_column, roles)
        texts = None
    else:
        columns = trained.columns.in_table(time, list(frame.columns))
        texts = trained.texts
    ids, groups = _groups(path, frame, columns.id)
    ordered = order_rows(
        path,
        frame,
        times,
        groups,
        ids,
        timezone,
        frequency,
    )
    cells = read_cells(path, frame, columns, opened.decimal, texts)
    series = tuple(
        _series(path, frame, columns, cells, name, rows, positions)
        for name, rows, positions in zip(ids, ordered.rows, ordered.positions, strict=True)
    )
    dayfirst = table_format.dayfirst
    if dayfirst is None:
        dayfirst = times.dayfirst
    return SeriesTable(
        path=path,
        steps=ordered.steps,
        columns=columns,
        series=series,
        texts=cells.texts,
        table_format=replace(table_format, decimal=opened.decimal, dayfirst=dayfirst),
        notes=(
            *ordered.notes,
            *(f"{path.name}: text {text} was not trained on" for text in cells.unknown),
        ),
        ignored=(*frame.attrs["ignored"], *columns.unread),
    )


def _time_as_trained(
    opened: TextTable | FrameTable, roles: SeriesRoles, trained: TrainedTable
) -> SeriesRoles:
    """Return the roles with the time columns of the training, if the table has them."""
    if set(trained.columns.time) <= set(opened.names):
        return replace(roles, time=trained.columns.time)
    return roles


def _read_frame(
    opened: TextTable | FrameTable,
    time: Sequence[str],
    roles: SeriesRoles,
    trained: TrainedTable | None,
) -> pd.DataFrame:
    """Read the cells; times and the names of series are text."""
    text_columns = list(time)
    kept = list(roles.named)
    id_column = roles.id
    if trained is not None:
        kept = list(trained.columns.without_time)
        id_column = trained.columns.id or None
    if id_column is not None:
        if id_column not in opened.names:
            raise InputError(
                f"{opened.path} has no column {id_column!r}. It has: "
                f"{', '.join(name for name in opened.names if name)}"
            )
        text_columns.append(id_column)
    return opened.read(text_columns=text_columns, kept_columns=kept)


def _find_id(frame: pd.DataFrame, time: Sequence[str], index: pd.Index) -> str:
    """Return the column that names the series, if times repeat and there is one; else ""."""
    if index.is_unique:
        return ""
    others = [str(name) for name in frame.columns if name not in time]
    return find_id(others) or ""


def _groups(
    path: Path, frame: pd.DataFrame, id_column: str
) -> tuple[tuple[str, ...], list[np.ndarray]]:
    """Return the names of the series, and the rows of each, in the order of the file."""
    if not id_column:
        return ("",), [np.arange(len(frame))]
    require_cells(path, frame, [id_column])
    numbers, names = pd.factorize(frame[id_column].astype(str))
    order = np.argsort(numbers, kind="stable")
    borders = np.flatnonzero(np.diff(numbers[order])) + 1
    return tuple(map(str, names)), np.split(order, borders)


def _series(
    path: Path,
    frame: pd.DataFrame,
    columns: SeriesColumns,
    cells: Cells,
    name: str,
    rows: np.ndarray,
    positions: np.ndarray,
) -> Series:
    """Return a series with a row for each of its steps."""
    start = int(positions[0])
    steps = positions - start
    count = int(steps[-1]) + 1
    rows_of_steps = np.full(count, -1)
    rows_of_steps[steps] = rows
    # Column by column, as in a data frame: sums, and so fingerprints, depend on the order.
    values = np.full((count, len(columns.inputs)), np.nan, order="F")
    values[steps] = cells.values[rows]
    holidays = None
    if cells.holidays is not None:
        holidays = np.zeros(count, bool)
        holidays[steps] = cells.holidays[rows]
    return Series(
        id=name,
        start=start,
        values=values,
        rows=rows_of_steps,
        holidays=holidays,
        static=same_in_all_rows(path, columns.static, frame, cells.static, rows),
    )
