"""Take a validation split from the training split, or draw a part of it.

Kept by hand because a stored study identifies its task by a fingerprint of the rows of each split,
so a seed must go on giving the same split, and scikit-learn's splitters draw other rows. They also
do not keep every class in training: `train_test_split` refuses to stratify a class of one sequence,
and neither `GroupShuffleSplit` nor `StratifiedGroupKFold` (scikit-learn 1.9) looks at the classes
that are left.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tcn_search.arguments import one_of
from tcn_search.errors import InputError
from tcn_search.formats.labels import read_labels
from tcn_search.text import counted

SPLITS = ("random", "grouped", "time")


class SplitRule(NamedTuple):
    """Rule by which a validation split is taken from the training split.

    Attributes:
        how: "random", "grouped" or "time"; None means "grouped" if there are groups, else "random".
        fraction: share of the rows that is held out.
        seed: seed of "random" and "grouped".
        gap: rows that "time" leaves out between the two splits.
    """

    how: str | None = None
    fraction: float = 0.2
    seed: int = 0
    gap: int = 0


def split_off_validation(
    count: int,
    split: SplitRule,
    classes: np.ndarray | None = None,
    groups: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the row numbers (kept, held out), ascending.

    Every row is in exactly one of the two, except rows in the gap of a "time" split.

    "random" with `classes`: each class gives its share, at least one row if it has two, and keeps
    at least one. "grouped": whole groups are held out, so that all rows, and the rows of each
    class, come near to the share; no class loses all its rows. "time": the last rows are held out,
    so that training never looks ahead.

    Args:
        count: rows to split.
        classes: (count,) classes to stratify by.
        groups: (count,) groups for "grouped".

    Raises:
        InputError: a fraction outside 0 < f < 1, rows or groups that cannot be split, or an unknown
            way to split.
    """
    is_number = isinstance(split.fraction, int | float | np.floating)
    if not (is_number and 0 < split.fraction < 1):
        raise InputError(
            f"validation_fraction must be between 0 and 1. Received: {split.fraction!r}"
        )
    is_integer = isinstance(split.seed, int | np.integer) and not isinstance(split.seed, bool)
    if not is_integer or split.seed < 0:
        raise InputError(f"seed must be an integer, 0 or more. Received: {split.seed!r}")
    if isinstance(split.gap, bool) or not isinstance(split.gap, int) or split.gap < 0:
        raise InputError(
            f"validation_gap must be a number of sequences, 0 or more. Received: {split.gap!r}"
        )
    if count < 2:
        raise InputError(
            "The training split needs at least 2 sequences, so that one can be held out for "
            f"validation. Received: {count}"
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
                'validation = "grouped" needs groups: give groups_train, one entry per sequence.'
            )
        held_out = _whole_groups(groups, split, classes)
    else:
        held_out = _random_rows(count, split, classes)
    is_held_out = np.zeros(count, dtype=bool)
    is_held_out[held_out] = True
    return np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out)


def draw_part(
    count: int,
    fraction: float,
    seed: int,
    classes: np.ndarray | None = None,
    groups: np.ndarray | None = None,
) -> np.ndarray:
    """Return the ascending row numbers of a part of the rows: at least one, and one of each class.

    With `classes`, each class gives its share. With `groups`, whole groups are drawn, so that the
    rows of each class come near to their share.

    Args:
        count: rows to draw from.
        fraction: share of the rows, 0 < fraction ≤ 1.
        seed: of the draw.
        classes: (count,).
        groups: (count,).
    """
    if groups is not None:
        return _part_of_groups(groups, fraction, seed, classes)
    generator = np.random.default_rng(seed)
    drawn = [
        generator.permutation(rows)[: max(1, round(fraction * len(rows)))]
        for rows in _strata(count, classes)
    ]
    return np.sort(np.concatenate(drawn))


