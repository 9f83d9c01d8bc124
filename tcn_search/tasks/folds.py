"""Cross-validation: several ways to hold out a part, so that few sequences judge better."""

from __future__ import annotations

import numpy as np

from tcn_search.errors import InputError
from tcn_search.tasks.splitting import Split

LEFT_OUT = 0
KEPT = 1
HELD_OUT = 2


def make_folds(
    number: int,
    kept: int,
    held_out: int,
    split: Split,
    classes: np.ndarray | None = None,
    groups: np.ndarray | None = None,
) -> np.ndarray:
    """(folds, rows) int8: what each row is in each fold, `KEPT` to train on, `HELD_OUT`, or `LEFT_OUT`.

    "random" and "grouped" hold every row out once, but for those without which the rest would miss a class (the
    only row of a class, the only group that has it): they are kept in all folds. "time" holds out as many rows as
    the split did, the newest in the first fold and older ones in each further one; what comes after them is left
    out, so that nothing looks ahead.

    Args:
        number: of folds.
        kept, held_out: rows of the two parts that `split` made; rows are numbered through both.
        classes: (rows,), to be spread evenly.
        groups: (rows,), for "grouped", which is the default where they are given.

    Raises:
        InputError: too few rows or groups for so many folds; or a fold by time would train without a class.
    """
    rows = kept + held_out
    classes = np.zeros(rows, int) if classes is None else np.unique(classes, return_inverse=True)[1]
    if split.how == "time":
        return _backwards(number, kept, held_out, split.gap, classes)
    generator = np.random.default_rng(split.seed)
    if groups is None or split.how == "random":
        fold_of = _deal_rows(number, classes, generator)
    else:
        fold_of = _deal_groups(
            number, np.unique(groups, return_inverse=True)[1], classes, generator
        )
    return np.where(fold_of == np.arange(number)[:, None], HELD_OUT, KEPT).astype("int8")


def _backwards(number: int, kept: int, held_out: int, gap: int, classes: np.ndarray) -> np.ndarray:
    """Each fold holds out the `held_out` rows before those of the fold before it."""
    most = (
        kept - gap
    ) // held_out  # the oldest fold trains on as many rows as it holds out, or more
    if number > max(1, most):
        raise InputError(
            f"folds = {number} by time, {held_out} of {kept + held_out} sequences held out in each, leaves too few to "
            f"train on. Give at most {max(1, most)}, or a smaller validation_fraction."
        )
    roles = np.full((number, kept + held_out), LEFT_OUT, dtype="int8")
    roles[0, :kept], roles[0, kept:] = KEPT, HELD_OUT
    for fold in range(1, number):
        start = kept - fold * held_out
        roles[fold, : start - gap] = KEPT
        roles[fold, start : start + held_out] = HELD_OUT
    for fold, row in enumerate(roles, start=1):
        if len(np.unique(classes[row == KEPT])) < len(np.unique(classes)):
            raise InputError(
                f"folds = {number} by time leaves fold {fold} no training sequence of some class. Give fewer folds."
            )
    return roles


def _deal_rows(number: int, classes: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The fold that holds each row out, -1 for none: class after class, like cards."""
    drawn = generator.permutation(len(classes))
    movable = drawn[np.bincount(classes)[classes[drawn]] > 1]
    _require_enough(number, len(movable), "sequences")
    by_class = movable[np.argsort(classes[movable], kind="stable")]
    fold_of = np.full(len(classes), -1)
    fold_of[by_class] = np.arange(len(by_class)) % number
    return fold_of


def _deal_groups(
    number: int, members: np.ndarray, classes: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Likewise, whole groups: the largest first, each where the shares of all classes stay most even."""
    counts = np.zeros((members.max() + 1, classes.max() + 1), int)
    np.add.at(counts, (members, classes), 1)
    total = counts.sum(axis=0)
    movable = [
        group for group in generator.permutation(len(counts)) if (counts[group] < total).all()
    ]
    _require_enough(number, len(movable), "groups")
    held = np.zeros((number, len(total)), int)
    fold_of_group = np.full(len(counts), -1)
    for group in sorted(movable, key=lambda group: -int(counts[group].sum())):
        possible = [fold for fold in range(number) if (held[fold] + counts[group] < total).all()]
        growth = ((2 * held + counts[group]) * counts[group] / total**2).sum(
            axis=1
        )  # of the squared shares
        if possible:
            fold = min(possible, key=lambda fold: (growth[fold], held[fold].sum()))
            held[fold] += counts[group]
            fold_of_group[group] = fold
    return fold_of_group[members]


def _require_enough(number: int, movable: int, what: str) -> None:
    if movable < number:
        raise InputError(
            f"folds = {number} needs at least {number} {what} that can be held out (never the last one of a class). "
            f"Received: {movable}. Give fewer folds."
        )
