"""Equal to keras-tcn: weights, outputs and gradients, in training and inference."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tcn_search.layers.tcn import TCN
from tests.layers.configurations import configuration, inputs, worst
from tests.layers.differentiate import gradients

keras_tcn = pytest.importorskip("tcn", reason="keras-tcn is the reference; install it with --no-deps")
if keras.backend.backend() != "tensorflow":
    pytest.skip("keras-tcn runs on TensorFlow only", allow_module_level=True)

TOLERANCES = {"float64": 1e-9, "float32": 2e-4}


def theirs_from(options):
    """keras-tcn's layer for our arguments."""
    options, norm = dict(options), options.get("norm", "none")
    options.pop("norm", None)
    return keras_tcn.TCN(**options, use_batch_norm=norm == "batch", use_layer_norm=norm == "layer")


def assert_equal(options, x, dtype):
    keras.config.set_dtype_policy(dtype)  # keras-tcn's inner layers do not get its dtype
    try:
        mine, theirs = TCN(**options), theirs_from(options)
        for layer in (mine, theirs):
            layer(x.astype(dtype))
        draw = np.random.default_rng(0)
        weights = [
            draw.uniform(0.5, 1.5, w.shape) if w.ndim == 1 else draw.normal(0, 0.5, w.shape)
            for w in theirs.get_weights()
        ]
        for training in (False, True):
            theirs.set_weights(weights)
            mine.set_weights(theirs.get_weights())
            expected = gradients(theirs, x, training=training, dtype=dtype)
            found = gradients(mine, x, training=training, dtype=dtype)
            assert worst(found[0], expected[0]) < TOLERANCES[dtype]
            assert worst(found[1], expected[1]) < TOLERANCES[dtype]
            for one, other in zip(found[2], expected[2], strict=False):  # theirs may end with a dead one
                assert worst(one, other) < TOLERANCES[dtype]
    finally:
        keras.config.set_dtype_policy("float32")


def shared(seed):
    """A configuration that keras-tcn knows too: no weight norm in 3.5.7."""
    options = configuration(seed)
    return {**options, "norm": "none"} if options["norm"] == "weight" else options


@pytest.mark.parametrize("seed", range(20, 30))
def test_outputs_and_gradients_in_float64(seed):
    assert_equal(shared(seed), inputs(seed), "float64")


@pytest.mark.parametrize("seed", range(30, 34))
def test_outputs_and_gradients_in_float32(seed):
    assert_equal(shared(seed), inputs(seed), "float32")


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", range(300, 400))
def test_outputs_and_gradients_over_many(seed, dtype):
    assert_equal(shared(seed), inputs(seed), dtype)


def test_positional_order_is_that_of_3_5_4():
    layer = TCN(
        5, 2, 2, [1, 3], "same", False, 0.1, True, "tanh", "glorot_uniform", False, False, True, True, False
    )
    assert layer.norm == "weight"
    assert layer.go_backwards
    assert not layer.return_state
    assert layer.return_sequences
    assert layer.architecture.dilations == (1, 3)


def test_single_block_drops_the_matching_convolution_that_nothing_reads():
    x = inputs(0, steps=9, channels=3)
    mine, theirs = TCN(4, 2, dilations=[2]), keras_tcn.TCN(4, 2, dilations=[2])
    mine.build(x.shape)
    theirs(x)
    assert len(theirs.get_weights()) == len(mine.get_weights()) + 2
    mine.set_weights(theirs.get_weights())
    np.testing.assert_allclose(mine(x), theirs(x), rtol=1e-5, atol=1e-6)


def test_same_initialiser_gives_the_same_distribution():
    mine, theirs = TCN(64, 5, dilations=[1, 2]), keras_tcn.TCN(64, 5, dilations=[1, 2])
    for layer in (mine, theirs):
        layer.build((None, 9, 3))
    for one, other in zip(mine.get_weights(), theirs.get_weights(), strict=True):
        assert abs(one.std() - other.std()) < 0.1 * max(other.std(), 1e-6)
