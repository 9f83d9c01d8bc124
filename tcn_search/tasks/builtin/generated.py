"""Generate tasks whose sequences are drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tcn_search.arguments import as_integer, positive_integer, received
from tcn_search.errors import InputError
from tcn_search.tasks.task import Task

_MOST_STEPS = 500_000_000  # 4 GB with two channels
Draw = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


def generated(
    draw: Draw,
    steps: int,
    train_size: int,
    validation_size: int,
    test_size: int,
    seed: int,
    **options: Any,
) -> Task:
    """Draw training, validation and test split one after the other with one generator.

    Nothing is standardised.

    Args:
        draw: returns X and y of so many sequences.
        steps: steps of each sequence.
        options: further arguments of `Task.from_arrays`.

    Raises:
        InputError: sizes below 1, more than 500,000,000 steps in all, or a seed below 0.
    """
    sizes = {"train_size": train_size, "validation_size": validation_size, "test_size": test_size}
    count = sum(positive_integer(name, size) for name, size in sizes.items())
    if count * steps > _MOST_STEPS:
        raise InputError(
            f"The sequences that are drawn must have at most {_MOST_STEPS:,} steps together. "
            f"Received: {count:,} sequences of {steps:,} steps"
        )
    number = as_integer(seed)
    if number is None or number < 0:
        raise InputError(f"seed must be an integer, 0 or more. Received: {received(seed)}")
    generator = np.random.default_rng(number)
    X_train, y_train = draw(generator, train_size)
    X_validation, y_validation = draw(generator, validation_size)
    X_test, y_test = draw(generator, test_size)
    return Task.from_arrays(
        X_train,
        y_train,
        X_validation=X_validation,
        y_validation=y_validation,
        X_test=X_test,
        y_test=y_test,
        standardise=False,
        **options,
    )
