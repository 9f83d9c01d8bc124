"""A user's sequences from .csv, .tsv and .ts files, with the test split in another file of the same form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tcn_search.errors import InputError
from tcn_search.tasks.csv_files import TextTable, as_written, numbers_of, open_table
from tcn_search.tasks.inputs import STEPS_CHANNELS
from tcn_search.tasks.table_layout import TableFormat, TableLayout
from tcn_search.tasks.task import Task
from tcn_search.tasks.times import read_times
from tcn_search.tasks.ts_files import read_ts

SEQUENCE = ("sequence", "sequence_id", "series", "series_id", "id")
STEP = ("step", "time", "date", "datetime", "timestamp")
TARGET = ("target", "label", "class", "y")  # in this order: beside a label, y is a channel
GROUP = ("group", "speaker", "patient", "subject")


class Sequences(NamedTuple):
    """Sequences (T, C) float64 that may differ in length, with what belongs to them.

    Attributes:
        y: targets as they are written, (n, K), or (T,) for each sequence; of a .ts file numbers or text (n,).
            None where there are none.
        groups: one a sequence, or None.
        layout: of the table that they come from, None for a .ts file.
        left_out: names of columns that were not read.
        decimal: the decimal sign of numbers in `y`.
    """

    X: list[np.ndarray]
    y: pd.DataFrame | list[pd.Series] | np.ndarray | None
    groups: np.ndarray | None = None
    layout: TableLayout | None = None
    left_out: tuple[str, ...] = ()
    decimal: str = "."


@dataclass(frozen=True)
class Columns:
    """Columns that a user named, where they are called otherwise than usual."""

    target: str | Sequence[str] | None = None
    sequence: str | None = None
    time: str | None = None
    group: str | None = None
    channels: Sequence[str] | None = None

    @property
    def targets(self) -> list[str]:
        """Return the target columns that were named."""
        if self.target is None:
            return []
        return [self.target] if isinstance(self.target, str) else list(self.target)


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
    columns = Columns(target, sequence, time, group, channels)
    written = TableFormat(delimiter, decimal, encoding, dayfirst, time_format)
    files = [read_csv(Path(path), columns, written)]
    if test is not None:
        assert files[0].layout is not None
        files.append(read_like(Path(test), files[0].layout, with_targets=True))
    return _task([Path(file) for file in (path, test) if file is not None], files, options)


def ts(path: str | Path, test: str | Path | None = None, **options: Any) -> Task:
    """A task from a .ts, the format of the UCR/UEA archive; `options` are those of `Task.from_arrays`."""
    paths = [Path(file) for file in (path, test) if file is not None]
    return _task(paths, [Sequences(*read_ts(file)) for file in paths], options)


def _task(paths: Sequence[Path], files: Sequence[Sequences], options: dict[str, Any]) -> Task:
    steps = max(len(X) for file in files for X in file.X)
    targets = _typed_targets(paths, files)
    every_step = any(isinstance(y, list) for y in targets)
    given: dict[str, Any] = {}
    for split, file, y in zip(("train", "test"), files, targets, strict=False):
        given[f"X_{split}"], lengths = pad(file.X, steps)
        given[f"lengths_{split}"] = None if (lengths == steps).all() else lengths
        if every_step and isinstance(y, np.ndarray):  # this file happens to have one class in each sequence
            y = [np.repeat(one, len(X)) for one, X in zip(y, file.X, strict=True)]
        given[f"y_{split}"] = y if isinstance(y, np.ndarray) else _padded_targets(y, steps)
    layout = files[0].layout
    if layout is not None and len(layout.targets) > 1:
        given["class_names"] = layout.targets
    try:
        named = {"name": paths[0].name.split(".")[0], "axes": STEPS_CHANNELS, **options}
        task = Task.from_arrays(groups_train=files[0].groups, **given, **named)
    except InputError as error:
        raise InputError(f"{paths[0]}: {error}") from error
    notes = [left_out_note(path, file.left_out) for path, file in zip(paths, files, strict=True)]
    return replace(
        task, spec=replace(task.spec, table=layout), notes=(*task.notes, *(note for note in notes if note))
    )


def left_out_note(path: Path, names: Sequence[str]) -> str:
    """Return what is said of columns that were not read, "" if there are none."""
    return f"{path.name}: not read: column {', '.join(names)}" if names else ""


def _typed_targets(paths: Sequence[Path], files: Sequence[Sequences]) -> list[np.ndarray | list[np.ndarray]]:
    """Targets of all files as numbers, where all of them are, else as text."""
    read = []
    for path, file in zip(paths, files, strict=True):
        if file.y is None:
            raise InputError(
                f"{path} needs a target column: one called {', '.join(TARGET)}, or say which with target."
            )
        read.append(_typed(path, file))
    kinds = {np.asarray(one).dtype.kind for y in read for one in (y if isinstance(y, list) else [y])}
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


def read_csv(path: Path, columns: Columns = Columns(), written: TableFormat = TableFormat()) -> Sequences:
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
    table = open_table(path, written)
    return _sequences(table, _layout(table, columns, written), rows_may_be_named=True)


def read_like(path: Path, layout: TableLayout, with_targets: bool = False) -> Sequences:
    """Return the sequences of a table with the columns of `layout`, found by their names.

    Columns of other names are left out. Targets and groups may be missing, and are not looked at unless
    `with_targets`.

    Raises:
        InputError: as `read_csv`; or a column is missing.
    """
    table = open_table(path, layout.written)
    targets = layout.targets if with_targets else ()
    there = set(table.names)
    missing = [name for name in (*layout.inputs, *targets) if name not in there]
    if missing:
        raise InputError(
            f"{path} must have the columns that were trained on. Missing: {_some(missing)}. "
            f"It has: {_some([name for name in table.names if name])}"
        )
    wanted = replace(
        layout,
        targets=targets,
        group=None,
        sequence=layout.sequence if layout.sequence in there else None,
        time=layout.time if layout.time in there else None,
    )
    found = _sequences(table, wanted)
    known = (*layout.targets, layout.group)
    return found._replace(left_out=tuple(name for name in found.left_out if name not in known))


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")


def _layout(table: TextTable, columns: Columns, written: TableFormat) -> TableLayout:
    """Find the columns by what they are called, or were said to be called."""
    path, names = table.path, [name for name in table.names if name]
    sequence = _role(path, names, "sequence", SEQUENCE, columns.sequence)
    group = _role(path, names, "group", GROUP, columns.group)
    step = columns.time if columns.time is not None else named(names, STEP)
    targets = columns.targets
    if columns.target is None:
        found = _role(path, [name for name in names if name.lower() != "y"], "target", TARGET, None)
        found = found or named(names, ("y",))
        targets = [found] if found else []
    given = [step, *targets, *(columns.channels or [])]
    for name in given:
        if name is not None and name not in names and name not in TARGET:
            raise InputError(f"{path} has no column {name!r}. It has: {_some(names)}")
    special = [name for name in (sequence, step, group, *targets) if name is not None]
    repeated = [name for place, name in enumerate(special) if name in special[:place]]
    if repeated or set(special) & set(columns.channels or ()):
        name = (repeated or [name for name in special if name in (columns.channels or ())])[0]
        raise InputError(f"Column {name} of {path} can have one role only. Received: it is named for two")
    inputs = columns.channels
    if inputs is None:
        inputs = [name for name in names if name not in special]
    return TableLayout(
        form="wide" if sequence is None else "long",
        inputs=tuple(inputs),
        targets=tuple(name for name in targets if name in names),
        sequence=sequence,
        time=step,
        group=group,
        written=written,
    )


def named(names: Sequence[str], wanted: Sequence[str]) -> str | None:
    """Return the first of the names that are wanted, whatever its case and what stands between its words."""
    by_name = {_plain_name(name): name for name in reversed(names)}
    return next((by_name[_plain_name(name)] for name in wanted if _plain_name(name) in by_name), None)


def _plain_name(name: str) -> str:
    return name.lower().replace(" ", "").replace("_", "").replace("-", "")


def _role(path: Path, names: Sequence[str], role: str, usual: Sequence[str], said: str | None) -> str | None:
    """Return the column with a role: the one that was said, or the only one with a usual name."""
    if said is not None:
        if said not in names:
            raise InputError(f"{path} has no column {said!r}. It has: {_some(names)}")
        return said
    plain = {_plain_name(name) for name in usual}
    found = [name for name in names if _plain_name(name) in plain]
    if len(found) > 1:
        raise InputError(
            f"{path} has {len(found)} columns that may be the {role}: {', '.join(found)}. Say which with "
            f"{role} = {found[0]!r}, and with channels which columns are inputs."
        )
    return found[0] if found else None


def _sequences(table: TextTable, layout: TableLayout, rows_may_be_named: bool = False) -> Sequences:
    path = table.path
    roles = [layout.sequence, layout.time, layout.group, *layout.targets]
    special = [name for name in roles if name is not None]
    frame = table.read(text_columns=special)
    counters = frame.attrs["left_out"]
    inputs = [name for name in layout.inputs if name not in counters]
    if rows_may_be_named and _names_rows(layout, frame, inputs):
        special = [name for name in special if name != layout.sequence]
        layout = replace(layout, form="wide", sequence=None)
    layout = replace(layout, inputs=tuple(inputs))
    if not inputs:
        raise InputError(f"{path} has no column of numbers. It has: {_some([*frame.columns])}")
    values = numbers_of(path, frame, inputs)
    for name in special:
        empty = np.flatnonzero(frame[name].isna())
        if len(empty):
            raise InputError(
                f"Column {name} of {path} must not have empty cells. Received: {len(empty)}, the first in row "
                f"{empty[0] + 1}"
            )
    read = {*inputs, *special}
    left_out = [*counters, *(name for name in frame.columns if name not in read)]
    groups = None if layout.group is None else as_written(path, layout.group, frame[layout.group])
    targets = frame[list(layout.targets)] if layout.targets else None
    if layout.sequence is None:
        X, y, groups = _wide(path, layout, values, targets, groups)
    else:
        X, y, groups = _long(path, layout, frame, values, targets, groups)
    return Sequences(X, y, groups, layout, tuple(left_out), table.decimal)


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
    if layout.form == "long" or layout.time is not None:  # a long table that holds a single sequence
        if targets is not None:
            raise InputError(
                f"{path} has a column {layout.time}, so a row is a step, but no column says of which sequence: add one "
                f"called {', '.join(SEQUENCE)}. For one long series use the task forecast."
            )
        return [values], None, None
    return list(values[..., None]), targets, groups


def _long(
    path: Path,
    layout: TableLayout,
    frame: pd.DataFrame,
    values: np.ndarray,
    targets: pd.DataFrame | None,
    groups: np.ndarray | None,
) -> tuple[list[np.ndarray], pd.DataFrame | list[pd.Series] | None, np.ndarray | None]:
    assert layout.sequence is not None
    ids = frame[layout.sequence]
    if len(frame) > 1 and ids.is_unique:
        raise InputError(
            f"Each value of column {layout.sequence} of {path} stands in one row, so every sequence would have a "
            "single step. Where a row is a sequence, leave that column out."
        )
    numbers = pd.factorize(ids)[0]  # in the order of the file
    order = np.argsort(numbers, kind="stable")
    if layout.time is not None:
        times = read_times(path, layout.time, frame[layout.time], layout.written)
        by_time = np.argsort(times.to_numpy(), kind="stable")
        order = by_time[np.argsort(numbers[by_time], kind="stable")]
    borders = np.flatnonzero(np.diff(numbers[order])) + 1
    rows = np.split(order, borders)
    X = [values[one] for one in rows]
    first = [one[0] for one in rows]
    if groups is not None:
        for one in rows:
            other = one[groups[one] != groups[one[0]]]
            if len(other):
                raise InputError(
                    f"Column {layout.group} of {path} must be the same in all rows of a sequence. Received: "
                    f"{groups[one[0]]} and {groups[other[0]]} in sequence {ids.iloc[one[0]]}, the second in row "
                    f"{other.min() + 1}"
                )
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
            f"{path}, which change in sequence {ids.iloc[changes[0][0]]}"
        )
    return X, [targets.iloc[one, 0] for one in rows], groups


def pad(sequences: Sequence[np.ndarray], steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (n, steps, C) with NaN beyond each sequence's end, and their lengths."""
    X = np.full((len(sequences), steps, sequences[0].shape[1]), np.nan)
    for row, sequence in enumerate(sequences):
        X[row, : len(sequence)] = sequence
    return X, np.array([len(sequence) for sequence in sequences])


def _padded_targets(y: list[np.ndarray], steps: int) -> np.ndarray:
    """Targets of each step are repeated beyond the end, where nothing looks at them."""
    return np.stack([np.concatenate([one, np.repeat(one[-1:], steps - len(one))]) for one in y])
