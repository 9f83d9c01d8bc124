"""Read sequences from text tables: long (one row per step) or wide (one row per sequence)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from tcn_search.errors import InputError
from tcn_search.formats.csv_files import (
    TextTable,
    join_names,
    numbers_of,
    numbers_or_text,
    open_table,
    require_cells,
    require_columns,
    text_of,
)
from tcn_search.formats.table_columns import SEQUENCE, STEP, Columns, find_columns, find_name
from tcn_search.formats.table_layout import TableFormat, TableLayout, plain_name
from tcn_search.formats.times import detect_dayfirst, read_times, require_dates_or_order


class FileSequences(NamedTuple):
    """Sequences read from a file, with their targets and groups.

    Attributes:
        X: sequences (T, C) in float64, which may differ in length.
        y: targets of a table as text, (n, K), or (T,) for each sequence; of a .ts file numbers or
            text (n,). None if there are none.
        groups: (n,) group of each sequence, or None.
        layout: layout of the table, None for a .ts file.
        ignored: names of columns that were not read.
        decimal: decimal sign of numbers in `y`.
    """

    X: list[np.ndarray]
    y: pd.DataFrame | list[pd.Series] | np.ndarray | None = None
    groups: np.ndarray | None = None
    layout: TableLayout | None = None
    ignored: tuple[str, ...] = ()
    decimal: str = "."


@dataclass(frozen=True)
class _Cells:
    """Cells of a table before its rows are assigned to sequences.

    Attributes:
        values: (rows, inputs) in float64.
        targets: columns of text, or None.
        groups: (rows,), or None.
    """

    path: Path
    layout: TableLayout
    frame: pd.DataFrame
    values: np.ndarray
    targets: pd.DataFrame | None
    groups: np.ndarray | None


def read_sequences(
    path: Path, columns: Columns = Columns(), table_format: TableFormat = TableFormat()
) -> FileSequences:
    """Return the sequences of a .csv or .tsv (or .gz of one) with a header, in one of two forms.

    Long: one row per step, with a column named sequence, sequence_id, series, series_id or id. If
    there is a column named step, time, date, datetime or timestamp, the rows of a sequence are
    sorted by it. Wide: one row per sequence of one channel, one column per step; a column of ids
    that differ in every row is not read.

    Target and group (group, speaker, patient or subject) have columns of their own; all others hold
    numbers. Sequences keep the order of the file. Ids, groups and classes stay as written: "01" is
    not "1". Only an empty cell is missing. A column without a name that numbers the rows, as pandas
    writes it, is not read.

    Args:
        columns: roles of columns whose names are not recognised.
        table_format: how the table is written, where that cannot be detected.

    Raises:
        InputError: the table cannot be read; names the file, the column, the row and the rule.
    """
    table = open_table(path, table_format, known_names=columns.known_names)
    layout = find_columns(path, table.names, columns, table_format)
    kept_columns = [*layout.targets, *(columns.channels or ())]
    return _read(table, layout, table_format, kept_columns, rows_may_have_ids=True)


def read_sequences_like(
    path: Path, layout: TableLayout, with_targets: bool = False, time: str | None = None
) -> FileSequences:
    """Return the sequences of a table with the columns of `layout`, found by their names.

    Columns of other names are ignored. Targets and groups may be missing, and are not read unless
    `with_targets`. A table of a single sequence needs no column of sequences if it has times.

    Args:
        layout: layout of the table of training.
        time: the column of times if its name is not the one in `layout`.

    Raises:
        InputError: a column is missing, or as `read_sequences`.
    """
    known_names = {plain_name(name) for name in (*layout.inputs, *layout.targets)}
    table = open_table(path, TableFormat(), layout.table_format, known_names)
    targets: tuple[str, ...] = ()
    if with_targets:
        targets = tuple(_name_in(table, name) for name in layout.targets)
    if time is None and layout.time is not None:
        time = layout.time
        if time not in table.names:
            time = find_name(table.names, STEP) or layout.time
    required = [*layout.inputs, *targets]
    if time is not None:
        required.append(time)
    require_columns(table.path, table.names, required)
    sequence = None
    if layout.sequence is not None:
        sequence = _name_in(table, layout.sequence)
    if sequence is not None and sequence not in table.names:
        known = {*layout.inputs, *layout.targets, layout.group, time, ""}
        if time is None or not set(table.names) <= known:  # another column may hold the ids
            require_columns(table.path, table.names, [sequence])
        sequence = None
    new_layout = replace(layout, targets=targets, group=None, sequence=sequence, time=time)
    given_format = TableFormat(time_format=layout.table_format.time_format)
    sequences = _read(table, new_layout, given_format, kept_columns=layout.inputs)
    not_inputs = (*layout.targets, layout.group)
    ignored = tuple(name for name in sequences.ignored if name not in not_inputs)
    return sequences._replace(ignored=ignored)


def _name_in(table: TextTable, name: str) -> str:
    """Return a column's name as this table spells it, or `name` if there is no such column."""
    if name in table.names:
        return name
    return find_name(table.names, [name]) or name


