"""return_state and initial_state: a long sequence in chunks equals the whole."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from tcn_search.errors import InputError
from tcn_search.layers.tcn import TCN
from tests.layers.configurations import shake, worst


def in_chunks(layer, x, sizes):
    """Return the outputs of all chunks together, and the last states."""
    outputs = []
    states = None
    start = 0
    for size in sizes:
        found, *states = layer(x[:, start : start + size], initial_state=states)
        outputs.append(ops.convert_to_numpy(found))
        start += size
    assert start == x.shape[1]
    return np.concatenate(outputs, axis=1), states


@pytest.mark.parametrize("norm", ["none", "batch", "layer", "weight"])
@pytest.mark.parametrize("sizes", [[1] * 11, [4, 1, 6], [11]])
def test_chunks_equal_the_whole(norm, sizes):
    options = {
        "nb_filters": 3,
        "kernel_size": 3,
        "dilations": [1, 3],
        "norm": norm,
        "return_sequences": True,
    }
    x = np.random.default_rng(0).normal(size=(2, 11, 2)).astype("float32")
    layer, whole = TCN(**options, return_state=True), TCN(**options)
    layer.build(x.shape)
    whole.build(x.shape)
    shake(layer)
    whole.set_weights(layer.get_weights())
    outputs, states = in_chunks(layer, x, sizes)
    assert worst(outputs, ops.convert_to_numpy(whole(x))) < 2e-5
    assert [tuple(state.shape) for state in states] == [(2, 2, 2), (2, 2, 3), (2, 6, 3), (2, 6, 3)]
    np.testing.assert_allclose(ops.convert_to_numpy(states[0]), x[:, -2:])  # oldest first


def test_last_step_and_kernel_of_one_tap():
    x = np.random.default_rng(0).normal(size=(2, 6, 2)).astype("float32")
    layer = TCN(3, 1, dilations=[1, 2], use_skip_connections=False, return_state=True)
    first, *states = layer(x[:, :3])
    second, *_ = layer(x[:, 3:], initial_state=states)
    assert tuple(first.shape) == (2, 3)
    assert [tuple(state.shape) for state in states] == [(2, 0, 2), (2, 0, 3), (2, 0, 3), (2, 0, 3)]
    whole = TCN(3, 1, dilations=[1, 2], use_skip_connections=False)
    whole.build(x.shape)
    whole.set_weights(layer.get_weights())
    assert worst(ops.convert_to_numpy(second), ops.convert_to_numpy(whole(x))) < 2e-5


def test_filters_that_differ_by_level_without_skip_connections():
    options = {"kernel_size": 2, "dilations": [1, 2], "use_skip_connections": False}
    x = np.random.default_rng(0).normal(size=(2, 6, 2)).astype("float32")
    layer = TCN([3, 4], **options, return_sequences=True, return_state=True)
    whole = TCN([3, 4], **options, return_sequences=True)
    layer.build(x.shape)
    whole.build(x.shape)
    whole.set_weights(layer.get_weights())
    outputs, _ = in_chunks(layer, x, [2, 4])
    assert worst(outputs, ops.convert_to_numpy(whole(x))) < 2e-5


def test_states_in_a_functional_model():
    steps = keras.Input((None, 2))
    layer = TCN(3, 2, dilations=[1, 2], return_sequences=True, return_state=True)
    before = [keras.Input(shape) for shape in [(1, 2), (1, 3), (2, 3), (2, 3)]]
    model = keras.Model([steps, *before], layer(steps, initial_state=before))
    x = np.random.default_rng(0).normal(size=(2, 5, 2)).astype("float32")
    states = [np.zeros((2, *state.shape[1:]), "float32") for state in before]
    first, *states = model([x[:, :2], *states])
    second, *_ = model([ops.convert_to_tensor(x[:, 2:]), *states])
    whole, *_ = layer(x)
    found = np.concatenate([ops.convert_to_numpy(first), ops.convert_to_numpy(second)], axis=1)
    assert worst(found, ops.convert_to_numpy(whole)) < 2e-5


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_states_need_causal_padding(padding):
    text = f"return_state and initial_state need padding='causal'. Received: padding='{padding}'"
    with pytest.raises(InputError, match=text):
        TCN(2, 2, dilations=[1], padding=padding, return_state=True)
    with pytest.raises(InputError, match=text):
        TCN(2, 2, dilations=[1], padding=padding)(np.zeros((1, 4, 2), "float32"), initial_state=[])


def test_states_do_not_go_backwards():
    with pytest.raises(InputError, match=r"need go_backwards=False\. Received: True"):
        TCN(2, 2, dilations=[1], go_backwards=True, return_state=True)


def test_states_of_wrong_shape_raise():
    layer = TCN(2, 2, dilations=[1])
    x = np.zeros((1, 4, 2), "float32")
    with pytest.raises(
        InputError, match=r"initial_state must be the states .* Received: \[\(3, 2\)\]"
    ):
        layer(x, initial_state=[np.zeros((1, 3, 2), "float32")])


def test_states_with_a_mask_raise():
    layer = TCN(2, 2, dilations=[1], return_state=True)
    mask = ops.convert_to_tensor(np.ones((1, 4), bool))
    with pytest.raises(InputError, match="cannot be used with a mask"):
        layer(np.zeros((1, 4, 2), "float32"), mask=mask)
