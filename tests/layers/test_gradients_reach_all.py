"""Every trainable variable gets a gradient (keras-tcn's issue 263: one that never does)."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tcn_search.layers.tcn import TCN
from tests.layers.configurations import configuration, inputs
from tests.layers.differentiate import gradients


def assert_all_reached(seed, **fixed):
    # Seeds weights and dropout, which may drop all channels by chance.
    keras.utils.set_random_seed(seed)
    options = configuration(seed, activation="tanh", **fixed)
    layer = TCN(**options)
    x = inputs(seed, batch=4, steps=layer.receptive_field + seed % 3)
    layer.build(x.shape)
    _, _, found = gradients(layer, x, training=True, dtype="float32")
    single = options["norm"] == "weight" and options["kernel_size"] == 1 and x.shape[-1] == 1
    before_a_norm = options["norm"] in ("batch", "layer")
    for variable, gradient in zip(layer.trainable_variables, found, strict=True):
        if before_a_norm and "convolution" in variable.path and variable.name == "bias":
            continue  # the norm takes the mean away again; layer norm of one channel, everything
        if single and variable is layer.trainable_variables[0]:
            # A filter of one number has only its sign as direction: only its scale is learnt.
            np.testing.assert_allclose(gradient, 0, atol=1e-6)
            continue
        assert gradient is not None, variable.path
        assert np.any(gradient != 0), variable.path


@pytest.mark.parametrize("seed", range(40, 44))
def test_no_variable_without_gradient(seed):
    assert_all_reached(seed, nb_filters=3)


def test_no_variable_without_gradient_in_a_single_block():
    assert_all_reached(
        45, nb_filters=4, dilations=[2], nb_stacks=1, use_skip_connections=True, norm="weight"
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(400, 460))
def test_no_variable_without_gradient_over_many(seed):
    assert_all_reached(seed, nb_filters=3)
