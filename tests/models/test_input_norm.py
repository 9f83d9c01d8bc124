"""Standardisation of inputs: by the dataset, by each series, or not at all."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from tcn_search import Architecture, Task, TrainingSettings, build_model, load_model
from tcn_search.errors import InputError
from tcn_search.models.standardize import Standardize
from tests.conftest import waves

SMALL = Architecture(nb_filters=2, kernel_size=2, dilations=(1, 2))


def standardised(X: np.ndarray, ragged: bool = False) -> np.ndarray:
    layer = Standardize([3.0], [0.5], ragged=ragged, by_series=True)
    return np.asarray(keras.ops.convert_to_numpy(layer(X.astype("float32"))))


@pytest.mark.parametrize("scale", [1e-25, 1.0, 1e25])
def test_each_channel_of_each_sequence_has_mean_0_and_deviation_1(scale: float) -> None:
    generator = np.random.default_rng(0)
    X = scale * (generator.normal(size=(5, 40, 1)) * [[[2.0]]] + generator.normal(size=(5, 1, 1)))
    expected = (X - X.mean(axis=1, keepdims=True)) / X.std(axis=1, keepdims=True)
    layer = Standardize(by_series=True)
    found = np.asarray(keras.ops.convert_to_numpy(layer(X.astype("float32"))))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_padded_steps_do_not_count_and_stay_zero() -> None:
    X = np.random.default_rng(0).normal(3.0, 0.5, size=(3, 20, 1))
    short = X.copy()
    short[1, 12:] = np.nan
    found = standardised(short, ragged=True)
    np.testing.assert_allclose(found[[0, 2]], standardised(X)[[0, 2]], atol=1e-6)
    np.testing.assert_allclose(found[1:2, :12], standardised(X[1:2, :12]), atol=1e-5)
    assert (found[1, 12:] == 0).all()


@pytest.mark.parametrize("value", [0.0, 3.0, 3.7, -1e6])
def test_constant_channels_become_zeros(value: float) -> None:
    assert (standardised(np.full((2, 37, 1), value)) == 0).all()
    padded = np.full((2, 37, 1), value)
    padded[0, 5:] = np.nan
    padded[1] = np.nan
    assert (standardised(padded, ragged=True) == 0).all()


@pytest.mark.parametrize("input_norm", ["none", "dataset", "series"])
def test_the_saved_model_standardises_alike(input_norm: str, tmp_path: Path) -> None:
    X, y = waves(24)
    task = Task.from_arrays(7 * X + 5, y)
    model = build_model(SMALL, task, TrainingSettings(input_norm=input_norm))
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    sequences = 7 * waves(6, seed=1)[0] + 5
    outputs = [np.asarray(each.predict(sequences, verbose=0)) for each in (model, loaded)]
    np.testing.assert_array_equal(*outputs)
    inputs = keras.ops.convert_to_numpy(loaded.get_layer("standardize")(sequences))
    means = np.asarray(inputs).mean(axis=1)
    if input_norm == "none":
        np.testing.assert_array_equal(inputs, sequences)
    assert (np.abs(means) < 1e-5).all() == (input_norm == "series")


def test_a_custom_model_gets_standardised_series() -> None:
    X, y = waves(24)

    def means(architecture: object, spec: object, settings: object) -> keras.Model:
        inputs = keras.Input((16, 2))
        return keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(inputs))

    task = Task.from_arrays(X + 5, y)
    model = build_model(SMALL, task, TrainingSettings(input_norm="series"), means)
    np.testing.assert_allclose(model.predict(X, verbose=0), 0.5, atol=1e-5)


def test_series_of_a_labelling_are_refused() -> None:
    X, _ = waves(24)
    task = Task.from_arrays(X, np.tile(np.arange(16) % 3, (24, 1)), kind="labelling")
    architecture = Architecture(nb_filters=2, kernel_size=2, dilations=(1, 2), readout="sequence")
    with pytest.raises(InputError) as error:
        build_model(architecture, task, TrainingSettings(input_norm="series"))
    assert str(error.value).startswith("input_norm must be 'dataset' or 'none' for labelling: ")
