"""Columns of a table of series and their roles: time, series, targets and covariates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from tcn_search.errors import InputError
from tcn_search.formats.csv_files import join_names
from tcn_search.formats.table_columns import SEQUENCE, find_name
from tcn_search.formats.table_layout import plain_name

TIME_NAMES = ("date", "time", "datetime", "timestamp")
_FURTHER_TIME_NAMES = ("ds",)  # Prophet's and Nixtla's name
_PARTS_OF_A_TIME = ("year", "month", "day", "hour", "minute", "second")
_ID_NAMES = (*SEQUENCE, "unique_id", "item_id", "ts_id")
_TARGET_NAMES = ("target", "y", "value")


@dataclass(frozen=True)
class SeriesRoles:
    """Roles of columns that a user has set, for series of a forecast.

    Args:
        time: the time column, or the columns year, month, day, ... of a time.
        id: column that names the series, which stand below each other.
        target: columns to predict.
        known: columns whose values are known in advance.
        past: columns known only up to the present; None for all others.
        static: columns with one value for each series.
        holidays: column that marks holidays, known in advance.
    """

    time: str | Sequence[str] | None = None
    id: str | None = None
    target: Sequence[str] | None = None
    known: Sequence[str] = ()
    past: Sequence[str] | None = None
    static: Sequence[str] = ()
    holidays: str | None = None

    @property
    def time_columns(self) -> tuple[str, ...]:
        """The columns of the time that the user has set."""
        if self.time is None:
            return ()
        if isinstance(self.time, str):
            return (self.time,)
        return tuple(self.time)

    @property
    def named(self) -> tuple[str, ...]:
        """All columns that have a role, the time column excepted."""
        single = [name for name in (self.id, self.holidays) if name is not None]
        return (*single, *(self.target or ()), *self.known, *(self.past or ()), *self.static)

    @property
    def known_names(self) -> set[str]:
        """Names that mark a row as a header, in plain form."""
        names = (*TIME_NAMES, *_FURTHER_TIME_NAMES, *self.time_columns, *self.named)
        return {plain_name(name) for name in names}


@dataclass(frozen=True)
class SeriesColumns:
    """Columns of a table of series, each with one role.

    Attributes:
        time: columns of the time.
        id: column that names the series; "" in a table with a column for each series.
        target: columns to predict.
        inputs: columns with a value at each step, in the order of the table: the targets, and those
            known in advance or in the past.
        known: those of the inputs that are known in advance.
        static: columns with one value for each series.
        holidays: column that marks holidays; "" where there is none.
        unread: columns without a role.
    """

    time: tuple[str, ...]
    id: str
    target: tuple[str, ...]
    inputs: tuple[str, ...]
    known: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    holidays: str = ""
    unread: tuple[str, ...] = ()

    @property
    def without_time(self) -> tuple[str, ...]:
        """All columns but those of the time."""
        single = tuple(name for name in (self.id, self.holidays) if name)
        return (*single, *self.inputs, *self.static)

    def in_table(self, time: tuple[str, ...], names: Sequence[str]) -> SeriesColumns:
        """Return the columns as they are in new rows, with the columns that have no role there."""
        used = {*time, *self.without_time}
        return replace(self, time=time, unread=tuple(name for name in names if name not in used))


def has_time(names: Sequence[str], roles: SeriesRoles) -> bool:
    """Return whether columns of the time are set, or have a recognised name."""
    return bool(roles.time_columns or _recognised_time(names))


def _recognised_time(names: Sequence[str]) -> tuple[str, ...]:
    """Return the columns whose names say that they hold the time, if there are any."""
    found = find_name(names, (*TIME_NAMES, *_FURTHER_TIME_NAMES))
    if found is not None:
        return (found,)
    parts = [find_name(names, (part,)) for part in _PARTS_OF_A_TIME]
    if None in parts[:3]:
        return ()
    return tuple(name for name in parts if name is not None)


def find_time(path: Path, names: Sequence[str], roles: SeriesRoles) -> tuple[str, ...]:
    """Return the columns of the time: those that are set, or those with a recognised name.

    Raises:
        InputError: there are none, or a column that is set does not exist.
    """
    columns = roles.time_columns or _recognised_time(names)
    for name in columns:
        if name not in names:
            raise InputError(
                f"time must name a column of {path}: {join_names(names)}. Received: {name}"
            )
    if not columns:
        raise InputError(
            f"{path} needs a time column: one called {', '.join(TIME_NAMES)}, or set time to its "
            f"name. It has: {join_names(names)}"
        )
    return columns


def part_of_a_time(name: str) -> str | None:
    """Return "year", "month", ... if that is a column's name; else None."""
    plain = plain_name(name)
    return plain if plain in _PARTS_OF_A_TIME else None


