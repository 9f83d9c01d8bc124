"""A row of a padded batch has the outputs that it has alone without padding."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from tcn_search.errors import InputError
from tcn_search.layers.tcn import TCN
from tcn_search.models.readout import PoolOverTime
from tests.layers.configurations import configuration, shake, worst
from tests.layers.differentiate import gradients, outputs
from tests.layers.numpy_reference import tcn

TOLERANCE = 2e-5
ACTIVATIONS = {"relu": lambda x: np.maximum(x, 0), "tanh": np.tanh, "linear": lambda x: x}


def padded(lengths, steps, channels, before, seed=0):
    """Return rows of noise, in padded steps, too, and their mask; `before`: padded at the start."""
    x = np.random.default_rng(seed).normal(size=(len(lengths), steps, channels)).astype("float32")
    mask = np.arange(steps)[None, :] < np.array(lengths)[:, None]
    return x, (mask[:, ::-1] if before else mask).copy()


def assert_rows_equal_alone(options, lengths, steps, before):
    layer = TCN(**options)
    x, mask = padded(lengths, steps, 2, before)
    layer.build(x.shape)
    shake(layer)
    together = outputs(layer, x, mask)
    for row, valid in enumerate(mask):
        alone = outputs(layer, x[row : row + 1, valid])[0]
        if options["return_sequences"]:
            valid = valid[::-1] if options["go_backwards"] else valid
            assert worst(together[row][valid], alone) < TOLERANCE
        else:
            assert worst(together[row], alone) < TOLERANCE


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("padding", ["causal", "same"])
def test_rows_equal_alone(padding, return_sequences, before):
    options = configuration(
        51,
        kernel_size=2 if padding == "same" else 3,
        dilations=[1, 2, 4],
        nb_stacks=1,
        padding=padding,
        return_sequences=return_sequences,
        norm="batch" if return_sequences else "layer",
        go_backwards=before,
    )
    assert_rows_equal_alone(options, [12, 7], 12, before)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(500, 580))
def test_rows_equal_alone_over_many(seed):
    assert_rows_equal_alone(configuration(seed), [12, 7, 1, 5], 12, before=seed % 2 == 0)


def holed(rows, steps, seed=0):
    """Draw masks with holes: no valid step in the first row, one in the second, any elsewhere."""
    draw = np.random.default_rng(seed)
    mask = draw.random((rows, steps)) < draw.uniform(0.1, 0.9, (rows, 1))
    mask[0] = False
    mask[1] = np.arange(steps) == draw.integers(steps)
    return mask


def step_read(row, padding):
    """Return the step of a row's mask that is read; an arbitrary one if no step is valid."""
    if not row.any():
        return 0
    first, last = np.flatnonzero(row)[[0, -1]]
    return (first + last + 1) // 2 if padding == "same" else last


def last_and_every(options, shape):
    """Return a layer read at one step and an equal layer with all steps."""
    layers = [TCN(**{**options, "return_sequences": every}) for every in (False, True)]
    for layer in layers:
        layer.build(shape)
    shake(layers[0])
    layers[1].set_weights(layers[0].get_weights())
    return layers


def assert_holes_are_steps_of_zeros(options, seed, steps=13):
    """Both evaluations give the reference's numbers, whatever values masked steps have."""
    mask = holed(6, steps, seed)
    x = np.random.default_rng(seed).normal(size=(6, steps, 2)).astype("float32")
    other = np.where(mask[..., None], x, np.nan).astype("float32")
    last, every = last_and_every(options, x.shape)
    read, all_steps = outputs(last, x, mask), outputs(every, x, mask)
    assert worst(outputs(last, other, mask), read) == 0
    assert worst(outputs(every, other, mask), all_steps) == 0
    turn = -1 if options["go_backwards"] else 1
    for row, valid in enumerate(mask[:, ::turn]):
        weights, activation = last.get_weights(), ACTIVATIONS[options["activation"]]
        expected = tcn(x[row, ::turn], weights, last.architecture, activation, valid)
        assert worst(all_steps[row], expected) < TOLERANCE
        assert worst(read[row], expected[step_read(valid, options["padding"])]) < TOLERANCE


@pytest.mark.parametrize("padding", ["causal", "same"])
@pytest.mark.parametrize("seed", range(2) if keras.backend.backend() == "jax" else range(8))
def test_holes_are_steps_of_zeros(seed, padding):
    assert_holes_are_steps_of_zeros(configuration(seed, padding=padding), seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(700, 860))
