"""What the columns of a table of sequences are, by their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tcn_search.errors import InputError
from tcn_search.formats.csv_files import some
from tcn_search.formats.table_layout import TableFormat, TableLayout, plain_name

SEQUENCE = ("sequence", "sequence_id", "series", "series_id", "id")
STEP = ("step", "time", "date", "datetime", "timestamp")
TARGET = ("target", "label", "class", "y")  # in this order: beside a label, y is a channel
GROUP = ("group", "speaker", "patient", "subject")


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

    @property
    def roles(self) -> set[str]:
        """Return names that a header may have: the usual ones, and those that were named."""
        named_ones = [*self.targets, self.sequence, self.time, self.group, *(self.channels or ())]
        usual = (*SEQUENCE, *STEP, *TARGET, *GROUP)
        return {plain_name(name) for name in (*usual, *named_ones) if name is not None}


def find_columns(
    path: Path, header: Sequence[str], columns: Columns, table_format: TableFormat
) -> TableLayout:
    """Find the columns by what they are called, or were said to be called.

    Raises:
        InputError: a column is not there, has two roles, or two may have the same one.
    """
    names = [name for name in header if name]
    if columns.target is not None and not columns.targets:
        raise InputError("target must name a column. Received: an empty list")
    sequence = _role(path, names, "sequence", SEQUENCE, columns.sequence)
    group = _role(path, names, "group", GROUP, columns.group)
    step = columns.time if columns.time is not None else named(names, STEP)
    if sequence is None and columns.time is None and columns.channels is not None:
        step = None  # the steps of a wide table have been named, and a date beside them is none
    targets = columns.targets
    if columns.target is None:
        found = _role(path, [name for name in names if name.lower() != "y"], "target", TARGET, None)
        found = found or named(names, ("y",))
        targets = [found] if found else []
    channels = list(columns.channels or ())
    for name in (step, *targets, *channels):
        absent_target = name in targets and name in TARGET  # new data may lack it
        if name is not None and name not in names and not absent_target:
            raise InputError(f"{path} has no column {name!r}. It has: {some(names)}")
    special = [name for name in (sequence, step, group, *targets) if name is not None]
    given = [*special, *channels]
    for place, name in enumerate(given):
        if name in given[:place]:
            raise InputError(f"Column {name} of {path} can have only one role, and was given two.")
    return TableLayout(
        form="wide" if sequence is None else "long",
        inputs=tuple(channels or [name for name in names if name not in special]),
        targets=tuple(name for name in targets if name in names),
        sequence=sequence,
        time=step,
        group=group,
        table_format=table_format,
    )


def named(names: Sequence[str], wanted: Sequence[str]) -> str | None:
    """Return the first wanted name that is there, whatever its case."""
    by_name = {plain_name(name): name for name in reversed(names)}
    return next((by_name[plain_name(name)] for name in wanted if plain_name(name) in by_name), None)


def _role(
    path: Path, names: Sequence[str], role: str, usual: Sequence[str], said: str | None
) -> str | None:
    """Return the column with a role: the one that was said, or the only one with a usual name."""
    if said is not None:
        if said not in names:
            raise InputError(f"{path} has no column {said!r}. It has: {some(names)}")
        return said
    plain = {plain_name(name) for name in usual}
    found = [name for name in names if plain_name(name) in plain]
    if len(found) > 1:
        raise InputError(
            f"{path} has {len(found)} columns that may be the {role}: {', '.join(found)}. Say which with "
            f"{role} = {found[0]!r}, and with channels which columns are inputs."
        )
    return found[0] if found else None
