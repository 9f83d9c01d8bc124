"""Tasks whose sequences are drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tcn_search.planning.arguments import positive_integer
from tcn_search.tasks.task import Task

Draw = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


def generated(
    draw: Draw, train_size: int, validation_size: int, test_size: int, seed: int, **described: Any
) -> Task:
    """A task whose three parts are drawn one after the other with one generator. Nothing is standardised.

    Args:
        draw: so many sequences and their targets.
        described: further arguments of `Task.from_arrays`.
    """
    sizes = {"train_size": train_size, "validation_size": validation_size, "test_size": test_size}
    generator = np.random.default_rng(seed)
    parts = [draw(generator, positive_integer(name, size)) for name, size in sizes.items()]
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
