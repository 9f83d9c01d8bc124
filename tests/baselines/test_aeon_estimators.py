"""MiniRocket and nearest neighbours with DTW, by aeon: classes, numbers, lengths, errors."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from tcn_search import Task
from tcn_search.baselines import aeon_estimators
from tcn_search.baselines.aeon_estimators import check_aeon, fit_aeon
from tcn_search.errors import InputError
from tests.conftest import waves


@pytest.mark.slow  # numba compiles for half a minute
@pytest.mark.parametrize("name", ["mini_rocket", "nn_dtw"])
def test_classes_are_learnt_from_sequences_of_different_length(name: str) -> None:
    X, y = waves(24)
    task = Task.from_arrays(X, y, lengths_train=[12, 16] * 12)
    predict = fit_aeon(name, task.spec, task.train, seed=1)
    answers = predict(task.train.X)
    assert answers.shape == (len(task.train), 2)
    assert (answers.argmax(axis=1) == task.train.y).mean() > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mini_rocket", "nn_dtw"])
def test_numbers_are_predicted(name: str) -> None:
    X, _ = waves(24)
    task = Task.from_arrays(X[:, :6], np.linspace(0, 1, 24))  # shorter than a kernel, too
    predict = fit_aeon(name, task.spec, task.train, seed=1)
    assert predict(task.train.X).shape == (len(task.train), 1)


def test_what_aeon_cannot_do_is_refused() -> None:
    X, _ = waves(24)
    numbers = Task.from_arrays(X, np.random.default_rng(0).normal(size=(24, 3)))
    with pytest.raises(InputError) as caught:
        check_aeon("nn_dtw", numbers.spec)
    assert str(caught.value) == (
        "1-nearest-neighbour (DTW) is for one class or one number for each sequence. Received: a "
        "regression task with 3 outputs. Leave nn_dtw out of against"
    )


@pytest.mark.parametrize(
    ("name", "missing", "words"),
    [
        (
            "mini_rocket",
            "aeon",
            "MiniRocket needs the package aeon: pip install 'tcn-search[ucr]', or leave mini_rocket "
            "out of against",
        ),
        (
            "hydra",
            "torch",
            "Hydra of aeon needs the package torch: pip install 'tcn-search[ucr,torch]', or leave "
            "hydra out of against",
        ),
    ],
)
def test_a_missing_package_is_named(
    name: str, missing: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = Task.from_arrays(*waves(24))

    def find(package: str) -> object:
        return None if package == missing else importlib.util.find_spec("numpy")

    monkeypatch.setattr(aeon_estimators, "find_spec", find)
    with pytest.raises(InputError) as caught:
        check_aeon(name, task.spec)
    assert str(caught.value) == words
