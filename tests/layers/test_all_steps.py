"""Every step: sums and phases kept from block to block equal the plain sums."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from tcn_search.layers.padded_convolution import convolve_padded
from tcn_search.layers.plan_execution import can_run_all_steps
from tcn_search.layers.slicing import pad_or_crop, regroup_phases
from tcn_search.layers.tcn import TCN
from tests.layers.configurations import float64_tolerance, inputs, shake, worst
from tests.layers.differentiate import gradients

BACKEND = keras.backend.backend()
OPTIONS = {
    "doubling": {"kernel_size": 2, "dilations": [1, 2, 4, 8]},
    "phases that do not divide": {"kernel_size": 3, "dilations": [2, 3, 4, 12], "nb_stacks": 2},
    "same": {"kernel_size": 3, "dilations": [1, 2, 4], "padding": "same"},
    "same, even kernel": {"kernel_size": 4, "dilations": [2, 4], "padding": "same"},
    "residual output": {"kernel_size": 2, "dilations": [1, 2, 4], "use_skip_connections": False},
    "filters that change": {
        "nb_filters": [2, 3, 3],
        "kernel_size": 2,
        "dilations": [1, 2, 4],
        "use_skip_connections": False,
    },
    "one block": {"kernel_size": 2, "dilations": [2]},
}


@pytest.fixture(autouse=True)
def _double_precision(double_precision):
    """Let JAX compute in float64."""


def plain_relu(x):
    """Compute relu in a form that the layer does not recognise, so that it is never left out."""
    return ops.where(x > 0, x, ops.zeros_like(x))


def pair(options, shape):
    """Return the layer, and one that applies every activation and sums every skip output."""
    layers = [
        TCN(
            **{"nb_filters": 3, "return_sequences": True, **options, "activation": activation},
            dtype="float64",
        )
        for activation in ("relu", plain_relu)
    ]
    for layer in layers:
        layer.build(shape)
        shake(layer)
    return layers


def assert_equal(options, x, mask=None, training=False):
    found, expected = (
        gradients(layer, x, mask=mask, training=training) for layer in pair(options, x.shape)
    )
    tolerance = float64_tolerance({"norm": "none", "activation": "relu", **options})
    exist = 1.0 if mask is None else mask[..., None]
    assert worst(found[0] * exist, expected[0] * exist) < tolerance
    return found, expected, tolerance


# JAX compiles each anew, for a second or two.
FEW = BACKEND == "jax"


@pytest.mark.parametrize("steps", [24] if FEW else [24, 29])
@pytest.mark.parametrize("name", ["phases that do not divide"] if FEW else OPTIONS)
def test_equal_to_plain_sums(name, steps):
    found, expected, tolerance = assert_equal(OPTIONS[name], inputs(0, steps=steps, channels=2))
    for mine, theirs in zip([found[1], *found[2]], [expected[1], *expected[2]], strict=True):
        assert worst(mine, theirs) < tolerance


@pytest.mark.parametrize("channels", [1] if FEW else [1, 3])
def test_equal_where_relu_gives_zeros(channels):
    """Without bias, zeros in the input give sums of zero, where relu lets no gradient through."""
    x = inputs(1, steps=40, channels=channels)
    x[:, 10:30] = 0
    layers = pair(OPTIONS["doubling"], x.shape)
    for layer in layers:
        layer.set_weights([0 * w if w.ndim == 1 else w for w in layer.get_weights()])
    found, expected = (gradients(layer, x) for layer in layers)
    assert np.mean(expected[0] == 0) > 0.1
    for mine, theirs in zip([*found[:2], *found[2]], [*expected[:2], *expected[2]], strict=True):
        assert worst(mine, theirs) < 1e-9


@pytest.mark.parametrize(
    "name",
    ["same"] if FEW else ["doubling", "phases that do not divide", "same", "residual output"],
)
def test_equal_to_plain_sums_with_masks(name):
    x = inputs(2, batch=4, steps=24, channels=2)
    first, length = np.array([0, 3, 0, 10]), np.array([24, 21, 7, 5])
    steps = np.arange(24)
    mask = (steps >= first[:, None]) & (steps < (first + length)[:, None])
    assert_equal(OPTIONS[name], x, mask=mask)


def test_equal_to_plain_sums_with_batch_norm_in_training():
    assert_equal(
        {**OPTIONS["doubling"], "norm": "batch"}, inputs(3, steps=24, channels=2), training=True
    )


def test_unknown_length():
    layer, plain = pair(OPTIONS["doubling"], (None, None, 2))
    inputs_of_any_length = keras.Input((None, 2), dtype="float64")
    x = inputs(4, steps=21, channels=2)
    found, expected = (
        keras.Model(inputs_of_any_length, each(inputs_of_any_length)).predict(x, verbose=0)
        for each in (layer, plain)
    )
    assert worst(found, expected) < 1e-9


@pytest.mark.parametrize("filters", [1, 2])
@pytest.mark.parametrize("padding", ["causal", "valid"])
def test_few_filters_in_a_compiled_model(filters, padding):
    """TensorFlow's compiler once took one filter's bias at many steps for many filters' bias."""
    layer = TCN(filters, 2, dilations=[1, 2], padding=padding, return_sequences=True)
    model = keras.Sequential([keras.Input((20, 3)), layer])
    shake(layer)
    x = inputs(7, steps=20, channels=3).astype("float32")
    assert (
        worst(model.predict(x, verbose=0), ops.convert_to_numpy(layer(ops.convert_to_tensor(x))))
        < 1e-5
    )


