"""A model that begins with a solution: the score before the first epoch counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from tcn_search.models.build import build_model
from tcn_search.planning.architecture import Architecture
from tcn_search.settings import TrainingSettings
from tcn_search.tasks.kinds import Metric
from tcn_search.tasks.linear_forecast import fit_linear_forecast
from tcn_search.tasks.task_spec import TaskSpec
from tcn_search.tasks.training_data import SplitData, TrainingData
from tcn_search.trainers.fit import Training, train
from tcn_search.trial_status import TrialStatus

STEPS = 12
LINEAR = Architecture(
    nb_filters=4,
    kernel_size=2,
    dilations=(1, 2),
    readout="flatten",
    channels="shared",
    window_norm="mean",
    linear_path=True,
)
OBJECTIVE = Metric("val_standardised_mse", "minimize")


def linear_series() -> TrainingData:
    """Return windows of two series that a linear map of a window continues exactly."""
    time = np.arange(260)[:, np.newaxis]
    series = np.sin(2 * np.pi * time / np.array([7.0, 11.0])).astype("float32")
    view = np.lib.stride_tricks.sliding_window_view
    X = view(series[:-2], STEPS, axis=0).transpose(0, 2, 1)
    y = view(series[STEPS:], 2, axis=0).transpose(0, 2, 1).reshape(len(X), -1)
    spec = TaskSpec(
        "waves",
        "forecast",
        STEPS,
        2,
        outputs=4,
        input_mean=(0.0, 0.0),
        input_std=(0.7, 0.7),
        target_mean=(0.0,) * 4,
        target_std=(0.7,) * 4,
        last_value_channels=(0, 1),
    )
    return TrainingData(spec, SplitData(X[:170], y[:170]), SplitData(X[170:], y[170:]))


DATA = linear_series()


def trained(architecture: Architecture, **settings: Any) -> tuple[keras.Model, Training]:
    keras.utils.set_random_seed(0)
    given = TrainingSettings(**{"epochs": 2, "batch_size": 32, **settings})
    model = build_model(architecture, DATA, given)
    return model, train(model, DATA, given, OBJECTIVE)


def score(model: keras.Model) -> float:
    numbers = model.evaluate(DATA.validation.X, DATA.validation.y, verbose=0, return_dict=True)
    return float(numbers["standardised_mse"])


@pytest.mark.parametrize("weights", ["best", "last", "ema", "lowest_loss"])
def test_a_winner_is_no_worse_than_the_linear_model_that_solves_the_task(weights: str) -> None:
    ridge = fit_linear_forecast(DATA.spec, DATA.train, DATA.validation, "mean").ridge
    model, training = trained(LINEAR, weights=weights, learning_rate=0.05)
    assert ridge.error < 1e-4
    assert training.start["val_standardised_mse"] == pytest.approx(ridge.error, abs=1e-6)
    assert min(row["val_standardised_mse"] for row in training.curve) > 2 * ridge.error
    assert (training.best_epoch, training.kept_epoch) == (0, 0)
    assert training.score == training.kept_score == training.start["val_standardised_mse"]
    assert score(model) == pytest.approx(training.score, rel=1e-3)


def test_an_epoch_that_is_better_than_the_start_counts() -> None:
    noisy = replace(DATA, train=SplitData(DATA.train.X[:40], DATA.train.y[:40] + 1.0))
    settings = TrainingSettings(epochs=3, batch_size=20)
    model = build_model(LINEAR, noisy, settings)
    # The linear path learned targets that are 1 too large: any training is better.
    training = train(
        model, replace(DATA, train=DATA.train), replace(settings, learning_rate=0.01), OBJECTIVE
    )
    assert training.best_epoch >= 1
    assert training.score < training.start["val_standardised_mse"]
    assert training.kept_score == training.score


def test_a_training_that_diverges_keeps_the_start() -> None:
    model, training = trained(LINEAR, learning_rate=1e30, optimizer="sgd")
    assert training.status is TrialStatus.DIVERGED
    assert training.kept_score == training.start["val_standardised_mse"]
    assert score(model) == pytest.approx(training.kept_score, rel=1e-3)


def test_other_networks_have_no_start() -> None:
    _, training = trained(replace(LINEAR, linear_path=False))
    assert training.start == {}
    assert training.best_epoch >= 1