def _part_of_groups(
    groups: np.ndarray, fraction: float, seed: int, classes: np.ndarray | None
) -> np.ndarray:
    """Return the rows of the groups that are drawn, in a random order.

    A group is drawn if it brings the classes nearer to their share, or has a class that is missing.
    """
    counts, members = _count_classes(groups, classes)
    total = counts.sum(axis=0)
    drawn = np.zeros_like(total)
    chosen: list[int] = []
    for group in np.random.default_rng(seed).permutation(len(counts)):
        wider = drawn + counts[group]
        if _distance(wider / total, fraction) < _distance(drawn / total, fraction):
            chosen.append(group)
            drawn = wider
    for label in np.flatnonzero(drawn == 0):
        if not drawn[label]:
            smallest = min(np.flatnonzero(counts[:, label]), key=lambda group: counts[group].sum())
            chosen.append(smallest)
            drawn = drawn + counts[smallest]
    return np.flatnonzero(np.isin(members, chosen))


def _count_classes(groups: np.ndarray, classes: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of each class in each group, (groups, classes), and each row's group."""
    names, members = np.unique(groups, return_inverse=True)
    labels = np.zeros(len(groups), int)
    if classes is not None:
        labels = np.unique(classes, return_inverse=True)[1]
    counts = np.zeros((len(names), labels.max() + 1), int)
    np.add.at(counts, (members, labels), 1)
    return counts, members


def _distance(shares: np.ndarray, fraction: float) -> float:
    """Return how far the shares of the classes are from the one that is wanted."""
    return float(((shares - fraction) ** 2).sum())


def read_groups(groups: Any, count: int) -> np.ndarray | None:
    """Return group numbers (count,) from integers or strings that name the groups, or None."""
    if groups is None:
        return None
    groups = read_labels(groups, "groups_train")
    if groups.shape != (count,) or groups.dtype.kind not in "iubU":
        raise InputError(
            f"groups_train must hold {count} integers or strings, one per sequence of X_train. "
            f"Received: shape {groups.shape}, dtype {groups.dtype}"
        )
    return np.unique(groups, return_inverse=True)[1]


def _share(fraction: float, rows: int) -> int:
    """Return the rows to hold out: the rounded share, but at least one, and not all."""
    return min(max(1, round(fraction * rows)), rows - 1)


def _last_rows(count: int, split: SplitRule) -> tuple[np.ndarray, np.ndarray]:
    held_out = _share(split.fraction, count)
    kept = count - held_out - split.gap
    if kept < 1:
        raise InputError(
            f"validation_gap leaves no training sequence: {count} sequences, {held_out} held out, "
            f"gap {split.gap}"
        )
    return np.arange(kept), np.arange(count - held_out, count)


def _strata(count: int, classes: np.ndarray | None) -> list[np.ndarray]:
    """Return the rows of each class, or all rows where there are no classes."""
    if classes is None:
        return [np.arange(count)]
    return [np.flatnonzero(classes == label) for label in np.unique(classes)]


def _random_rows(count: int, split: SplitRule, classes: np.ndarray | None) -> list[int]:
    """Return rows to hold out, each class in its share if there are classes."""
    generator = np.random.default_rng(split.seed)
    held_out: list[int] = []
    for rows in _strata(count, classes):
        count_held_out = 0
        if len(rows) > 1:
            count_held_out = _share(split.fraction, len(rows))
        held_out.extend(generator.permutation(rows)[:count_held_out])
    if not held_out:
        raise InputError(
            "Every class has a single training sequence, so none can be held out for validation. "
            'If they are numbers to predict, set kind = "regression".'
        )
    return held_out


def _whole_groups(groups: np.ndarray, split: SplitRule, classes: np.ndarray | None) -> list[int]:
    """Return rows of the groups to hold out.

    Groups are tried in a random order; a group is taken if it brings the classes nearer to their
    share.
    """
    counts, members = _count_classes(groups, classes)
    total = counts.sum(axis=0)

    def distance(held: np.ndarray) -> float:
        return _distance(held / total, split.fraction)

    order = np.random.default_rng(split.seed).permutation(len(counts))
    possible = [group for group in order if (counts[group] < total).all()]
    if not possible:
        raise InputError(
            f"None of the {counted(len(counts), 'group')} can be held out for "
            "validation: the rest must hold every class. Give a validation split, or use "
            'validation = "random".'
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
