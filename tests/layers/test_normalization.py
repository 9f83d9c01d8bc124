"""Our layer and batch norm against Keras' norms: outputs, two gradients, moving statistics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

from tcn_search.layers.normalization import batch_norm_in_training, layer_norm
from tcn_search.layers.tcn import TCN
from tests.layers.configurations import worst

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="elsewhere Keras' own norms are used"
)

SHAPES = [(3, 7, 4), (2, 1, 5), (1, 30, 1), (4, 9, 24)]
Function = Callable[[Any, Any], Any]  # of x and a norm
LAYERS: dict[str, tuple[type[keras.layers.Layer], Function, Function]] = {
    "layer": (keras.layers.LayerNormalization, layer_norm, lambda x, norm: norm(x)),
    "batch": (
        keras.layers.BatchNormalization,
        batch_norm_in_training,
        lambda x, norm: norm(x, training=True),
    ),
}


def formula(kind: str) -> Function:
    """Return the definition of a norm.

    Keras' norms have a wrong second gradient on TensorFlow, which stops the gradient at the mean.
    """

    def normalize(x: Any, norm: Any) -> Any:
        axes = -1 if kind == "layer" else (0, 1)
        centred = x - ops.mean(x, axis=axes, keepdims=True)
        inverse = ops.rsqrt(ops.mean(ops.square(centred), axis=axes, keepdims=True) + norm.epsilon)
        return centred * inverse * ops.convert_to_tensor(norm.gamma) + ops.convert_to_tensor(
            norm.beta
        )

    return normalize


def built_norm(kind: str, shape: tuple[int, ...], dtype: str = "float64") -> keras.layers.Layer:
    """Build a norm whose weights are not ones and zeros."""
    draw = np.random.default_rng(1)
    norm = LAYERS[kind][0](dtype=dtype)
    norm.build(shape)
    norm.set_weights([draw.uniform(0.5, 1.5, weight.shape) for weight in norm.get_weights()])
    return norm


def derivatives(
    norm: keras.layers.Layer, function: Function, x: np.ndarray, compiled: bool
) -> list[Any]:
    """Return the output, its three gradients, and those of a penalty on the first gradient."""
    import tensorflow as tf

    weights = np.random.default_rng(2).normal(size=x.shape)
    variables = [norm.gamma.value, norm.beta.value]

    def differentiate(inputs: Any) -> list[Any]:
        with tf.GradientTape() as outer:
            outer.watch(inputs)
            with tf.GradientTape() as inner:
                inner.watch(inputs)
                outputs = function(inputs, norm)
                total = tf.reduce_sum(tf.tanh(outputs) * weights)
            first = inner.gradient(total, [inputs, *variables])
            penalty = tf.reduce_sum(tf.square(first[0]) * weights)
        return [outputs, *first, *outer.gradient(penalty, [inputs, norm.gamma.value])]

    run = tf.function(differentiate) if compiled else differentiate
    return [ops.convert_to_numpy(values) for values in run(tf.constant(x))]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", LAYERS)
def test_equal_to_the_formula_to_the_second_gradient(
    kind: str, shape: tuple[int, ...], compiled: bool
) -> None:
    x = np.random.default_rng(0).normal(2, 3, shape)
    ours = derivatives(built_norm(kind, shape), LAYERS[kind][1], x, compiled)
    expected = derivatives(built_norm(kind, shape), formula(kind), x, compiled)
    for values, reference in zip(ours, expected, strict=True):
        assert worst(values, reference) < 1e-9


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", LAYERS)
def test_outputs_and_statistics_are_those_of_keras(kind: str, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(2, 3, shape)
    ours = built_norm(kind, shape)
    theirs = built_norm(kind, shape)
    outputs = LAYERS[kind][1](ops.convert_to_tensor(x), ours)
    expected = LAYERS[kind][2](x, theirs)
    assert worst(ops.convert_to_numpy(outputs), ops.convert_to_numpy(expected)) < 1e-9
    for weight, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert worst(weight, other) < 1e-9


@pytest.mark.parametrize("kind", LAYERS)
def test_large_means_cost_no_digits(kind: str) -> None:
    _, ours, theirs = LAYERS[kind]
    x = np.random.default_rng(0).normal(1e4, 1, (8, 50, 6)).astype("float32")
    truth = ops.convert_to_numpy(
        theirs(ops.convert_to_tensor(x, "float64"), built_norm(kind, x.shape))
    )
    norm = built_norm(kind, x.shape, "float32")
    outputs = ops.convert_to_numpy(ours(ops.convert_to_tensor(x), norm))
    keras_outputs = ops.convert_to_numpy(theirs(ops.convert_to_tensor(x), norm))
    assert worst(outputs, truth) < max(2 * worst(keras_outputs, truth), 1e-4)


@pytest.mark.parametrize("kind", LAYERS)
def test_half_precision_is_computed_in_float32(kind: str) -> None:
    _, ours, theirs = LAYERS[kind]
    x = ops.cast(np.random.default_rng(0).normal(300, 100, (4, 20, 8)), "float16")
    outputs = ours(x, built_norm(kind, x.shape, "mixed_float16"))
    expected = theirs(x, built_norm(kind, x.shape, "mixed_float16"))
    assert outputs.dtype == expected.dtype
    assert worst(ops.convert_to_numpy(outputs), ops.convert_to_numpy(expected)) < 2e-3


@pytest.mark.parametrize("norm", ["layer", "batch"])
def test_sequences_of_any_length_are_trained_on(norm: str) -> None:
    sequences = keras.Input((None, 2))
    outputs = TCN(4, 2, dilations=[1, 2], norm=norm, dropout_rate=0.2, return_sequences=True)(
        sequences
    )
    model = keras.Model(sequences, outputs)
    model.compile("sgd", "mse", jit_compile=False)
    for steps in (5, 9):
        loss = model.train_on_batch(np.ones((3, steps, 2)), np.zeros((3, steps, 4)))
        assert np.isfinite(loss)


def test_statistics_in_half_precision_do_not_overflow() -> None:
    norm = built_norm("batch", (8, 50, 2), "float16")
    x = ops.cast(
        np.random.default_rng(0).normal(0, 600, (8, 50, 2)), "float16"
    )  # of a variance above 65,504
    batch_norm_in_training(x, norm)
    assert np.isfinite(ops.convert_to_numpy(norm.moving_variance)).all()


def test_a_frozen_batch_norm_keeps_its_statistics() -> None:
    norm = built_norm("batch", (3, 7, 4), "float32")
    norm.trainable = False
    before = norm.get_weights()
    x = ops.ones((3, 7, 4))
    expected = ops.convert_to_numpy(norm(x, training=False))
    assert worst(ops.convert_to_numpy(batch_norm_in_training(x, norm)), expected) == 0
    for weight, weight_before in zip(norm.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, weight_before)