def _read(
    table: TextTable,
    layout: TableLayout,
    given_format: TableFormat,
    kept_columns: Sequence[str],
    rows_may_have_ids: bool = False,
) -> FileSequences:
    """Read the cells of a table and assign its rows to sequences.

    Args:
        given_format: how times are written as set by the user; the format in `layout` only decides
            where they could be read in two ways.
        kept_columns: columns that are never taken for row numbers, whatever their names.
        rows_may_have_ids: whether each row may be a whole sequence, with its own id in the column
            of sequences.
    """
    path = table.path
    roles = [layout.sequence, layout.time, layout.group, *layout.targets]
    special = [name for name in roles if name is not None]
    frame = table.read(text_columns=special, kept_columns=kept_columns)
    ignored = frame.attrs["ignored"]
    inputs = [name for name in layout.inputs if name in frame.columns]
    if rows_may_have_ids and _has_id_per_row(layout, frame, inputs):
        special = [name for name in special if name != layout.sequence]
        layout = replace(layout, form="wide", sequence=None)
    if not inputs:
        raise InputError(f"{path} has no column of numbers. It has: {join_names([*frame.columns])}")
    if rows_may_have_ids and layout.sequence is None:
        _refuse_repeated_names(path, frame, inputs)
    values = numbers_of(path, frame, inputs, table.decimal)
    require_cells(path, frame, special)
    read = {*inputs, *special}
    ignored = [*ignored, *(name for name in frame.columns if name not in read)]
    table_format = replace(layout.table_format, decimal=table.decimal)
    if layout.time is not None and table_format.dayfirst is None:
        table_format = replace(table_format, dayfirst=detect_dayfirst(frame[layout.time]))
    layout = replace(layout, inputs=tuple(inputs), table_format=table_format)
    cells = _Cells(
        path=path,
        layout=layout,
        frame=frame,
        values=values,
        targets=frame[list(layout.targets)] if layout.targets else None,
        groups=_read_groups(path, layout.group, frame),
    )
    y: pd.DataFrame | list[pd.Series] | None
    if layout.form == "wide":
        X, y, groups = _split_wide(cells, given_format)
    else:
        X, y, groups = _split_long(cells, given_format)
    return FileSequences(
        X=X, y=y, groups=groups, layout=layout, ignored=tuple(ignored), decimal=table.decimal
    )


def _refuse_repeated_names(path: Path, frame: pd.DataFrame, inputs: Sequence[str]) -> None:
    """Raise an InputError if a column has the same names in many rows, as ids of sequences have."""
    for name in inputs:
        column = frame[name].dropna().astype(str)
        are_names = not column.empty and not column.str.contains(r"^\s*[-+.,]?\d").any()
        if are_names and column.nunique() <= len(column) / 2:
            raise InputError(
                f"Column {name} of {path} must hold numbers. Received: {column.iloc[0]!r}. If it "
                f'tells the sequence of a row, set sequence = "{name}", on the command line '
                f"--set task.sequence={name}"
            )


def _read_groups(path: Path, name: str | None, frame: pd.DataFrame) -> np.ndarray | None:
    if name is None:
        return None
    groups = numbers_or_text(path, name, frame[name])
    if groups.dtype.kind == "f":
        return text_of(frame[name])
    return groups


def _has_id_per_row(layout: TableLayout, frame: pd.DataFrame, inputs: Sequence[str]) -> bool:
    """Return whether ids differ in every row and there is no time: a row is a whole sequence."""
    if layout.sequence is None or layout.time is not None:
        return False
    return min(len(frame), len(inputs)) > 1 and bool(frame[layout.sequence].is_unique)