@pytest.mark.parametrize(("dtype", "fast"), [("float32", True), ("mixed_bfloat16", False)])
def test_half_precision_sums_skip_outputs(dtype, fast):
    layer = TCN(dtype=dtype)
    layer.build((1, 24, 2))
    assert can_run_all_steps(layer.residual_blocks, layer.architecture) == fast


@settings(deadline=None, max_examples=10 if FEW else 100)
@given(
    steps=st.integers(1, 40),
    path=st.lists(st.sampled_from([1, 2, 3, 4, 6, 8, 12]), min_size=1, max_size=4),
)
def test_rearranging_keeps_every_step(steps, path):
    x = np.arange(2 * steps * 2, dtype="float32").reshape(2, steps, 2) + 1
    found, phases = ops.convert_to_tensor(x), 1
    for wanted in path:
        found, phases = regroup_phases(found, phases, wanted, steps), wanted
    rows = -(-steps // phases)
    padded = np.pad(x, [[0, 0], [0, rows * phases - steps], [0, 0]])
    expected = padded.reshape(2, rows, phases, 2).transpose(0, 2, 1, 3).reshape(2 * phases, rows, 2)
    np.testing.assert_array_equal(ops.convert_to_numpy(found), expected)
    np.testing.assert_array_equal(ops.convert_to_numpy(regroup_phases(found, phases, 1, steps)), x)


class Slide(keras.layers.Layer):
    """`convolve_padded` with a kernel of its own; `plain` leaves the gradient to the backend."""

    def __init__(self, taps, around, dilation, plain):
        super().__init__(dtype="float64")
        self.taps = taps
        self.around = around
        self.dilation = dilation
        self.plain = plain

    def build(self, shape):
        self.kernel = self.add_weight(shape=(self.taps, shape[-1], 3))

    def call(self, x, training=False):
        kernel = ops.convert_to_tensor(self.kernel)
        if self.plain:
            return convolve_padded(pad_or_crop(x, *self.around), kernel, 0, 0, self.dilation)
        return convolve_padded(x, kernel, *self.around, self.dilation)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="only there the gradient is our own")
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("around", [(0, 0), (4, 0), (2, 2), (1, 6), (9, 0), (-1, 3), (5, -2)])
def test_gradient_of_a_sliding_kernel(around, dilation):
    x = inputs(5, steps=12, channels=2)
    layers = [Slide(3, around, dilation, plain) for plain in (False, True)]
    for layer in layers:
        layer.build(x.shape)
        shake(layer)
    found, expected = (gradients(layer, x) for layer in layers)
    for mine, theirs in zip([*found[:2], *found[2]], [*expected[:2], *expected[2]], strict=True):
        assert worst(mine, theirs) < 1e-12


@pytest.mark.skipif(BACKEND != "tensorflow", reason="only there the gradient is our own")
def test_gradient_of_the_gradient():
    import tensorflow as tf

    x = tf.convert_to_tensor(inputs(6, steps=9, channels=2))
    second = []
    for around, inner in (((4, 0), (0, 0)), ((0, 0), (4, 0))):
        layer = Slide(3, around, 1, plain=False)
        layer.build(x.shape)
        shake(layer)
        with tf.GradientTape() as outer:
            with tf.GradientTape() as tape:
                tape.watch(x)
                score = tf.reduce_sum(layer(pad_or_crop(x, *inner)) ** 2)
            squared = tf.reduce_sum(tape.gradient(score, x) ** 2)
        second.append(outer.gradient(squared, layer.kernel.value).numpy())
    assert worst(*second) < 1e-9
