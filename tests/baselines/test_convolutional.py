"""FCN and ResNet: sizes of the papers, padding, saving, kinds of tasks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tcn_search as ts
from tcn_search import Task, TrainingSettings
from tcn_search.baselines.convolutional import build_convolutional
from tests.conftest import draw_head, waves

# hfawaz/dl-4-tsc, classifiers/fcn.py and resnet.py, for one channel and two classes: kernels and
# biases of all convolutions, four numbers a channel of each batch norm, and the head.
FCN = (8 * 128 + 128) + (5 * 128 * 256 + 256) + (3 * 256 * 128 + 128) + 4 * (128 + 256 + 128)


def _conv(kernel: int, inputs: int, outputs: int) -> int:
    return kernel * inputs * outputs + outputs + 4 * outputs


RESNET = (
    _conv(8, 1, 64) + _conv(5, 64, 64) + _conv(3, 64, 64) + _conv(1, 1, 64)
    + _conv(8, 64, 128) + _conv(5, 128, 128) + _conv(3, 128, 128) + _conv(1, 64, 128)
    + _conv(8, 128, 128) + _conv(5, 128, 128) + _conv(3, 128, 128) + 4 * 128
)  # fmt: skip
HEAD = 128 * 2 + 2


@pytest.mark.parametrize(("name", "parameters"), [("fcn", FCN), ("resnet", RESNET)])
def test_the_networks_have_the_published_number_of_parameters(name: str, parameters: int) -> None:
    X, y = waves(8)
    task = Task.from_arrays(X[:, :, :1], y)
    assert build_convolutional(name, task).count_params() == parameters + HEAD


@pytest.mark.parametrize("name", ["fcn", "resnet"])
@pytest.mark.parametrize("training", [False, True])
def test_padding_changes_nothing(name: str, training: bool) -> None:
    X, y = waves(8)
    lengths = [10] * 4 + [16] * 4
    padded = build_convolutional(
        name, Task.from_arrays(X, y, lengths_train=lengths, standardise=False)
    )
    alone = build_convolutional(name, Task.from_arrays(X[:, :10], y, standardise=False))
    draw_head(padded)
    alone.set_weights(padded.get_weights())
    rows = X[:4].copy()
    rows[:, 10:] = np.nan
    np.testing.assert_allclose(
        padded(rows, training=training), alone(X[:4, :10], training=training), atol=2e-5
    )
    for ours, other in zip(padded.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_allclose(ours, other, atol=2e-5)  # the moving statistics


@pytest.mark.parametrize("name", ["fcn", "resnet"])
def test_a_saved_network_predicts_the_same(name: str, tmp_path: Path) -> None:
    X, y = waves(8)
    model = build_convolutional(name, Task.from_arrays(X, y), TrainingSettings(epochs=1))
    model.fit(X, y, verbose=0)
    model.save(tmp_path / "model.keras")
    again = ts.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again(X), model(X), atol=1e-6)


def test_numbers_and_labels_have_their_outputs() -> None:
    X, _ = waves(8)
    numbers = Task.from_arrays(X, np.random.default_rng(0).normal(size=(8, 3)))
    assert build_convolutional("fcn", numbers)(X).shape == (8, 3)