def _split_wide(
    cells: _Cells, given_format: TableFormat
) -> tuple[list[np.ndarray], pd.DataFrame | None, np.ndarray | None]:
    """Return sequences, targets and groups of a table whose rows are sequences.

    With a column of times, the rows are the steps of a single sequence without targets, in the
    order of these times.
    """
    if cells.layout.time is None:
        return list(cells.values[..., None]), cells.targets, cells.groups
    if cells.targets is not None:
        raise InputError(
            f"{cells.path} has a column {cells.layout.time}, so a row is a step, but no column "
            f"tells the sequence of a row: add one called {', '.join(SEQUENCE)}. To forecast one "
            "long series, set horizon to a number of steps."
        )
    (rows,) = _rows_of_sequences(cells, given_format)
    return [cells.values[rows]], None, None


def _split_long(
    cells: _Cells, given_format: TableFormat
) -> tuple[list[np.ndarray], pd.DataFrame | list[pd.Series] | None, np.ndarray | None]:
    """Return sequences, targets and groups of a table whose rows are steps.

    Targets are (n, K), or (T,) for each sequence if they change within a sequence.
    """
    rows = _rows_of_sequences(cells, given_format)
    X = [cells.values[rows_of_sequence] for rows_of_sequence in rows]
    first_rows = [rows_of_sequence[0] for rows_of_sequence in rows]
    groups = None
    if cells.groups is not None:
        _require_one_group_each(cells, cells.groups, rows)
        groups = cells.groups[first_rows]
    targets = cells.targets
    if targets is None:
        return X, None, groups
    target_cells = targets.to_numpy(object)
    changing = [
        rows_of_sequence
        for rows_of_sequence in rows
        if (target_cells[rows_of_sequence] != target_cells[rows_of_sequence[0]]).any()
    ]
    if not changing:
        return X, targets.iloc[first_rows], groups
    if targets.shape[1] > 1:
        raise InputError(
            "Several target columns must not change within a sequence. Received: "
            f"{', '.join(targets.columns)} of {cells.path}, which change in sequence "
            f"{cells.frame[cells.layout.sequence].iloc[changing[0][0]]}"
        )
    return X, [targets.iloc[rows_of_sequence, 0] for rows_of_sequence in rows], groups


def _rows_of_sequences(cells: _Cells, given_format: TableFormat) -> list[np.ndarray]:
    """Return the rows of each sequence, in the order of its steps."""
    path = cells.path
    frame = cells.frame
    layout = cells.layout
    ids = pd.Series("", index=frame.index)
    if layout.sequence is not None:
        ids = frame[layout.sequence]
    if len(frame) > 1 and ids.is_unique:
        raise InputError(
            f"Each value of column {layout.sequence} of {path} stands in one row, so every "
            "sequence would have a single step. Where a row is a sequence, leave that column out."
        )
    numbers = pd.factorize(ids)[0]  # sequences are numbered in the order of the file
    if layout.time is None:
        return _split_by_number(numbers, np.arange(len(frame)))
    times = read_times(path, layout.time, frame[layout.time], given_format, layout.table_format)
    if layout.sequence is None and len(np.unique(times)) < len(times):
        as_in_training = ", as in training" if layout.form == "long" else ""
        raise InputError(
            f"{path} needs a column that tells the sequence of a row{as_in_training}: its times "
            "occur more than once."
        )
    rows = _split_by_number(numbers, np.argsort(times.to_numpy(), kind="stable"))
    require_dates_or_order(path, layout.time, frame[layout.time], rows)
    return rows


def _split_by_number(numbers: np.ndarray, order: np.ndarray) -> list[np.ndarray]:
    """Return the rows of each number, which keep the order of `order`."""
    order = order[np.argsort(numbers[order], kind="stable")]
    return np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1)


def _require_one_group_each(cells: _Cells, groups: np.ndarray, rows: Sequence[np.ndarray]) -> None:
    """Raise an InputError if a sequence has rows of two groups."""
    for rows_of_sequence in rows:
        first = rows_of_sequence[0]
        others = rows_of_sequence[groups[rows_of_sequence] != groups[first]]
        if len(others):
            raise InputError(
                f"Column {cells.layout.group} of {cells.path} must be the same in all rows of a "
                f"sequence. Received: {groups[first]} and {groups[others[0]]} in sequence "
                f"{cells.frame[cells.layout.sequence].iloc[first]}, the second in row "
                f"{others.min() + 1}"
            )
