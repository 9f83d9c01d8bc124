"""Class weights: their values, the loss that they count in, and refused ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tcn_search import Architecture, Task, TrainingSettings, build_model, load_task
from tcn_search.errors import InputError
from tcn_search.tasks.class_weights import sample_weights, with_class_weights
from tcn_search.tasks.kinds import Metric
from tcn_search.trainers.fit import train
from tests.conftest import waves

X, _ = waves(20)
Y = np.array([0] * 15 + [1] * 5)
TASK = Task.from_arrays(X, Y, class_names=["often", "rare"], X_validation=X, y_validation=Y)


def test_balanced_weights_make_classes_count_the_same() -> None:
    task = with_class_weights(TASK, "balanced")
    assert task.spec.class_weights == pytest.approx((20 / 30, 2.0))
    weights = sample_weights(task.training)
    assert weights is not None
    assert weights[Y == 0].sum() == pytest.approx(weights[Y == 1].sum())
    assert sample_weights(TASK.training) is None


def test_a_table_names_classes(wave_file: Path) -> None:
    task = load_task(wave_file, class_weights={"fast": 3})
    assert task.spec.class_weights == (1.0, 3.0)
    assert task.source is not None
    assert (
        load_task(task.source["name"], **task.source["options"]).fingerprint() == task.fingerprint()
    )


def test_only_the_training_loss_is_weighted() -> None:
    settings = TrainingSettings(epochs=1, batch_size=20, learning_rate=1e-9)
    task = with_class_weights(TASK, {"often": 5, "rare": 5})
    model = build_model(Architecture(nb_filters=2, kernel_size=2, dilations=(1,)), task, settings)
    epoch = train(model, task.training, settings, Metric("val_loss", "minimize")).curve[0]
    assert epoch["loss"] == pytest.approx(5 * epoch["val_loss"], rel=1e-3)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (
            "even",
            "class_weights must be \"balanced\" or a table of weights by class. Received: 'even'",
        ),
        (
            {"seldom": 2},
            "class_weights names an unknown class: 'seldom'. Classes: often, rare",
        ),
        ({"rare": 0}, "class_weights must be positive numbers. Received: rare = 0"),
    ],
)
def test_bad_weights(weights: Any, message: str) -> None:
    with pytest.raises(InputError) as error:
        with_class_weights(TASK, weights)
    assert str(error.value) == message
