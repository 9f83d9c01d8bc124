"""The last-step plan equals the full evaluation and NumPy, forward and backward."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tcn_search.layers.tcn import TCN
from tests.layers.configurations import configuration, float64_tolerance, inputs, shake, worst
from tests.layers.differentiate import gradients, outputs
from tests.layers.numpy_reference import tcn

ACTIVATIONS = {"relu": lambda x: np.maximum(x, 0), "tanh": np.tanh, "linear": lambda x: x}
BACKEND = keras.backend.backend()
# JAX compiles every configuration anew, which takes a second or two each.
SEEDS = range(3) if BACKEND == "jax" else range(12)


@pytest.fixture(autouse=True)
def _double_precision(double_precision):
    """Let JAX compute in float64."""


def pair(options, shape):
    """Return a layer read at its last step, and an equal layer with all steps."""
    last = TCN(**{**options, "return_sequences": False}, dtype="float64")
    whole = TCN(**{**options, "return_sequences": True}, dtype="float64")
    for layer in (last, whole):
        layer.build(shape)
    shake(last)
    whole.set_weights(last.get_weights())
    return last, whole


class LastOf(keras.layers.Layer):
    """Evaluate all steps, then read one."""

    def __init__(self, layer):
        super().__init__(dtype=layer.dtype_policy)
        self.layer = layer
        self.built = True

    def call(self, x, training=False):
        outputs = self.layer(x, training=training)
        return outputs[:, x.shape[1] // 2 if self.layer.architecture.padding == "same" else -1]


def assert_last_step_equal(options, x):
    last, whole = pair(options, x.shape)
    tolerance = float64_tolerance(options)
    found, expected = gradients(last, x), gradients(LastOf(whole), x)
    assert worst(found[0], expected[0]) < tolerance
    assert worst(found[1], expected[1]) < tolerance
    for mine, theirs, variable in zip(found[2], expected[2], last.trainable_variables, strict=True):
        assert worst(mine, theirs) < tolerance, variable.path


@pytest.mark.parametrize("seed", SEEDS)
def test_last_step_equals_full_evaluation(seed):
    assert_last_step_equal(configuration(seed), inputs(seed))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 260))
def test_last_step_equals_full_evaluation_over_many(seed):
    assert_last_step_equal(configuration(seed), inputs(seed))


@pytest.mark.parametrize("padding", ["causal", "same"])
@pytest.mark.parametrize("beside", [-7, 0, 9])
def test_length_below_at_and_above_the_receptive_field(padding, beside):
    options = configuration(
        3, nb_filters=3, kernel_size=3, dilations=[1, 2], nb_stacks=2, padding=padding, norm="none"
    )
    assert_last_step_equal(options, inputs(0, steps=TCN(**options).receptive_field + beside))


@pytest.mark.parametrize("seed", SEEDS)
def test_outputs_equal_numpy(seed):
    options, x = configuration(seed, go_backwards=False), inputs(seed, batch=2, steps=17)
    last, whole = pair(options, x.shape)
    steps, read_out = outputs(whole, x), outputs(last, x)
    tolerance = float64_tolerance(options)
    for row, sequence in enumerate(x):
        activation = ACTIVATIONS[options["activation"]]
        expected = tcn(sequence, whole.get_weights(), whole.architecture, activation)
        assert worst(steps[row], expected) < tolerance
        read = len(sequence) // 2 if options["padding"] == "same" else -1
        assert worst(read_out[row], expected[read]) < tolerance


def test_batch_norm_in_training_uses_all_steps():
    options = configuration(0, norm="batch", padding="causal", go_backwards=False)
    x = inputs(1, steps=20)
    last, whole = pair(options, x.shape)
    found = keras.ops.convert_to_numpy(last(x, training=True))
    expected = keras.ops.convert_to_numpy(whole(x, training=True))[:, -1]
    assert worst(found, expected) < float64_tolerance(options)
    for mine, theirs in zip(last.get_weights(), whole.get_weights(), strict=True):
        assert worst(mine, theirs) < float64_tolerance(options)


def test_spatial_dropout_drops_a_channel_at_all_steps():
    layer = TCN(4, 2, dilations=[4], dropout_rate=0.5, return_sequences=True, activation="linear")
    x = np.ones((8, 32, 4), "float32")
    layer.build(x.shape)
    outputs = keras.ops.convert_to_numpy(layer(x, training=True))
    steady = outputs[:, 16:]  # beyond the zeros before the sequence
    np.testing.assert_allclose(steady, steady[:, :1].repeat(16, axis=1), rtol=1e-5, atol=1e-6)
    assert (steady == 0).any()
