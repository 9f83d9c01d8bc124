"""A user's sequences from .csv, .tsv and .ts files, with the test split in another file of the same form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tcn_search.errors import InputError
from tcn_search.formats.csv_files import (
    TextTable,
    as_written,
    numbers_of,
    open_table,
    require_cells,
    require_columns,
    some,
)
from tcn_search.formats.inputs import CHANNELS_STEPS, STEPS_CHANNELS
from tcn_search.formats.table_columns import SEQUENCE, STEP, TARGET, Columns, find_columns, named
from tcn_search.formats.table_layout import TableFormat, TableLayout, plain_name
from tcn_search.formats.times import found_dayfirst, read_times, require_dates_or_order
from tcn_search.formats.ts_files import read_ts
from tcn_search.tasks.task import Task
from tcn_search.tasks.task_spec import name_from_file


class Sequences(NamedTuple):
    """Sequences (T, C) float64 that may differ in length, with what belongs to them.

    Attributes:
        y: targets as they are written, (n, K), or (T,) for each sequence; of a .ts file numbers or text (n,).
            None where there are none.
        groups: one a sequence, or None.
        layout: of the table that they come from, None for a .ts file.
        ignored: names of columns that were not read.
        decimal: the decimal sign of numbers in `y`.
    """

    X: list[np.ndarray]
    y: pd.DataFrame | list[pd.Series] | np.ndarray | None = None
    groups: np.ndarray | None = None
    layout: TableLayout | None = None
    ignored: tuple[str, ...] = ()
    decimal: str = "."


def csv(
    path: str | Path,
    test: str | Path | None = None,
    target: str | Sequence[str] | None = None,
    sequence: str | None = None,
    time: str | None = None,
    group: str | None = None,
    channels: Sequence[str] | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    dayfirst: bool | None = None,
    time_format: str | None = None,
    **options: Any,
) -> Task:
    """A task from a .csv or .tsv. See `read_csv` for its columns; `options` are those of `Task.from_arrays`.

    Args:
        test: another file, for the test split.
        target: the column, or the columns of numbers, to predict; default one called target, label, class or y.
        sequence, time, group: columns with these roles; default those with the usual names.
        channels: the input columns; default all others.
        delimiter, decimal, encoding, dayfirst, time_format: see `TableFormat`; found out where that is safe.
    """
    columns = Columns(target=target, sequence=sequence, time=time, group=group, channels=channels)
    table_format = TableFormat(
        delimiter=delimiter,
        decimal=decimal,
        encoding=encoding,
        dayfirst=dayfirst,
        time_format=time_format,
    )
    files = [read_csv(Path(path), columns, table_format)]
    if test is not None:
        assert files[0].layout is not None
        files.append(read_like(Path(test), files[0].layout, with_targets=True))
    return _task([Path(file) for file in (path, test) if file is not None], files, options)


def ts(path: str | Path, test: str | Path | None = None, **options: Any) -> Task:
    """A task from a .ts, the format of the UCR/UEA archive; `options` are those of `Task.from_arrays`."""
    paths = [Path(file) for file in (path, test) if file is not None]
    return _task(paths, [Sequences(*read_ts(file)) for file in paths], options)


def _task(paths: Sequence[Path], files: Sequence[Sequences], options: dict[str, Any]) -> Task:
    if options.get("axes") == CHANNELS_STEPS:
        raise InputError(
            f"axes is for arrays: a row of {paths[0]} is a step or a sequence. Leave it out."
        )
    targets = _typed_targets(paths, files)
    every_step = any(isinstance(y, list) for y in targets)
    given: dict[str, Any] = {}
    for split, file, y in zip(("train", "test"), files, targets, strict=False):
        if every_step and isinstance(
            y, np.ndarray
        ):  # this file happens to have one class in each sequence
            y = [np.repeat(one, len(X)) for one, X in zip(y, file.X, strict=True)]
        given[f"X_{split}"] = file.X
        given[f"y_{split}"] = y
    layout = files[0].layout
    if layout is not None and len(layout.targets) > 1:
        given["class_names"] = layout.targets
        if (
            given["y_train"].dtype.kind == "i"
        ):  # never a class at each step, however many steps there are
            one_hot = (given["y_train"].sum(axis=1) == 1).all()
            given["kind"] = "classification" if one_hot else "multi_label"
    try:
        named_options = {
            "name": name_from_file(paths[0]),
            "axes": STEPS_CHANNELS,
            **given,
            **options,
        }
        task = Task.from_arrays(groups_train=files[0].groups, **named_options)
    except InputError as error:
        raise InputError(f"{paths[0]}: {error}") from error
    notes = [ignored_note(path, file.ignored) for path, file in zip(paths, files, strict=True)]
    return replace(
        task,
        spec=replace(task.spec, table=layout),
        notes=(*task.notes, *(note for note in notes if note)),
    )


def ignored_note(path: Path, names: Sequence[str]) -> str:
    """Return what is said of columns that were not read, "" if there are none."""
    return f"{path.name}: not read: column {', '.join(names)}" if names else ""


def _typed_targets(
    paths: Sequence[Path], files: Sequence[Sequences]
) -> list[np.ndarray | list[np.ndarray]]:
    """Targets of all files as numbers, where all of them are, else as text."""
    read = []
    for path, file in zip(paths, files, strict=True):
        if file.y is None and file.layout is None:
            raise InputError(
                f"{path} has no labels: its header needs @classLabel true or @targetLabel true."
            )
        if file.y is None:
            raise InputError(
                f"{path} needs a target column: one called {', '.join(TARGET)}, or say which with target. To forecast "
                "a series, say how many steps with horizon."
            )
        read.append(_typed(path, file))
    kinds = {
        np.asarray(one).dtype.kind for y in read for one in (y if isinstance(y, list) else [y])
    }
    if len(kinds) > 1 and "U" in kinds:
        read = [_as_text(file.y) for file in files]
    return read


def _typed(path: Path, file: Sequences) -> np.ndarray | list[np.ndarray]:
    if isinstance(file.y, np.ndarray):
        return file.y
    if isinstance(file.y, list):
        joined = pd.concat(file.y)
        typed = pd.Series(as_written(path, str(joined.name), joined, file.decimal), joined.index)
        if typed.dtype.kind == "f":
            raise InputError(
                f"Column {joined.name} of {path} changes from step to step, so it must hold classes, integers or text. "
                f"Received: {typed.dtype} numbers. For the next values of a series use the task forecast."
            )
        return np.split(typed.to_numpy(), np.cumsum([len(one) for one in file.y])[:-1])
    assert file.y is not None
    columns = [as_written(path, name, file.y[name], file.decimal) for name in file.y.columns]
    if len(columns) == 1:
        return columns[0]
    for name, column in zip(file.y.columns, columns, strict=True):
        if column.dtype.kind == "U":
            raise InputError(
                f"Several target columns must all hold numbers. Received: {str(column[0])!r} in column {name} of {path}"
            )
    y = np.stack(columns, axis=1)
    return y if np.isin(y, (0, 1)).all() else y.astype("float64")


def _as_text(y: Any) -> np.ndarray | list[np.ndarray]:
    if isinstance(y, list):
        return [one.to_numpy("str") for one in y]
    return y.astype(str) if isinstance(y, np.ndarray) else y.iloc[:, 0].to_numpy("str")


def read_csv(
    path: Path, columns: Columns = Columns(), table_format: TableFormat = TableFormat()
) -> Sequences:
    """Return the sequences of a .csv or .tsv (or .gz of one) with a header, in one of two forms.

    Long: a row a step, with a column called sequence, sequence_id, series, series_id or id; if there is one
    called step, time, date, datetime or timestamp, the rows of a sequence are put in its order. Wide: a row a
    sequence of one channel, a column a step; a column that names each row once is not read. Target and group
    (group, speaker, patient or subject) have columns of their own; all others hold numbers. Sequences stay in
    the order of the file. Ids, groups and classes are what is written: "01" is not "1". Only an empty cell is
    missing. A column without a name that counts the rows, as pandas writes it, is not read.

    Raises:
        InputError: names the file, the column, the row, and what is wanted.
    """
    table = open_table(path, table_format, roles=columns.roles)
    layout = find_columns(path, table.names, columns, table_format)
    named_ones = [*layout.targets, *(columns.channels or ())]
    return _sequences(table, layout, table_format, wanted=named_ones, rows_may_be_named=True)


def read_like(
    path: Path, layout: TableLayout, with_targets: bool = False, time: str | None = None
) -> Sequences:
    """Return the sequences of a table with the columns of `layout`, found by their names.

    Columns of other names are ignored. Targets and groups may be missing, and are not looked at unless
    `with_targets`; a table of a single sequence needs no column of sequences, if its times tell the order.

    Args:
        time: the column of times, if it is called otherwise here.

    Raises:
        InputError: as `read_csv`; or a column is missing.
    """
    roles = {plain_name(name) for name in (*layout.inputs, *layout.targets)}
    table = open_table(path, TableFormat(), layout.table_format, roles)
    targets = tuple(_as_there(name, table) for name in layout.targets) if with_targets else ()
    if time is None and layout.time is not None:
        time = layout.time if layout.time in table.names else named(table.names, STEP)
        time = layout.time if time is None else time
    require_columns(table, [*layout.inputs, *targets, *([time] if time is not None else [])])
    sequence = None if layout.sequence is None else _as_there(layout.sequence, table)
    if sequence is not None and sequence not in table.names:
        expected = {*layout.inputs, *layout.targets, layout.group, time, ""}
        if time is None or not set(table.names) <= expected:  # one of them may be its new name
            require_columns(table, [sequence])
        sequence = None
    wanted = replace(layout, targets=targets, group=None, sequence=sequence, time=time)
    said = TableFormat(time_format=layout.table_format.time_format)
    found = _sequences(table, wanted, said, wanted=layout.inputs)
    known = (*layout.targets, layout.group)
    return found._replace(ignored=tuple(name for name in found.ignored if name not in known))


def _as_there(name: str, table: TextTable) -> str:
    """Return a column's name as this table has it, in whatever case."""
    return name if name in table.names else named(table.names, [name]) or name


