"""Which steps decide a model's output: attributions add up, maps average to the score."""

from __future__ import annotations

import numpy as np
import pytest

from tcn_search import (
    Architecture,
    Task,
    attribution_frame,
    build_model,
    class_activation_map,
    input_attributions,
)
from tcn_search.errors import InputError
from tests.conftest import draw_head, waves

X, Y = waves(12)


def model_of(readout: str):
    task = Task.from_arrays(X, Y)
    model = build_model(Architecture(4, 3, (1, 2), readout=readout), task)
    draw_head(model)
    return model


def test_attributions_add_up_to_the_difference_from_the_baseline() -> None:
    model = model_of("last")
    found = input_attributions(model, X[:5], outputs=[0, 1, 0, 1, 1], steps=64, batch_size=2)
    assert found.shape == X[:5].shape
    baseline = np.broadcast_to(X[:5].mean(axis=(0, 1)), X[:1].shape)
    chosen = np.arange(5), [0, 1, 0, 1, 1]
    wanted = (
        model.predict(X[:5], verbose=0)[chosen] - model.predict(baseline, verbose=0)[0][chosen[1]]
    )
    np.testing.assert_allclose(found.sum(axis=(1, 2)), wanted, atol=0.01)


def test_steps_outside_the_receptive_field_decide_nothing() -> None:
    found = input_attributions(model_of("last"), X[:3], steps=4)
    field = Architecture(4, 3, (1, 2)).receptive_field
    assert field < X.shape[1]
    assert not found[:, : X.shape[1] - field].any()
    assert found[:, -1].any()


def test_a_class_activation_map_averages_to_the_score() -> None:
    import keras

    model = model_of("average")
    found = class_activation_map(model, X)
    assert found.shape == (len(X), X.shape[1], 2)
    scores = keras.Model(model.input, model.get_layer("head").output).predict(X, verbose=0)
    bias = np.asarray(model.get_layer("head").bias)
    np.testing.assert_allclose(found.mean(axis=1) + bias, scores, rtol=1e-4, atol=1e-5)


def test_the_table_has_a_row_for_each_step() -> None:
    frame = attribution_frame(X[:2], np.ones_like(X[:2]), ["slow", "fast"])
    assert len(frame) == 2 * X.shape[1]
    assert frame["attribution"].unique().tolist() == [2]  # of both channels
    assert frame.groupby("sequence")["class"].first().tolist() == ["slow", "fast"]
    np.testing.assert_array_equal(frame["value"][: X.shape[1]], X[0, :, 0])


def test_what_has_no_attribution_is_refused() -> None:
    model = model_of("last")
    with pytest.raises(InputError, match="needs a model whose readout is 'average'"):
        class_activation_map(model, X)
    with pytest.raises(InputError, match="one number for each of the 12 sequences. Received: 1"):
        input_attributions(model, X, outputs=[0])
    with pytest.raises(InputError, match="X must have shape"):
        input_attributions(model, X[0])


def test_padding_has_no_attribution_and_spoils_no_other_sequence() -> None:
    padded = X[:6].copy()
    padded[0, 5:] = np.nan
    task = Task.from_arrays(X, Y, lengths_train=np.full(len(X), X.shape[1] - 1))
    model = build_model(Architecture(4, 3, (1, 2), readout="average"), task)
    draw_head(model)
    found = input_attributions(model, padded, steps=4)
    assert np.isfinite(found).all()
    assert not found[0, 5:].any()
    assert found[0, :5].any()
    assert found[1].any()
