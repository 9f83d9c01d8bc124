"""A simple model, with the choices between which the validation split decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from tcn_search.tasks.training_data import SplitData

# Predictions for sequences (n, T, C), in the form of a network's predictions.
Predict = Callable[[np.ndarray], np.ndarray]


class Choice(NamedTuple):
    """One way to fit a simple model.

    Attributes:
        detail: the choice in words; "" where there is only one.
        fit: fits the model to a split.
    """

    detail: str
    fit: Callable[[SplitData], Predict]


class SimpleModel(NamedTuple):
    """A simple model with its choices, of which the validation split decides for one."""

    name: str
    choices: Sequence[Choice]
