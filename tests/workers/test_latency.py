"""The time of a model for one sequence."""

from __future__ import annotations

import time

import numpy as np

from tcn_search.workers.latency import measure_latency


class Slow:
    """A model that takes longer at its first calls, as a compiled one does."""

    def __init__(self) -> None:
        self.calls = 0

    def predict_on_batch(self, batch: np.ndarray) -> np.ndarray:
        assert batch.shape == (1, 4, 2)
        self.calls += 1
        time.sleep(0.15 if self.calls <= 3 else 0.002)
        return batch


def test_compilation_does_not_count() -> None:
    assert 2 <= measure_latency(Slow(), np.zeros((1, 4, 2))) < 100  # type: ignore[arg-type]
