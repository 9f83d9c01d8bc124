"""The effective receptive field of a model, on every backend that is installed."""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest

from tcn_search.errors import InputError

BACKENDS = [name for name in ("tensorflow", "jax", "torch") if importlib.util.find_spec(name)]

MEASURE = """
import numpy as np, keras
from tcn_search.layers.tcn import TCN
from tcn_search.models.gradients import effective_receptive_field
keras.utils.set_random_seed(3)
layer = TCN(2, 2, dilations=[1, 2], activation="tanh")
layer.build((None, 9, 2))
weights = np.random.default_rng(0)
layer.set_weights([weights.normal(0, 0.5, w.shape) for w in layer.get_weights()])
X = np.random.default_rng(1).normal(size=(5, 9, 2)).astype("float32")
print(*effective_receptive_field(layer, X, batch_size=2))
"""


def linear(steps: int, kernel: list[float]):
    """y = Σ kernel[t] · x[t] over all steps."""
    import keras

    inputs = keras.Input((steps, 1))
    model = keras.Model(
        inputs, keras.layers.Dense(1, use_bias=False)(keras.layers.Flatten()(inputs))
    )
    model.set_weights([np.array(kernel, dtype="float32")[:, None]])
    return model


def test_of_a_linear_model_are_its_absolute_weights() -> None:
    from tcn_search.models.gradients import effective_receptive_field

    X = np.random.default_rng(0).normal(size=(7, 4, 1)).astype("float32")
    found = effective_receptive_field(linear(4, [1.0, -2.0, 0.0, 3.0]), X, batch_size=3)
    np.testing.assert_allclose(found, [1, 2, 0, 3])


@pytest.mark.slow
@pytest.mark.skipif(len(BACKENDS) < 2, reason="one backend alone has nothing to agree with")
def test_backends_agree() -> None:
    found = {}
    for backend in BACKENDS:
        environment = {**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"}
        done = subprocess.run(
            [sys.executable, "-c", MEASURE],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        )
        found[backend] = np.array(done.stdout.split(), dtype=float)
    first = found[BACKENDS[0]]
    assert (first[-7:] > 0).all()
    assert (first[:-7] == 0).all()
    for measured in found.values():
        np.testing.assert_allclose(measured, first, rtol=1e-4)


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize(("padding", "step"), [("causal", 20), ("same", 10)])
def test_the_read_out_step_is_the_one_that_is_measured(
    padding: str, step: int, return_sequences: bool
) -> None:
    from tcn_search.layers.tcn import TCN
    from tcn_search.models.gradients import effective_receptive_field

    layer = TCN(
        nb_filters=1,
        kernel_size=3,
        dilations=[1],
        padding=padding,
        return_sequences=return_sequences,
        activation="linear",
        kernel_initializer="ones",
    )
    found = effective_receptive_field(layer, np.zeros((1, 21, 1), dtype="float32"))
    reached = range(step - 4, step + 1) if padding == "causal" else range(step - 2, step + 3)
    assert set(np.flatnonzero(found)) == set(reached)


@pytest.mark.parametrize(
    ("X", "text"),
    [
        (
            np.zeros((3, 4)),
            r"X must have shape \(n, T, C\) and at least one row. Received: shape \(3, 4\)",
        ),
        (np.zeros((0, 4, 1)), r"at least one row. Received: shape \(0, 4, 1\)"),
        (np.zeros((1, 4, 1), dtype=int), "X must hold floating-point numbers"),
    ],
)
def test_bad_input_is_named(X: np.ndarray, text: str) -> None:
    from tcn_search.models.gradients import effective_receptive_field

    with pytest.raises(InputError, match=text):
        effective_receptive_field(linear(4, [1.0] * 4), X)
