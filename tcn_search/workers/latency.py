"""How long a model takes for one sequence, on the device that trained it."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras
    import numpy as np

_WARM_UP = 3
_TIMED = 25


def measure_latency(model: keras.Model, sequence: np.ndarray) -> float:
    """Median over several predictions of a batch of one sequence, shape (1, T, C), compilation left out."""
    for _ in range(_WARM_UP):
        model.predict_on_batch(sequence)
    taken = []
    for _ in range(_TIMED):
        started = time.perf_counter()
        model.predict_on_batch(sequence)
        taken.append(time.perf_counter() - started)
    return 1e3 * statistics.median(taken)
