"""A custom model between the study's standardisation and its predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tcn_search import (
    Architecture,
    Task,
    TrainingSettings,
    build_model,
    load_model,
    predict,
    tcn_body,
)
from tcn_search.errors import InputError
from tcn_search.planning.saved_model import find_tcn
from tests.conftest import waves

X, Y = waves(12)
LAST = Architecture(nb_filters=3, kernel_size=2, dilations=(1, 2))
EVERY = Architecture(nb_filters=3, kernel_size=2, dilations=(1, 2), readout="sequence")


def with_two_layers(architecture: Any, task: Any, settings: Any, **last: Any) -> keras.Model:
    sequences = keras.Input((task.seq_len, task.input_channels))
    x = keras.layers.Dense(5)(sequences)
    x = tcn_body(architecture, settings.dropout_rate)(x)
    x = keras.layers.Dense(4, activation="relu")(x)
    return keras.Model(sequences, keras.layers.Dense(task.outputs, **last)(x))


def test_a_custom_model_trains_is_saved_and_predicts_like_a_built_in_one(tmp_path: Path) -> None:
    task = Task.from_arrays(X * 10 + 3, np.stack([Y * 100.0, Y + 7.0], axis=1), kind="regression")
    model = build_model(LAST, task, TrainingSettings(precision="mixed_bfloat16"), with_two_layers)
    built_in = build_model(LAST, task)
    assert model.count_params() != built_in.count_params()
    assert set(model.fit(task.train.X, task.train.y, verbose=0).history) == {"loss", "mse", "mae"}
    model.save(tmp_path / "custom.keras")
    frame = predict(load_model(tmp_path / "custom.keras"), X)
    assert list(frame.columns) == ["sequence", "prediction_0", "prediction_1"]
    np.testing.assert_allclose(frame["prediction_0"], model.predict(X, verbose=0)[:, 0], rtol=1e-5)


def test_padding_reaches_the_layers_as_a_mask(tmp_path: Path) -> None:
    """Values in padded steps change nothing, whatever layers come before the TCN."""
    ragged = X.copy()
    ragged[:, 10:] = np.nan
    lengths = np.array([10] * 6 + [16] * 6)
    task = Task.from_arrays(X, Y, lengths_train=lengths)
    assert task.spec.ragged
    made = build_model(LAST, task, model_fn=with_two_layers)
    made.fit(task.train.X, task.train.y, verbose=0)
    made.save(tmp_path / "own.keras")
    model = load_model(tmp_path / "own.keras")
    assert find_tcn(tmp_path / "own.keras").architecture.dilations == (1, 2)
    together = model.predict(ragged, verbose=0)
    np.testing.assert_allclose(together, made.predict(ragged, verbose=0), rtol=1e-5)
    task_of_ten = Task.from_arrays(X[:, :10], Y)
    exact = build_model(LAST, task_of_ten, model_fn=with_two_layers)
    exact.set_weights(model.get_weights())
    exact.get_layer("standardize").mean = model.get_layer("standardize").mean
    exact.get_layer("standardize").std = model.get_layer("standardize").std
    np.testing.assert_allclose(together, exact.predict(X[:, :10], verbose=0), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("architecture", "targets", "model_fn", "message"),
    [
        (LAST, Y, lambda *given: 3, "model_fn must return a keras.Model. Received: int"),
        (
            LAST,
            Y,
            lambda *given: with_two_layers(*given, activation="softmax"),
            "The model of model_fn must end in scores without an activation: the study adds the activation of classification. "
            "Received: softmax",
        ),
        (
            LAST,
            Y,
            lambda architecture, task, settings: with_two_layers(EVERY, task, settings),
            "The model of model_fn must give (batch, 2) for classification with 2 outputs. Received: (batch, 16, 2)",
        ),
        (
            EVERY,
            np.tile(np.arange(16) % 3, (12, 1)),
            lambda architecture, task, settings: with_two_layers(LAST, task, settings),
            "The model of model_fn must give (batch, 16, 3) for labelling with 3 outputs. Received: (batch, 3)",
        ),
    ],
)
def test_a_model_that_does_not_fit_the_task_is_refused(
    architecture: Architecture, targets: np.ndarray, model_fn: Any, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        build_model(architecture, Task.from_arrays(X, targets), model_fn=model_fn)
    assert str(caught.value) == message