def _sequences(
    table: TextTable,
    layout: TableLayout,
    said: TableFormat,
    wanted: Sequence[str],
    rows_may_be_named: bool = False,
) -> Sequences:
    """Read the cells of a table.

    Args:
        said: how times are written; what the layout has of it is only expected.
        wanted: columns that are not row numbers, whatever they are called.
        rows_may_be_named: whether the column of sequences may name rows that are whole sequences.
    """
    path = table.path
    roles = [layout.sequence, layout.time, layout.group, *layout.targets]
    special = [name for name in roles if name is not None]
    frame = table.read(text_columns=special, wanted=wanted)
    ignored = frame.attrs["ignored"]
    inputs = [name for name in layout.inputs if name in frame.columns]
    if rows_may_be_named and _names_rows(layout, frame, inputs):
        special = [name for name in special if name != layout.sequence]
        layout = replace(layout, form="wide", sequence=None)
    if not inputs:
        raise InputError(f"{path} has no column of numbers. It has: {some([*frame.columns])}")
    values = numbers_of(path, frame, inputs, table.decimal)
    require_cells(path, frame, special)
    read = {*inputs, *special}
    ignored = [*ignored, *(name for name in frame.columns if name not in read)]
    groups = None if layout.group is None else _groups(path, layout.group, frame[layout.group])
    targets = frame[list(layout.targets)] if layout.targets else None
    table_format = replace(layout.table_format, decimal=table.decimal)
    if layout.time is not None and table_format.dayfirst is None:
        table_format = replace(table_format, dayfirst=found_dayfirst(frame[layout.time]))
    layout = replace(layout, inputs=tuple(inputs), table_format=table_format)
    if layout.form == "wide":
        X, y, groups = _wide(path, layout, values, targets, groups)
    else:
        X, y, groups = _long(path, layout, said, frame, values, targets, groups)
    return Sequences(
        X=X, y=y, groups=groups, layout=layout, ignored=tuple(ignored), decimal=table.decimal
    )