def test_holes_are_steps_of_zeros_over_many(seed):
    assert_holes_are_steps_of_zeros(configuration(seed), seed, steps=5 + seed % 20)


class ReadAt(keras.layers.Layer):
    """Evaluate all steps of a layer, then read each row at its own step."""

    def __init__(self, layer, steps):
        super().__init__()
        self.supports_masking = True
        self.layer, self.steps, self.built = layer, steps, True

    def call(self, x, training=False, mask=None):
        outputs = self.layer(x, training=training, mask=mask)
        return ops.stack([outputs[row, step] for row, step in enumerate(self.steps)])


@pytest.mark.parametrize("padding", ["causal", "same"])
def test_gradients_of_rows_with_holes(padding):
    options = configuration(
        11, nb_filters=3, kernel_size=3, dilations=[1, 2], padding=padding, norm="weight"
    )
    mask = holed(5, 9)
    x = np.random.default_rng(0).normal(size=(5, 9, 2)).astype("float32")
    last, every = last_and_every({**options, "go_backwards": False}, x.shape)
    read = [step_read(row, padding) for row in mask]

    found, expected = gradients(last, x, mask=mask), gradients(ReadAt(every, read), x, mask=mask)
    assert worst(found[0], expected[0]) < TOLERANCE
    assert worst(found[1], expected[1]) < TOLERANCE
    assert (found[1][~mask] == 0).all()
    for mine, theirs in zip(found[2], expected[2], strict=True):
        assert worst(mine, theirs) < TOLERANCE


def test_masking_takes_nothing_from_true_zeros():
    series = np.array([[3, 1, 0, 2, 5, 0, 0], [0, 4, 0, 0, 1, 0, 2]], "float32")[..., None]
    layer = TCN(4, 2, dilations=[1, 2], activation="tanh")
    model = keras.Sequential([keras.Input((7, 1)), keras.layers.Masking(0.0), layer])
    shake(layer)
    found = model.predict(series, verbose=0)
    assert worst(found[0], outputs(layer, series[:1, :5])[0]) < TOLERANCE
    assert worst(found[1], outputs(layer, series[1:, 1:])[0]) < TOLERANCE


@pytest.mark.parametrize("padding", ["causal", "same"])
def test_holes_in_sequences_of_unknown_length(padding):
    layer = TCN(3, 3, dilations=[2, 1], padding=padding, norm="layer")
    inputs, mask = keras.Input((None, 2)), holed(5, 11)
    x = np.where(mask[..., None], np.random.default_rng(3).normal(size=(5, 11, 2)), 0).astype(
        "float32"
    )
    model = keras.Model(inputs, layer(keras.layers.Masking(0.0)(inputs)))
    shake(layer)
    assert worst(model.predict(x, verbose=0), outputs(layer, x, mask)) < TOLERANCE


def test_masks_of_any_dtype_are_equal():
    mask = holed(4, 9, seed=5)
    x = np.random.default_rng(5).normal(size=(4, 9, 2)).astype("float32")
    for layer in last_and_every(configuration(5, norm="layer"), x.shape):
        expected = outputs(layer, x, mask)
        for dtype in ("int32", "float32"):
            assert worst(outputs(layer, x, mask.astype(dtype)), expected) == 0


def trained_once(x, mask, **fixed):
    """Return all steps of a batch in training mode, and the weights with moved statistics."""
    options = {"nb_filters": 3, "kernel_size": 2, "dilations": [1, 2], "norm": "batch", **fixed}
    layer = TCN(**options, return_sequences=True)
    layer.build(x.shape)
    shake(layer)
    found = layer(x, mask=None if mask is None else ops.convert_to_tensor(mask), training=True)
    return ops.convert_to_numpy(found), layer.get_weights()


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("padding", ["causal", "same"])
def test_batch_norm_in_training_counts_valid_steps_only(padding, before):
    short, mask = padded([9, 4, 6], 9, 2, before)
    long, wide = padded([9, 4, 6], 14, 2, before, seed=1)
    long[wide] = short[mask]
    found, weights = trained_once(short, mask, padding=padding)
    expected, others = trained_once(long, wide, padding=padding)
    assert worst(found[mask], expected[wide]) < TOLERANCE
    for weight, other in zip(weights, others, strict=True):
        assert worst(weight, other) < TOLERANCE


def test_batch_norm_in_training_has_the_statistics_of_all_valid_steps_together():
    x, mask = padded([9, 4, 6], 9, 2, before=False)
    found, weights = trained_once(x, mask, kernel_size=1)
    together, others = trained_once(x[mask][None], None, kernel_size=1)
    assert worst(found[mask], together[0]) < TOLERANCE
    for weight, other in zip(weights, others, strict=True):
        assert worst(weight, other) < TOLERANCE


