"""Whether a training was still improving when it ended."""

from __future__ import annotations

import numpy as np
import pytest

from tcn_search.tasks.kinds import Metric
from tcn_search.trainers.learning_curve import is_still_improving

LOSS = Metric("val_loss", "minimize")
ACCURACY = Metric("val_accuracy", "maximize")


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([1.0, 0.8, 0.6], False),  # too few epochs
        (np.linspace(1.0, 0.2, 20).tolist(), True),
        ((0.5 ** np.arange(20)).tolist(), False),  # settled
        ([1.0, *np.linspace(0.9, 0.1, 17), 0.3, 0.3], False),  # overfits at the end
        ([1.0] * 20, False),
        ([*[1.0] * 18, 0.9, 0.7], True),  # starts late
    ],
)
def test_a_curve(losses: list[float], expected: bool) -> None:
    assert is_still_improving([{"val_loss": loss} for loss in losses], LOSS) is expected
    accuracies = [{"val_accuracy": 1 - loss, "val_loss": 0.0} for loss in losses]
    assert is_still_improving(accuracies, ACCURACY) is expected


def test_the_first_fold_is_judged() -> None:
    falling = [{"fold": 1, "val_loss": 1 - 0.05 * epoch} for epoch in range(10)]
    settled = [{"fold": 2, "val_loss": 0.1} for _ in range(10)]
    assert is_still_improving([*falling, *settled], LOSS)