def _groups(path: Path, name: str, column: pd.Series) -> np.ndarray:
    groups = as_written(path, name, column)
    return column.to_numpy("str") if groups.dtype.kind == "f" else groups


def _names_rows(layout: TableLayout, frame: pd.DataFrame, inputs: Sequence[str]) -> bool:
    """Whether the column of sequences has another one in each row, which is a whole sequence then."""
    if layout.sequence is None or layout.time is not None:
        return False
    return min(len(frame), len(inputs)) > 1 and bool(frame[layout.sequence].is_unique)


def _wide(
    path: Path,
    layout: TableLayout,
    values: np.ndarray,
    targets: pd.DataFrame | None,
    groups: np.ndarray | None,
) -> tuple[list[np.ndarray], pd.DataFrame | None, np.ndarray | None]:
    if layout.time is not None:  # a row is a step, of the only sequence
        if targets is not None:
            raise InputError(
                f"{path} has a column {layout.time}, so a row is a step, but no column says of which sequence: add one "
                f"called {', '.join(SEQUENCE)}. To forecast one long series, say how many steps with horizon."
            )
        return [values], None, None
    return list(values[..., None]), targets, groups


def _long(
    path: Path,
    layout: TableLayout,
    said: TableFormat,
    frame: pd.DataFrame,
    values: np.ndarray,
    targets: pd.DataFrame | None,
    groups: np.ndarray | None,
) -> tuple[list[np.ndarray], pd.DataFrame | list[pd.Series] | None, np.ndarray | None]:
    rows = _rows_of_sequences(path, layout, said, frame)
    X = [values[one] for one in rows]
    first = [one[0] for one in rows]
    if groups is not None:
        _require_one_group(path, layout, frame, groups, rows)
        groups = groups[first]
    if targets is None:
        return X, None, groups
    cells = targets.to_numpy(object)
    changes = [one for one in rows if (cells[one] != cells[one[0]]).any()]
    if not changes:
        return X, targets.iloc[first], groups
    if targets.shape[1] > 1:
        raise InputError(
            f"Several target columns must not change within a sequence. Received: {', '.join(targets.columns)} of "
            f"{path}, which change in sequence {frame[layout.sequence].iloc[changes[0][0]]}"
        )
    return X, [targets.iloc[one, 0] for one in rows], groups