@pytest.mark.parametrize("norm", ["batch", "layer", "weight"])
def test_values_in_holes_change_no_statistics(norm):
    mask = holed(5, 9)
    x = np.random.default_rng(1).normal(size=(5, 9, 2)).astype("float32")
    other = np.where(mask[..., None], x, 50).astype("float32")
    found, weights = trained_once(x, mask, norm=norm)
    again, others = trained_once(other, mask, norm=norm)
    assert np.isfinite(found).all()
    assert worst(found, again) == 0
    for weight, other in zip(weights, others, strict=True):
        assert worst(weight, other) == 0


@pytest.mark.parametrize("padding", ["causal", "same"])
@pytest.mark.parametrize("holes", [False, True])
def test_batch_norm_in_training_reads_each_row_at_its_own_step(padding, holes):
    x, mask = padded([9, 4, 6], 9, 2, before=False)
    mask = holed(3, 9, seed=2) if holes else mask
    every, _ = trained_once(x, mask, padding=padding)
    layer = TCN(3, 2, dilations=[1, 2], norm="batch", padding=padding)
    layer.build(x.shape)
    shake(layer)
    read = ops.convert_to_numpy(layer(x, mask=ops.convert_to_tensor(mask), training=True))
    steps = [step_read(row, padding) for row in mask]
    assert worst(read, every[np.arange(3), steps]) < TOLERANCE


@pytest.mark.parametrize(("kind", "expected"), [("max", np.max), ("average", np.mean)])
def test_pooling_readout_ignores_steps_in_holes(kind, expected):
    mask = holed(5, 9)
    x = (
        np.random.default_rng(0).normal(size=(5, 9, 3)).astype("float32") - 2
    )  # below what is filled in
    found = ops.convert_to_numpy(PoolOverTime(kind)(x, mask=ops.convert_to_tensor(mask)))
    for row, valid in enumerate(mask):
        if valid.any():
            assert worst(found[row], expected(x[row, valid], axis=0)) < TOLERANCE
    assert np.isfinite(found).all()


def test_pooling_readout_ignores_padded_steps():
    x, mask = padded([9, 4], 9, 3, before=False)
    layer = TCN(4, 2, dilations=[1, 2], return_sequences=True)
    inputs = keras.Input((9, 3))
    steps = layer(keras.layers.Masking(0.0)(inputs))
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(steps))
    x = np.where(mask[..., None], x, 0).astype("float32")
    found = model.predict(x, verbose=0)
    alone = outputs(layer, x[1:, :4]).mean(axis=1)
    np.testing.assert_allclose(found[1:], alone, rtol=1e-4, atol=1e-5)


def test_mask_is_handed_on_and_turned_with_the_sequence():
    mask = ops.convert_to_tensor(np.array([[True, True, False]]))
    x = np.zeros((1, 3, 1), "float32")
    assert TCN(2, 2, dilations=[1]).compute_mask(x, mask) is None
    kept = TCN(2, 2, dilations=[1], return_sequences=True).compute_mask(x, mask)
    np.testing.assert_array_equal(ops.convert_to_numpy(kept), [[True, True, False]])
    turned = TCN(2, 2, dilations=[1], return_sequences=True, go_backwards=True).compute_mask(
        x, mask
    )
    np.testing.assert_array_equal(ops.convert_to_numpy(turned), [[False, True, True]])


def test_valid_with_a_mask_raises():
    layer = TCN(2, 2, dilations=[1], padding="valid")
    x, mask = padded([5, 4], 5, 1, before=False)
    with pytest.raises(InputError, match="padding='valid' cannot be used with a mask"):
        layer(x, mask=ops.convert_to_tensor(mask))


def test_japanese_vowels(shared_data):
    with np.load(shared_data / "JapaneseVowels.npz") as file:
        x, lengths = file["X_train"][:200:50].astype("float32"), file["lengths_train"][:200:50]
    assert lengths.min() < x.shape[1]
    layer = TCN(8, 3, dilations=[1, 2, 4, 8])
    layer.build(x.shape)
    mask = np.arange(x.shape[1])[None, :] < lengths[:, None]
    together = outputs(layer, np.nan_to_num(x), mask)
    for row, length in enumerate(lengths):
        alone = outputs(layer, x[row : row + 1, :length])[0]
        assert worst(together[row], alone) < TOLERANCE
