"""Weights of classes in the training loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tcn_search.arguments import is_number, received
from tcn_search.errors import InputError
from tcn_search.tasks.task import Task
from tcn_search.tasks.training_data import TrainingData


def with_class_weights(task: Task, weights: str | Mapping[str, float]) -> Task:
    """Return `task` with a weight for each class.

    Only the training loss is weighted; validation and test are judged without weights.

    Args:
        weights: "balanced" for n / (K · n of the class) over the training split, so that the mean
            weight is 1; or a number by class name, 1 for classes that are left out.

    Raises:
        InputError: a task without classes, an unknown class, or a weight that is not positive.
    """
    spec = task.spec
    if spec.kind not in ("classification", "labelling"):
        raise InputError(
            f"class_weights needs one class for each sequence or step. Received: a {spec.kind} task"
        )
    if isinstance(weights, str) and weights == "balanced":
        counts = np.bincount(task.train.y[task.train.y >= 0].ravel(), minlength=spec.outputs)
        values = counts.sum() / (spec.outputs * np.maximum(counts, 1))
        balanced = tuple(float(value) for value in values)
        return replace(task, spec=replace(spec, class_weights=balanced))
    if not isinstance(weights, Mapping):
        raise InputError(
            'class_weights must be "balanced" or a table of weights by class. '
            f"Received: {received(weights)}"
        )
    for name, weight in weights.items():
        if str(name) not in spec.class_names:
            raise InputError(
                f"class_weights names an unknown class: {name!r}. "
                f"Classes: {', '.join(spec.class_names)}"
            )
        if not is_number(weight) or not weight > 0:
            raise InputError(
                f"class_weights must be positive numbers. Received: {name} = {received(weight)}"
            )
    given = {str(name): float(weight) for name, weight in weights.items()}
    chosen = tuple(given.get(name, 1.0) for name in spec.class_names)
    return replace(task, spec=replace(spec, class_weights=chosen))


def sample_weights(data: TrainingData) -> np.ndarray | None:
    """Return float32 weights of the training targets, in their shape; None if all are equal."""
    if not data.spec.class_weights:
        return None
    weights = np.asarray(data.spec.class_weights, dtype="float32")
    targets: np.ndarray = np.maximum(data.train.y, 0)  # steps without a class have no loss
    return np.asarray(weights[targets])