def _rows_of_sequences(
    path: Path, layout: TableLayout, said: TableFormat, frame: pd.DataFrame
) -> list[np.ndarray]:
    """Return the rows of each sequence, in the order of its steps."""
    ids = pd.Series("", index=frame.index) if layout.sequence is None else frame[layout.sequence]
    if len(frame) > 1 and ids.is_unique:
        raise InputError(
            f"Each value of column {layout.sequence} of {path} stands in one row, so every sequence would have a "
            "single step. Where a row is a sequence, leave that column out."
        )
    numbers = pd.factorize(ids)[0]  # in the order of the file
    order = np.argsort(numbers, kind="stable")
    if layout.time is None:
        return np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1)
    times = read_times(path, layout.time, frame[layout.time], said, layout.table_format).to_numpy()
    if layout.sequence is None and len(np.unique(times)) < len(times):
        raise InputError(
            f"{path} needs a column that says of which sequence a row is, as in training: its times occur more "
            "than once."
        )
    by_time = np.argsort(times, kind="stable")
    order = by_time[np.argsort(numbers[by_time], kind="stable")]
    rows = np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1)
    require_dates_or_order(path, layout.time, frame[layout.time], rows)
    return rows


def _require_one_group(
    path: Path,
    layout: TableLayout,
    frame: pd.DataFrame,
    groups: np.ndarray,
    rows: Sequence[np.ndarray],
) -> None:
    for one in rows:
        other = one[groups[one] != groups[one[0]]]
        if len(other):
            raise InputError(
                f"Column {layout.group} of {path} must be the same in all rows of a sequence. Received: "
                f"{groups[one[0]]} and {groups[other[0]]} in sequence {frame[layout.sequence].iloc[one[0]]}, the "
                f"second in row {other.min() + 1}"
            )
