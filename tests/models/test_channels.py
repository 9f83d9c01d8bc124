"""Our layers around the TCN refuse inputs with other channels than they were built for."""

from __future__ import annotations

import numpy as np
import pytest

import tcn_search as ts
from tcn_search.errors import InputError
from tcn_search.models.standardize import Standardize
from tcn_search.models.tokens import TiedEmbedding


def series(channels: int, rows: int = 20) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(rows, 12, channels)).astype("float32")


@pytest.mark.parametrize(("mine", "given"), [(1, 4), (4, 1)])
def test_standardize(mine: int, given: int) -> None:
    layer = Standardize([0.0] * mine, [1.0] * mine, name="standardize")
    layer(series(mine))
    with pytest.raises(
        ValueError, match=f"of layer 'standardize' .* axis -1 .* value {mine}, but received"
    ):
        layer(series(given))


@pytest.mark.parametrize(("mine", "given"), [(1, 4), (4, 1)])
def test_a_model_of_a_study(mine: int, given: int) -> None:
    task = ts.Task.from_arrays(series(mine), np.arange(20) % 2, kind="classification")
    model = ts.build_model(ts.Architecture(nb_filters=8, kernel_size=2, dilations=(1, 2)), task)
    with pytest.raises(ValueError, match="is incompatible with the layer"):
        model.predict(series(given), verbose=0)


def test_tied_embedding() -> None:
    layer = TiedEmbedding(5, 3)
    features = layer(np.zeros((2, 4, 1), "float32"))
    with pytest.raises(
        InputError,
        match=r"TiedEmbedding needs tokens of shape \(batch, time, 1\). "
        r"Received: shape \(2, 4, 2\)",
    ):
        layer(np.zeros((2, 4, 2), "float32"))
    with pytest.raises(
        InputError,
        match=r"TiedEmbedding needs features of shape \(batch, time, 3\). "
        r"Received: shape \(2, 4, 1\)",
    ):
        layer(np.zeros((2, 4, 1), "float32"), reverse=True)
    assert tuple(layer(features, reverse=True).shape) == (2, 4, 5)
