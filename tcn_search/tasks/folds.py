"""Cross-validation: hold rows out in several ways, so that scores rest on more sequences.

Kept by hand because the trials of a stored study must all be judged on the folds of its seed, and
because scikit-learn's `StratifiedKFold` and `StratifiedGroupKFold` (1.9) make folds that train on
fewer classes than there are. `TimeSeriesSplit` would leave the gap of the newest fold out twice.
"""

from __future__ import annotations

import numpy as np

from tcn_search.errors import InputError
from tcn_search.tasks.splitting import SplitRule

LEFT_OUT = 0
KEPT = 1
HELD_OUT = 2


def make_folds(
    number: int,
    kept: int,
    held_out: int,
    split: SplitRule,
    classes: np.ndarray | None = None,
    groups: np.ndarray | None = None,
) -> np.ndarray:
    """Return the role of each row in each fold, (folds, rows) int8.

    A row is `KEPT` to train on, `HELD_OUT` or `LEFT_OUT`. "random" and "grouped" hold every row out
    once, except rows without which a class would be missing in training (the only row of a class,
    the only group that has it): they are kept in all folds. "time" holds out as many rows as the
    split did, the newest in the first fold and older rows in each further fold; rows that come
    after them are left out, so that training never looks ahead.

    Args:
        number: folds.
        kept, held_out: rows of the training and validation split that `split` made; rows are
            numbered through both.
        classes: (rows,), to be spread evenly.
        groups: (rows,), for "grouped", which is then the default.

    Raises:
        InputError: too few rows or groups for so many folds; or a fold by time would train without
            a class.
    """
    rows = kept + held_out
    labels = np.zeros(rows, int)
    if classes is not None:
        labels = np.unique(classes, return_inverse=True)[1]
    if split.how == "time":
        return _folds_by_time(number, kept, held_out, split.gap, labels)
    generator = np.random.default_rng(split.seed)
    if groups is None or split.how == "random":
        fold_of = _deal_rows(number, labels, generator)
    else:
        members = np.unique(groups, return_inverse=True)[1]
        fold_of = _deal_groups(number, members, labels, generator)
    return np.where(fold_of == np.arange(number)[:, None], HELD_OUT, KEPT).astype("int8")


def _folds_by_time(
    number: int, kept: int, held_out: int, gap: int, classes: np.ndarray
) -> np.ndarray:
    """Return the roles (folds, rows): each fold holds out the rows before those of the last."""
    # The oldest fold trains on at least as many rows as it holds out.
    most = (kept - gap) // held_out
    if number > max(1, most):
        raise InputError(
            f"folds = {number} by time, {held_out} of {kept + held_out} sequences held out in "
            f"each, leaves too few to train on. Give at most {max(1, most)}, or a smaller "
            "validation_fraction."
        )
    roles = np.full((number, kept + held_out), LEFT_OUT, dtype="int8")
    roles[0, :kept] = KEPT
    roles[0, kept:] = HELD_OUT
    for fold in range(1, number):
        start = kept - fold * held_out
        roles[fold, : start - gap] = KEPT
        roles[fold, start : start + held_out] = HELD_OUT
    for fold, row in enumerate(roles, start=1):
        if len(np.unique(classes[row == KEPT])) < len(np.unique(classes)):
            raise InputError(
                f"folds = {number} by time leaves fold {fold} no training sequence of some class. "
                "Give fewer folds."
            )
    return roles


def _deal_rows(number: int, classes: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return the fold (rows,) that holds each row out, −1 for none.

    Rows are shuffled and dealt like cards, class after class.
    """
    shuffled = generator.permutation(len(classes))
    movable = shuffled[np.bincount(classes)[classes[shuffled]] > 1]
    _require_enough(number, len(movable), "sequences")
    by_class = movable[np.argsort(classes[movable], kind="stable")]
    fold_of = np.full(len(classes), -1)
    fold_of[by_class] = np.arange(len(by_class)) % number
    return fold_of


def _deal_groups(
    number: int, members: np.ndarray, classes: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Return the fold (rows,) that holds each row out, −1 for none; groups stay together.

    The largest group comes first, and each goes where the shares of all classes stay most even.
    """
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
        # By how much the sum of the squared shares would grow.
        growth = ((2 * held + counts[group]) * counts[group] / total**2).sum(axis=1)
        if possible:
            fold = min(possible, key=lambda fold: (growth[fold], held[fold].sum()))
            held[fold] += counts[group]
            fold_of_group[group] = fold
    return np.asarray(fold_of_group[members])


def _require_enough(number: int, movable: int, noun: str) -> None:
    """Raise an InputError if fewer rows or groups than folds can be held out."""
    if movable < number:
        raise InputError(
            f"folds = {number} needs at least {number} {noun} that can be held out (never the last "
            f"one of a class). Received: {movable}. Give fewer folds."
        )
