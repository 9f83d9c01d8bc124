"""A row of a padded batch gives what it gives alone without padding."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from tcn_search.errors import InputError
from tcn_search.layers.tcn import TCN
from tests.layers.configurations import configuration, shake, worst
from tests.layers.differentiate import outputs

TOLERANCE = 2e-5


def padded(lengths, steps, channels, before, seed=0):
    """Rows of noise, also where nothing is valid, and their mask. `before`: padded at the beginning."""
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


def trained_once(x, mask, **fixed):
    """All steps of a batch in training mode, and the weights after it: the moving statistics have moved."""
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
    for one, other in zip(weights, others, strict=True):
        assert worst(one, other) < TOLERANCE


def test_batch_norm_in_training_has_the_statistics_of_all_valid_steps_together():
    x, mask = padded([9, 4, 6], 9, 2, before=False)
    found, weights = trained_once(x, mask, kernel_size=1)
    together, others = trained_once(x[mask][None], None, kernel_size=1)
    assert worst(found[mask], together[0]) < TOLERANCE
    for one, other in zip(weights, others, strict=True):
        assert worst(one, other) < TOLERANCE


@pytest.mark.parametrize("padding", ["causal", "same"])
def test_batch_norm_in_training_reads_each_row_at_its_own_step(padding):
    x, mask = padded([9, 4, 6], 9, 2, before=False)
    every, _ = trained_once(x, mask, padding=padding)
    layer = TCN(3, 2, dilations=[1, 2], norm="batch", padding=padding)
    layer.build(x.shape)
    shake(layer)
    read = ops.convert_to_numpy(layer(x, mask=ops.convert_to_tensor(mask), training=True))
    steps = [n // 2 if padding == "same" else n - 1 for n in (9, 4, 6)]
    assert worst(read, every[np.arange(3), steps]) < TOLERANCE


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
    turned = TCN(2, 2, dilations=[1], return_sequences=True, go_backwards=True).compute_mask(x, mask)
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
