"""Spatial dropout: the drawn factors, and each convolution's output scaled by its own factors."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from tcn_search.layers import dropout
from tcn_search.layers.dropout import draw_factors
from tcn_search.layers.tcn import TCN
from tests.layers.configurations import configuration, float64_tolerance, inputs, shake, worst

RATE = 0.3
SEEDS = range(1) if keras.backend.backend() == "jax" else range(6)
# JAX compiles each operation of an eager call by itself.
slow_on_jax = pytest.mark.slow if keras.backend.backend() == "jax" else lambda test: test


@pytest.fixture(autouse=True)
def _double_precision(double_precision):
    """Let JAX compute in float64."""


def test_factors_drop_that_share_of_channels_and_scale_the_others():
    factors = draw_factors(RATE, [3, 5, 8], 2_000, "float32", keras.random.SeedGenerator(0))
    assert [tuple(factor.shape) for factor in factors] == [
        (2_000, 1, 3),
        (2_000, 1, 5),
        (2_000, 1, 8),
    ]
    together = np.concatenate([ops.convert_to_numpy(factor) for factor in factors], axis=-1)
    assert sorted(set(together.ravel().tolist())) == [0.0, pytest.approx(1 / (1 - RATE))]
    dropped = (together == 0).mean(axis=0)[0]  # of each channel; the deviation of a share is 0.01
    assert np.abs(dropped - RATE).max() < 0.05
    assert (
        np.abs(np.corrcoef(together[:, 0].T) - np.eye(16)).max() < 0.12
    )  # no two are dropped together


def test_every_call_draws_new_factors_and_only_in_training():
    layer = TCN(8, 2, dilations=[1], dropout_rate=0.5)
    x = inputs(0)
    first, second = (ops.convert_to_numpy(layer(x, training=True)) for _ in range(2))
    assert worst(first, second) > 1e-3
    still, again = (ops.convert_to_numpy(layer(x, training=False)) for _ in range(2))
    assert worst(still, again) == 0


@slow_on_jax
def test_a_mask_changes_no_dropped_channel():
    options = {
        "nb_filters": 6,
        "kernel_size": 3,
        "dilations": [1, 2],
        "dropout_rate": 0.5,
        "dtype": "float64",
    }
    x = inputs(0, batch=1, steps=9)
    padded = np.concatenate([x, np.full((1, 5, x.shape[2]), 7.0)], axis=1)
    layer = TCN(**options)
    layer.build(x.shape)
    state = ops.convert_to_numpy(layer.seed_generator.state)
    alone = ops.convert_to_numpy(layer(x, training=True))
    layer.seed_generator.state.assign(state)
    masked = layer(padded, training=True, mask=ops.convert_to_tensor([[True] * 9 + [False] * 5]))
    assert worst(ops.convert_to_numpy(masked), alone) < 1e-9
    assert worst(alone, ops.convert_to_numpy(layer(x, training=False))) > 1e-3


def test_a_rate_of_any_kind_keeps_the_precision():
    layer = TCN(4, 2, dilations=[1, 2], dropout_rate=np.float32(0.3), dtype="mixed_bfloat16")
    outputs = layer(inputs(0).astype("float32"), training=True)
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
    assert TCN.from_config(layer.get_config()).dropout_rate == layer.dropout_rate


def scaled_weights(layer: TCN, factors: list[np.ndarray]) -> list[np.ndarray]:
    """Return weights that scale each channel by its factor, which relu lets through."""
    scaled = {variable.path: ops.convert_to_numpy(variable).copy() for variable in layer.weights}
    for index, block in enumerate(layer.residual_blocks):
        for convolution, factor in zip(
            block.convolutions, factors[2 * index : 2 * index + 2], strict=True
        ):
            scaled[convolution.kernel.path] *= factor[0, 0]
            scaled[convolution.bias.path] *= factor[0, 0]
    return list(scaled.values())


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_each_convolution_is_scaled_by_its_own_factors(monkeypatch, seed, return_sequences):
    options = configuration(
        seed, norm="none", activation="relu", dropout_rate=RATE, return_sequences=return_sequences
    )
    x = inputs(seed, batch=1)
    layer = TCN(**options, dtype="float64")
    layer.build(x.shape)
    shake(layer)
    drawn: list[np.ndarray] = []

    def draw(*arguments):
        factors = draw_factors(*arguments)
        drawn.extend(ops.convert_to_numpy(factor) for factor in factors)
        return factors

    monkeypatch.setattr(dropout, "draw_factors", draw)
    found = ops.convert_to_numpy(layer(x, training=True))
    assert len(drawn) == 2 * len(layer.residual_blocks)
    layer.set_weights(scaled_weights(layer, drawn))
    assert worst(found, ops.convert_to_numpy(layer(x, training=False))) < float64_tolerance(options)


@slow_on_jax
@pytest.mark.parametrize("seed", SEEDS)
def test_last_step_of_all_rows_equals_full_evaluation(seed):
    options, x = configuration(seed, dropout_rate=RATE), inputs(seed)
    last, whole = (
        TCN(**{**options, "return_sequences": every}, dtype="float64") for every in (False, True)
    )
    for layer in (last, whole):
        layer.build(x.shape)
    shake(last)
    whole.set_weights(last.get_weights())
    last.seed_generator.state.assign(whole.seed_generator.state)
    found, expected = (ops.convert_to_numpy(layer(x, training=True)) for layer in (last, whole))
    read = x.shape[1] // 2 if options["padding"] == "same" else -1
    assert worst(found, expected[:, read]) < float64_tolerance(options)
