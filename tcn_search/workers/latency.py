"""Measure how long a model takes for one sequence, on the device that trained it."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras
    import numpy as np

_WARM_UP_CALLS = 3
_TIMED_CALLS = 25


def measure_latency(model: keras.Model, sequence: np.ndarray) -> float:
    """Return the median time of a prediction in milliseconds, without compilation.

    Args:
        model: the trained model.
        sequence: a batch of one sequence, (1, T, C).
    """
    for _ in range(_WARM_UP_CALLS):
        model.predict_on_batch(sequence)
    seconds = []
    for _ in range(_TIMED_CALLS):
        started = time.perf_counter()
        model.predict_on_batch(sequence)
        seconds.append(time.perf_counter() - started)
    return 1e3 * statistics.median(seconds)
