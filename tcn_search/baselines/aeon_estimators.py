"""MiniRocket, Hydra and 1-nearest-neighbour with DTW, by the package aeon.

They are no networks: they have no learning rate and no epochs. Their inputs are standardised as
those of a network, and brought to one length as `fixed_length` says.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import numpy as np

from tcn_search.baselines.contender_names import title
from tcn_search.baselines.fixed_length import fixed_length
from tcn_search.errors import InputError
from tcn_search.tasks.task_spec import TaskSpec
from tcn_search.tasks.training_data import SplitData

FEWEST_STEPS = 9  # of MiniRocket's kernels; shorter sequences are stretched to it
DTW_WINDOW = 0.1  # share of the sequence (Sakoe-Chiba band, Ratanamahatana and Keogh 2005)


def check_aeon(name: str, spec: TaskSpec) -> None:
    """Raise an InputError if the contender cannot be used for the task or is not installed.

    Args:
        name: "mini_rocket", "hydra" or "nn_dtw".
        spec: of the task.
    """
    if spec.kind != "classification" and not (spec.kind == "regression" and spec.outputs == 1):
        raise InputError(
            f"{title(name)} is for one class or one number for each sequence. "
            f"Received: a {spec.kind} task with {spec.outputs} outputs. "
            f"Leave {name} out of against"
        )
    if find_spec("aeon") is None:
        raise InputError(
            f"{title(name)} needs the package aeon: pip install 'tcn-search[ucr]', "
            f"or leave {name} out of against"
        )
    if name == "hydra" and find_spec("torch") is None:
        raise InputError(
            "Hydra of aeon needs the package torch: pip install 'tcn-search[ucr,torch]', "
            "or leave hydra out of against"
        )


def fit_aeon(
    name: str, spec: TaskSpec, train: SplitData, seed: int
) -> Callable[[np.ndarray], np.ndarray]:
    """Fit an estimator, and return its predictions as a function of sequences (n, T, C).

    Predictions have the form of a network's: (n, K) with 1 for the class, or (n, 1) numbers.
    """
    classifies = spec.kind == "classification"
    estimator = _estimator(name, classifies, seed)
    with _without_warnings():
        estimator.fit(_channels_first(train.X, spec), train.y.reshape(len(train)))

    def predict(X: np.ndarray) -> np.ndarray:
        with _without_warnings():
            answers = estimator.predict(_channels_first(X, spec))
        if classifies:
            classes: np.ndarray = np.eye(spec.outputs, dtype="float32")[answers]
            return classes
        return np.asarray(answers, dtype="float32").reshape(-1, 1)

    return predict


def prepare_aeon(name: str, spec: TaskSpec) -> None:
    """Let numba compile what an estimator needs, so that no measured time includes it."""
    _compile(name, spec.kind == "classification")


@functools.cache
def _compile(name: str, classifies: bool) -> None:
    """Fit and predict random numbers, once in a process."""
    X = np.random.default_rng(0).normal(size=(8, 1, 12))
    y = np.arange(8) % 2
    with _without_warnings():
        _estimator(name, classifies, seed=0).fit(X, y).predict(X)


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Hide warnings: those of numba's compiler are about aeon's own code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _channels_first(X: np.ndarray, spec: TaskSpec) -> np.ndarray:
    """Return standardised sequences (n, C, T) in double precision, of at least 9 steps."""
    sequences = fixed_length(X).astype("float64")
    if spec.input_mean:
        sequences = (sequences - np.asarray(spec.input_mean)) / np.asarray(spec.input_std)
    steps = sequences.shape[1]
    if steps < FEWEST_STEPS:
        nearest = np.linspace(0, steps - 1, FEWEST_STEPS).round().astype(int)
        sequences = sequences[:, nearest]
    return np.ascontiguousarray(sequences.transpose(0, 2, 1))


def _estimator(name: str, classifies: bool, seed: int) -> Any:
    """Return an estimator that is not fitted yet."""
    if name == "nn_dtw":
        from aeon.classification.distance_based import KNeighborsTimeSeriesClassifier
        from aeon.regression.distance_based import KNeighborsTimeSeriesRegressor

        neighbours = KNeighborsTimeSeriesRegressor
        if classifies:
            neighbours = KNeighborsTimeSeriesClassifier
        return neighbours(distance="dtw", distance_params={"window": DTW_WINDOW}, n_neighbors=1)
    from aeon.classification import convolution_based as classifiers
    from aeon.regression import convolution_based as regressors

    module = classifiers if classifies else regressors
    prefix = {"mini_rocket": "MiniRocket", "hydra": "Hydra"}[name]
    suffix = "Classifier" if classifies else "Regressor"
    return getattr(module, prefix + suffix)(random_state=seed)
