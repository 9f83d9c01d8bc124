"""Infer the kind of task from the type and shape of its targets, and describe it in words."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tcn_search.errors import InputError
from tcn_search.tasks.kinds import KINDS
from tcn_search.text import listed

_FEW_VALUES = 20


def infer_kind(y: np.ndarray, steps: int) -> str:
    """Return the kind of task that fits type and shape of training targets (n,) or (n, K).

    Raises:
        InputError: integers (n, K), not all zeros and ones, whose K is not the number of steps.
    """
    if y.dtype.kind == "f":
        return "regression"
    if y.ndim == 1:
        return "classification"
    zeros_and_ones = y.dtype.kind == "b" or (y.dtype.kind in "iu" and set(np.unique(y)) <= {0, 1})
    if zeros_and_ones and y.shape[1] != steps:
        return "multi_label"
    if y.shape[1] == steps:
        return "labelling"
    raise InputError(
        f"The kind of task cannot be inferred from y_train: integers of shape {y.shape} with "
        f"{steps} steps. Set kind to one of: {', '.join(KINDS)}."
    )


def are_one_hot(targets: Mapping[str, np.ndarray]) -> bool:
    """Return whether every row of every split holds a single one, and zeros elsewhere."""
    width = targets["train"].shape[1:]
    return all(
        y.ndim == 2
        and y.shape[1:] == width
        and y.dtype.kind in "biuf"
        and bool(((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all())
        for y in targets.values()
    )


def are_one_hot_classes(targets: Mapping[str, np.ndarray], steps: int) -> bool:
    """Return whether rows are one-hot classes, not classes of steps and not several labels."""
    y = targets["train"]
    if not are_one_hot(targets):
        return False
    return y.dtype.kind == "f" or (y.shape[1] != steps and bool(y.any(axis=0).all()))


def classes_of_one_hot(targets: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the classes (n,) of one-hot rows.

    Raises:
        InputError: a column without a training example.
    """
    empty = np.flatnonzero(~targets["train"].astype(bool).any(axis=0))
    if len(empty):
        raise InputError(
            f"Every class needs a training example. Without one: columns {first_values(empty)} of "
            "y_train, whose one-hot rows are read as classes. Leave such columns out, or set "
            'kind = "multi_label" or "regression".'
        )
    return {split: y.argmax(axis=1) for split, y in targets.items()}


def other_interpretation(targets: Mapping[str, np.ndarray], kind: str) -> str:
    """Return what else the targets may mean, and how to set it; "" if the kind is clear."""
    y = targets["train"]
    if kind == "labelling" and are_one_hot(targets):
        return 'one-hot rows: if they are one class for each sequence, set kind = "classification"'
    if kind == "classification" and y.dtype.kind in "iu":
        different = len(np.unique(y))
        if different > _FEW_VALUES and 3 * different > len(y):
            return (
                f"{different} different integers: if they are numbers to predict, set "
                'kind = "regression"'
            )
    if kind != "regression" or (y != np.round(y)).any():
        return ""
    values, counts = np.unique(y, return_counts=True)
    if y.ndim == 2 and set(values) <= {0, 1}:
        return 'zeros and ones: if they are labels, set kind = "multi_label"'
    if 2 <= len(values) <= _FEW_VALUES and counts.min() > 1:
        other = "classification" if y.ndim == 1 else "labelling"
        return (
            f'only {len(values)} different whole numbers: if they are classes, set kind = "{other}"'
        )
    return ""


def describe_kind(kind: str, outputs: int, y: np.ndarray, given: bool, one_hot: bool) -> str:
    """Describe the kind of a task, its outputs, and why it is this kind.

    Args:
        y: training targets as they came.
        given: whether the user set the kind.
        one_hot: whether `y` has one-hot rows that are read as classes.
    """
    outputs_in_words = {
        "classification": f"{outputs} classes",
        "labelling": f"{outputs} classes, one at each step",
        "multi_label": f"{outputs} labels",
    }
    numbers = f"{outputs} number{'s' if outputs > 1 else ''} to predict"
    reason = "set by kind"
    if not given:
        reason = f"from y_train: {type_name(y)}, shape {y.shape}"
        if one_hot:
            reason += (
                ', one-hot rows read as classes: kind = "multi_label" or "regression" would read '
                "them otherwise"
            )
    return f"{kind}, {outputs_in_words.get(kind, numbers)} ({reason})"


def type_name(y: np.ndarray) -> str:
    """Return the type of an array's entries in words."""
    return {"f": "floats", "b": "booleans", "U": "strings"}.get(y.dtype.kind, "integers")


def first_values(values: np.ndarray) -> str:
    """Return the first eight values, separated by commas.

    >>> first_values(np.arange(9))
    '0, 1, 2, 3, 4, 5, 6, 7, ...'
    """
    return listed(values, 8)
