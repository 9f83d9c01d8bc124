"""The time for one sequence is taken from the trained model."""

from __future__ import annotations

import time

import numpy as np

from tcn_search.workers.latency import measure_latency


class Slow:
    """Takes a while, longer at first, as a model that is compiled at its first call."""

    def __init__(self) -> None:
        self.calls = 0

    def predict_on_batch(self, batch: np.ndarray) -> np.ndarray:
        assert batch.shape == (1, 4, 2)
        self.calls += 1
        time.sleep(0.15 if self.calls <= 3 else 0.002)
        return batch


def test_the_median_leaves_compilation_out() -> None:
    assert 2 <= measure_latency(Slow(), np.zeros((1, 4, 2))) < 100  # type: ignore[arg-type]
