"""The layers that a forecast adds around the network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from tcn_search import Architecture, build_model, load_model
from tcn_search.models.predict import predict
from tcn_search.tasks.task_spec import TaskSpec
from tests.conftest import draw_head

SPEC = TaskSpec(
    "series",
    "forecast",
    seq_len=20,
    input_channels=2,
    outputs=3,
    class_names=("b+1", "b+2", "b+3"),
    input_mean=(1.0, 10.0),
    input_std=(2.0, 5.0),
    target_mean=(10.0,) * 3,
    target_std=(5.0,) * 3,
    last_value_channels=(1,),
)
ARCHITECTURE = Architecture(nb_filters=4, kernel_size=3, dilations=(1, 2))
X = np.random.default_rng(0).normal(5, 3, (6, 20, 2)).astype("float32")


def test_a_look_back_sees_the_end_of_the_window_only(tmp_path: Path) -> None:
    model = build_model(replace(ARCHITECTURE, look_back=7), SPEC)
    draw_head(model)
    shorter = build_model(ARCHITECTURE, replace(SPEC, seq_len=7))
    shorter.set_weights(model.get_weights())
    expected = shorter.predict(X[:, -7:], verbose=0)
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-5)
    assert not np.allclose(build_and_share(model).predict(X, verbose=0), expected, rtol=1e-3)
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.predict(X, verbose=0), expected, rtol=1e-5)
    assert list(predict(again, X).columns) == ["sequence", "b+1", "b+2", "b+3"]


def build_and_share(model: keras.Model) -> keras.Model:
    whole = build_model(ARCHITECTURE, SPEC)
    whole.set_weights(model.get_weights())
    return whole


def test_an_untrained_head_repeats_the_last_value_in_the_series_units() -> None:
    model = build_model(ARCHITECTURE, SPEC)
    head = model.get_layer("head")
    head.set_weights([np.zeros_like(weights) for weights in head.get_weights()])
    np.testing.assert_allclose(
        model.predict(X, verbose=0), np.tile(X[:, -1, 1:], (1, 3)), rtol=1e-5
    )


def test_a_level_taken_off_comes_back() -> None:
    model = build_model(ARCHITECTURE, SPEC)
    draw_head(model)
    np.testing.assert_allclose(
        model.predict(X + 100.0, verbose=0), model.predict(X, verbose=0) + 100.0, rtol=1e-4
    )


def test_errors_are_on_standardised_values() -> None:
    model = build_model(ARCHITECTURE, SPEC)
    draw_head(model)
    y = np.random.default_rng(1).normal(10, 5, (6, 3)).astype("float32")
    error = (y - model.predict(X, verbose=0)) / 5
    found = model.evaluate(X, y, verbose=0, return_dict=True)
    assert found["standardised_mse"] == pytest.approx(np.square(error).mean(), rel=1e-4)
    assert found["standardised_mae"] == pytest.approx(np.abs(error).mean(), rel=1e-4)
    assert found["loss"] == pytest.approx(found["standardised_mse"], rel=1e-5)