def find_id(names: Sequence[str]) -> str | None:
    """Return the column whose name says that it names series, or None."""
    return find_name(names, _ID_NAMES)


def assign_columns(
    path: Path, frame: pd.DataFrame, time: tuple[str, ...], id_column: str, roles: SeriesRoles
) -> SeriesColumns:
    """Return the columns of a table, each with its role.

    Raises:
        InputError: a column does not exist or has two roles, or it is not clear what to predict.
    """
    names = [str(name) for name in frame.columns]
    _require_roles(path, names, time, id_column, roles)
    covariates = {*roles.known, *(roles.past or ()), *roles.static}
    without_value = {*time, id_column, *roles.static, roles.holidays}
    candidates = [name for name in names if name not in {*without_value, *covariates}]
    target = roles.target
    if target is None and id_column:
        target = _target_of_long_form(path, candidates)
    elif target is None:
        target = candidates
    unknown = [name for name in target if name not in names]
    if not candidates and not unknown:
        raise InputError(f"{path} has no column of numbers beside {', '.join(time)}.")
    if unknown or not target or len(set(target)) < len(target):
        raise InputError(
            f"target must be columns of {path}, each once: {join_names(candidates)}. "
            f"Received: {join_names(unknown or target) or 'none'}"
        )
    inputs = [name for name in names if name not in without_value]
    if roles.past is not None:
        chosen = {*target, *roles.known, *roles.past}
        inputs = [name for name in inputs if name in chosen]
    used = {*without_value, *inputs}
    return SeriesColumns(
        time=time,
        id=id_column,
        target=tuple(target),
        inputs=tuple(inputs),
        known=tuple(name for name in inputs if name in roles.known),
        static=tuple(roles.static),
        holidays=roles.holidays or "",
        unread=tuple(name for name in names if name not in used),
    )


def _target_of_long_form(path: Path, candidates: Sequence[str]) -> list[str]:
    """Return the only column that may be the target, or the one with a target's name."""
    if len(candidates) == 1:
        return list(candidates)
    found = find_name(candidates, _TARGET_NAMES)
    if found is None:
        raise InputError(
            f"target must name the column of {path} to predict. It has: {join_names(candidates)}"
        )
    return [found]


def _require_roles(
    path: Path, names: Sequence[str], time: Sequence[str], id_column: str, roles: SeriesRoles
) -> None:
    """Raise an InputError if a covariate does not exist, or a column has two roles."""
    covariates = [*roles.known, *(roles.past or ()), *roles.static]
    if roles.holidays is not None:
        covariates.append(roles.holidays)
    for name in covariates:
        if name not in names:
            raise InputError(f"{path} has no column {name!r}. It has: {join_names(names)}")
    with_role = {
        "time": time,
        "id": [id_column] if id_column else [],
        "target": dict.fromkeys(roles.target or ()),
        "known": roles.known,
        "past": roles.past or (),
        "static": roles.static,
        "holidays": [roles.holidays] if roles.holidays is not None else [],
    }
    given = [(name, role) for role, columns in with_role.items() for name in columns]
    for name, count in Counter(name for name, _ in given).items():
        if count > 1:
            options = " and ".join(role for column, role in given if column == name)
            raise InputError(
                f"Column {name} of {path} can have only one role, and was given two: {options}."
            )
    if roles.static and not id_column:
        raise InputError(
            "static is for tables with several series below each other: set id to the column that "
            f"names them. Received: static = {list(roles.static)}"
        )
