"""Tasks whose sequences are drawn from a seed."""

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
    **described: Any,
) -> Task:
    """A task whose three parts are drawn one after the other with one generator. Nothing is standardised.

    Args:
        draw: so many sequences and their targets.
        steps: of each sequence.
        described: further arguments of `Task.from_arrays`.
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
    parts = [draw(generator, size) for size in sizes.values()]
    (X_train, y_train), (X_validation, y_validation), (X_test, y_test) = parts
    return Task.from_arrays(
        X_train,
        y_train,
        X_validation=X_validation,
        y_validation=y_validation,
        X_test=X_test,
        y_test=y_test,
        standardise=False,
        **described,
    )
