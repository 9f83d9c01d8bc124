"""The behaviours that keras-tcn's tests assert (tasks/tcn_call_test.py, MIT)."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tcn_search import TCN

FILTERS, CHANNELS = 16, 4


@pytest.mark.parametrize("padding", ["causal", "same"])
@pytest.mark.parametrize("steps", [None, 5])
def test_output_shape_of_a_layer_that_is_not_built(padding, steps):
    every = TCN(nb_filters=FILTERS, return_sequences=True, padding=padding)
    last = TCN(nb_filters=FILTERS, return_sequences=False, padding=padding)
    assert list(every.compute_output_shape((None, steps, CHANNELS))) == [None, steps, FILTERS]
    assert list(last.compute_output_shape((None, steps, CHANNELS))) == [None, FILTERS]


# Keras remarks that the model is made for a list of inputs and called with one.
@pytest.mark.filterwarnings("ignore:The structure of `inputs` doesn't match:UserWarning")
@pytest.mark.parametrize("padding", ["causal", "same"])
@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize("steps", [20, None])
def test_call_of_a_compiled_model(padding, return_sequences, steps):
    inputs = keras.Input(batch_shape=(None, steps, CHANNELS))
    layer = TCN(nb_filters=FILTERS, return_sequences=return_sequences, padding=padding)
    model = keras.Model(inputs=[inputs], outputs=[layer(inputs)])
    model.compile(optimizer="adam", loss="mse")
    for length in (5, 1, 10) if steps is None else (steps,):
        found = model(np.random.default_rng(0).random((1, length, CHANNELS)))
        found = found[0] if isinstance(found, list) else found
        assert tuple(found.shape) == ((1, length, FILTERS) if return_sequences else (1, FILTERS))


@pytest.mark.parametrize(
    ("kernel_size", "dilations", "nb_stacks", "expected"),
    [
        (3, (1, 3, 5), 1, 37),
        (4, (1, 2, 4, 8, 16, 32), 1, 379),
        (3, (1, 2, 4, 8, 16, 32), 1, 253),
        (3, (1, 2, 4, 8, 16), 1, 125),
        (3, (1, 2, 4, 8), 1, 61),
        (3, (1, 2, 4), 1, 29),
        (3, (1, 2, 4), 2, 57),
        (3, (1, 2, 4, 8), 2, 121),
        (4, (1, 2, 4, 8), 1, 91),
        (5, (1, 2), 1, 25),
        (6, (1, 2), 1, 31),
    ],
)
def test_receptive_field(kernel_size, dilations, nb_stacks, expected):
    layer = TCN(kernel_size=kernel_size, dilations=dilations, nb_stacks=nb_stacks)
    assert layer.receptive_field == expected
