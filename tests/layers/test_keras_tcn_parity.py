"""Equal to keras-tcn: weights, outputs and gradients, in training and inference."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tcn_search.layers.tcn import TCN
from tests.layers.configurations import inputs, worst
from tests.layers.differentiate import gradients
from tests.layers.keras_tcn_references import drawn_like, known_to_both, theirs_from

keras_tcn = pytest.importorskip(
    "tcn", reason="keras-tcn is the reference; install it with --no-deps"
)
if keras.backend.backend() != "tensorflow":
    pytest.skip("keras-tcn runs on TensorFlow only", allow_module_level=True)

TOLERANCES = {"float64": 1e-9, "float32": 2e-4}


def derivatives(options, x, dtype):
    """Return [(ours, theirs) in inference, (ours, theirs) in training].

    Each is a flat list of outputs, the gradient of inputs and the gradients of weights.
    """
    keras.config.set_dtype_policy(dtype)  # keras-tcn's inner layers do not get its dtype
    found = []
    try:
        layers = TCN(**options), theirs_from(options)
        for layer in layers:
            layer(x.astype(dtype))
        mine, theirs = layers
        weights = drawn_like(theirs.get_weights())
        for training in (False, True):
            theirs.set_weights(weights)
            mine.set_weights(theirs.get_weights())
            of_layers = [
                gradients(layer, x, training=training, dtype=dtype) for layer in (theirs, mine)
            ]
            found.append(
                [[outputs, inputs, *of_weights] for outputs, inputs, of_weights in of_layers[::-1]]
            )
    finally:
        keras.config.set_dtype_policy("float32")
    return found


def assert_equal(options, x, dtype):
    """Where float32 leaves few digits, ours must have about as many of them as theirs."""
    found = derivatives(options, x, dtype)
    exact = found if dtype == "float64" else derivatives(options, x, "float64")
    for (mine, theirs), (_, truth) in zip(found, exact, strict=True):
        # Theirs may end with a weight that has no gradient.
        for our_values, their_values, exact_values in zip(mine, theirs, truth, strict=False):
            tolerance = max(TOLERANCES[dtype], 2 * worst(their_values, exact_values))
            assert worst(our_values, exact_values) < tolerance


@pytest.mark.parametrize("seed", range(20, 30))
def test_outputs_and_gradients_in_float64(seed):
    assert_equal(known_to_both(seed), inputs(seed), "float64")


@pytest.mark.parametrize("seed", range(30, 34))
def test_outputs_and_gradients_in_float32(seed):
    assert_equal(known_to_both(seed), inputs(seed), "float32")


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", range(300, 400))
def test_outputs_and_gradients_over_many(seed, dtype):
    assert_equal(known_to_both(seed), inputs(seed), dtype)


def test_positional_order_is_that_of_3_5_4():
    layer = TCN(
        5,
        2,
        2,
        [1, 3],
        "same",
        False,
        0.1,
        True,
        "tanh",
        "glorot_uniform",
        False,
        False,
        True,
        True,
        False,
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
    for ours, other in zip(mine.get_weights(), theirs.get_weights(), strict=True):
        assert abs(ours.std() - other.std()) < 0.1 * max(other.std(), 1e-6)


def model_around(layer):
    inputs = keras.Input((9, 2))
    return keras.Model(inputs, keras.layers.Dense(1)(layer(keras.layers.Dense(3)(inputs))))


def test_a_whole_model_takes_the_weights():
    theirs = model_around(keras_tcn.TCN(4, 2, dilations=[1, 2]))
    mine = model_around(TCN(4, 2, dilations=[1, 2]))
    mine.set_weights(theirs.get_weights())
    x = inputs(0, steps=9, channels=2)
    np.testing.assert_allclose(mine(x), theirs(x), rtol=1e-4, atol=1e-5)


def test_their_weights_file_cannot_be_read_directly(tmp_path):
    model_around(keras_tcn.TCN(4, 2, dilations=[1, 2])).save_weights(tmp_path / "theirs.weights.h5")
    with pytest.raises(ValueError, match="could not be loaded"):
        model_around(TCN(4, 2, dilations=[1, 2])).load_weights(tmp_path / "theirs.weights.h5")


def test_what_the_page_says_of_keras_tcn():
    with pytest.raises(ValueError, match="padding"):
        keras_tcn.TCN(2, 2, dilations=[1], padding="valid")
    with pytest.raises(ValueError, match="use_weight_norm"):
        keras_tcn.TCN(2, 2, dilations=[1], use_weight_norm=True)
    x = inputs(0, steps=9, channels=3)
    with_state = keras_tcn.TCN(4, 2, dilations=[1], return_state=True)(x)
    assert tuple(with_state.shape) == (3, 4)  # one tensor: no states
    layer = keras_tcn.TCN(4, 2, dilations=[1])
    _, _, found = gradients(layer, x, dtype="float32")
    assert [gradient is None for gradient in found].count(True) == 2  # the matching convolution's


def test_momentum_of_batch_norm_is_theirs():
    x = inputs(0, steps=9, channels=3)
    mine, theirs = (
        TCN(4, 2, dilations=[1, 2], norm="batch"),
        theirs_from({"nb_filters": 4, "kernel_size": 2, "dilations": [1, 2], "norm": "batch"}),
    )
    theirs(x)
    mine.build(x.shape)
    mine.set_weights(theirs.get_weights())
    mine(x, training=True)
    theirs(x, training=True)
    for ours, other in zip(mine.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(ours, other, rtol=1e-5, atol=1e-6)
