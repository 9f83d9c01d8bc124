"""Splitting a validation part off the training part."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tcn_search.arguments import one_of
from tcn_search.errors import InputError
from tcn_search.formats.labels import read_labels

SPLITS = ("random", "grouped", "time")


class Split(NamedTuple):
    """How a validation part is split off.

    Attributes:
        how: "random", "grouped", "time", or None for "grouped" where there are groups and "random" elsewhere.
        fraction: share of the rows that is held out.
        seed: of "random" and "grouped".
        gap: rows that "time" leaves out between the two parts.
    """

    how: str | None = None
    fraction: float = 0.2
    seed: int = 0
    gap: int = 0


def split_off_validation(
    count: int, split: Split, classes: np.ndarray | None = None, groups: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """(kept, held out) row numbers, ascending. Every row is in one of them, but for the gap of "time".

    "random" with `classes`: each class gives its share, at least one row if it has two, and keeps at least one.
    "grouped": whole groups are held out, so that the rows, and those of each class, come near to the share;
    no class loses all its rows. "time": the last rows are held out, so that nothing looks ahead.

    Raises:
        InputError: a fraction outside 0 < f < 1, rows or groups that cannot be split, an unknown name.
    """
    is_number = isinstance(split.fraction, int | float | np.floating)
    if not (is_number and 0 < split.fraction < 1):
        raise InputError(
            f"validation_fraction must be between 0 and 1. Received: {split.fraction!r}"
        )
    if (
        isinstance(split.seed, bool)
        or not isinstance(split.seed, int | np.integer)
        or split.seed < 0
    ):
        raise InputError(f"seed must be an integer, 0 or more. Received: {split.seed!r}")
    if isinstance(split.gap, bool) or not isinstance(split.gap, int) or split.gap < 0:
        raise InputError(
            f"validation_gap must be a number of sequences, 0 or more. Received: {split.gap!r}"
        )
    if count < 2:
        raise InputError(
            f"The training part needs at least 2 sequences to split one off. Received: {count}"
        )
    how = split.how or ("random" if groups is None else "grouped")
    one_of("validation", how, SPLITS)
    if split.gap and how != "time":
        raise InputError(
            f'validation_gap needs validation = "time". Received: validation = {how!r}'
        )
    if how == "time":
        return _last_rows(count, split)
    if how == "grouped":
        if groups is None:
            raise InputError(
                'validation = "grouped" needs groups: give groups_train, one entry a sequence.'
            )
        held_out = _whole_groups(groups, split, classes)
    else:
        held_out = _drawn_rows(count, split, classes)
    chosen = np.zeros(count, dtype=bool)
    chosen[held_out] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def read_groups(groups: Any, count: int) -> np.ndarray | None:
    """Group numbers (n,) from whatever names the groups, or None."""
    if groups is None:
        return None
    groups = read_labels(groups, "groups_train")
    if groups.shape != (count,) or groups.dtype.kind not in "iubU":
        raise InputError(
            f"groups_train must hold {count} integers or strings, one a sequence of X_train. "
            f"Received: shape {groups.shape}, dtype {groups.dtype}"
        )
    return np.unique(groups, return_inverse=True)[1]


def _last_rows(count: int, split: Split) -> tuple[np.ndarray, np.ndarray]:
    held_out = min(max(1, round(split.fraction * count)), count - 1)
    kept = count - held_out - split.gap
    if kept < 1:
        raise InputError(
            f"validation_gap leaves no training sequence: {count} sequences, {held_out} held out, gap {split.gap}"
        )
    return np.arange(kept), np.arange(count - held_out, count)


def _drawn_rows(count: int, split: Split, classes: np.ndarray | None) -> list[int]:
    generator = np.random.default_rng(split.seed)
    strata = (
        [np.arange(count)]
        if classes is None
        else [np.flatnonzero(classes == c) for c in np.unique(classes)]
    )
    held_out: list[int] = []
    for rows in strata:
        wanted = (
            0 if len(rows) < 2 else min(max(1, round(split.fraction * len(rows))), len(rows) - 1)
        )
        held_out.extend(generator.permutation(rows)[:wanted])
    if not held_out:
        raise InputError(
            "Every class has a single training sequence, so none can be held out for validation. If they are "
            'numbers to predict, say kind = "regression".'
        )
    return held_out


def _whole_groups(groups: np.ndarray, split: Split, classes: np.ndarray | None) -> list[int]:
    """Rows of the groups that are held out: in a drawn order, each that brings the classes nearer to their share."""
    names, members = np.unique(groups, return_inverse=True)
    labels = (
        np.zeros(len(groups), int)
        if classes is None
        else np.unique(classes, return_inverse=True)[1]
    )
    counts = np.zeros((len(names), labels.max() + 1), int)
    np.add.at(counts, (members, labels), 1)
    total = counts.sum(axis=0)

    def distance(held: np.ndarray) -> float:
        return float(((held / total - split.fraction) ** 2).sum())

    order = np.random.default_rng(split.seed).permutation(len(names))
    possible = [group for group in order if (counts[group] < total).all()]
    if not possible:
        raise InputError(
            f"None of the {len(names)} group{'' if len(names) == 1 else 's'} can be held out for validation: the "
            'rest must hold every class. Give a validation part, or use validation = "random".'
        )
    chosen: list[int] = []
    held = np.zeros_like(total)
    for group in possible:
        if (held + counts[group] < total).all() and distance(held + counts[group]) < distance(held):
            chosen.append(group)
            held = held + counts[group]
    if not chosen:
        chosen = [min(possible, key=lambda group: distance(counts[group]))]
    return [int(row) for row in np.flatnonzero(np.isin(members, chosen))]
