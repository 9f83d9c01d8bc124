"""Columns of a table of sequences and their roles, recognised by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tcn_search.errors import InputError
from tcn_search.formats.csv_files import join_names
from tcn_search.formats.table_layout import TableFormat, TableLayout, plain_name

SEQUENCE = ("sequence", "sequence_id", "series", "series_id", "id")
STEP = ("step", "time", "date", "datetime", "timestamp")
TARGET = ("target", "label", "class", "y")  # in this order: beside a label, y is a channel
GROUP = ("group", "speaker", "patient", "subject")


@dataclass(frozen=True)
class Columns:
    """Columns whose roles a user has set, because their names are not recognised."""

    target: str | Sequence[str] | None = None
    sequence: str | None = None
    time: str | None = None
    group: str | None = None
    channels: Sequence[str] | None = None

    @property
    def targets(self) -> list[str]:
        """Return the target columns that the user has set, as a list."""
        if self.target is None:
            return []
        if isinstance(self.target, str):
            return [self.target]
        return list(self.target)

    @property
    def known_names(self) -> set[str]:
        """Return the recognised names and the names that the user has set, in plain form."""
        recognised = (*SEQUENCE, *STEP, *TARGET, *GROUP)
        set_by_user = (
            *self.targets,
            self.sequence,
            self.time,
            self.group,
            *(self.channels or ()),
        )
        return {plain_name(name) for name in (*recognised, *set_by_user) if name is not None}


def find_columns(
    path: Path, header: Sequence[str], columns: Columns, table_format: TableFormat
) -> TableLayout:
    """Return the roles of a table's columns, recognised by their names.

    Args:
        columns: roles that the user set; the other roles go to columns with recognised names.

    Raises:
        InputError: a column does not exist, has two roles, or several may have the same role.
    """
    names = [name for name in header if name]
    if columns.target is not None and not columns.targets:
        raise InputError("target must name a column. Received: an empty list")
    sequence = _find_role(path, names, "sequence", SEQUENCE, columns.sequence)
    group = _find_role(path, names, "group", GROUP, columns.group)
    step = columns.time
    # Named channels without a sequence column are the steps of a wide table: a date is not a step.
    if step is None and (sequence is not None or columns.channels is None):
        step = find_name(names, STEP)
    targets = columns.targets or _find_target(path, names)
    channels = list(columns.channels or ())
    for name in (step, *targets, *channels):
        is_absent_target = name in targets and name in TARGET  # new data may lack it
        if name is not None and name not in names and not is_absent_target:
            raise InputError(f"{path} has no column {name!r}. It has: {join_names(names)}")
    special = [name for name in (sequence, step, group, *targets) if name is not None]
    with_role = [*special, *channels]
    for position, name in enumerate(with_role):
        if name in with_role[:position]:
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


def find_name(names: Sequence[str], candidates: Sequence[str]) -> str | None:
    """Return the spelling in `names` of the first candidate that is among them, or None."""
    by_plain_name = {plain_name(name): name for name in reversed(names)}
    for name in candidates:
        if plain_name(name) in by_plain_name:
            return by_plain_name[plain_name(name)]
    return None


def _find_target(path: Path, names: Sequence[str]) -> list[str]:
    """Return the column with the name of a target; y only if there is no other."""
    other_than_y = [name for name in names if name.lower() != "y"]
    target = _find_role(path, other_than_y, "target", TARGET, None) or find_name(names, ("y",))
    if target is None:
        return []
    return [target]


def _find_role(
    path: Path, names: Sequence[str], role: str, recognised: Sequence[str], set_by_user: str | None
) -> str | None:
    """Return the column with a role: set by the user, or the only one with a recognised name."""
    if set_by_user is not None:
        if set_by_user not in names:
            raise InputError(f"{path} has no column {set_by_user!r}. It has: {join_names(names)}")
        return set_by_user
    plain = {plain_name(name) for name in recognised}
    candidates = [name for name in names if plain_name(name) in plain]
    if len(candidates) > 1:
        raise InputError(
            f"{path} has {len(candidates)} columns that may be the {role}: "
            f"{', '.join(candidates)}. Set one, such as {role} = {candidates[0]!r}, and list the "
            "input columns in channels."
        )
    return candidates[0] if candidates else None
