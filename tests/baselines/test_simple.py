"""Simple baselines: worked examples for each kind of task, sequences of different length."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tcn_search import Task
from tcn_search.baselines.fixed_length import fixed_length, normalised, shortened
from tcn_search.baselines.simple import (
    MOST_ROWS,
    SimpleModel,
    fitted_rows,
    sample,
    simple_models,
)
from tcn_search.tasks.training_data import SplitData
from tests.conftest import waves

RANDOM = np.random.default_rng(0)


def fitted(task: Task, name: str, choice: int = 0) -> np.ndarray:
    """Predictions for the training split."""
    model = {model.name: model for model in simple_models(task.spec)}[name]
    return np.asarray(model.choices[choice].fit(task.train)(task.train.X))


def names(models: list[SimpleModel]) -> list[str]:
    return [model.name for model in models]


def test_the_rows_that_are_fitted_are_those_of_the_models_of_the_task() -> None:
    spec = Task.from_arrays(*waves(24)).spec
    words = replace(spec, kind="labelling", vocabulary=7, seq_len=400, scored_steps=None)
    assert fitted_rows(words, 90_000) == 90_000  # frequencies are of all tokens
    steps = replace(words, vocabulary=0)
    assert fitted_rows(steps, 90_000) == 250
    forecast = replace(spec, kind="forecast", seq_len=2_000)  # channels that are not known
    assert fitted_rows(forecast, 90_000) == (1 << 22) // 1_024
    one = replace(forecast, last_value_channels=(0,))
    assert fitted_rows(one, 90_000) == 90_000
    assert fitted_rows(replace(one, last_value_channels=(0,) * 4), 90_000) == 45_000


def test_a_short_row_is_stretched_and_missing_values_are_interpolated() -> None:
    X = np.full((2, 5, 2), np.nan)
    X[0, :3, 0] = [0, 1, 2]
    X[0, [0, 2], 1] = [5, 7]
    np.testing.assert_allclose(fixed_length(X)[0, :, 0], [0, 0.5, 1, 1.5, 2])
    np.testing.assert_allclose(fixed_length(X)[0, :, 1], [5, 5.5, 6, 6.5, 7])
    assert not fixed_length(X)[1].any()  # a row without any value


def test_long_sequences_are_averaged_over_equal_parts() -> None:
    X = np.arange(7.0).reshape(1, 7, 1)
    np.testing.assert_allclose(shortened(X, 4).ravel(), [0.5, 2.5, 4.5, 6])
    assert shortened(X, 7) is X
    assert shortened(np.zeros((3, 100, 2)), 10).shape == (3, 5, 2)


def test_normalised_sequences_have_mean_0_and_deviation_1() -> None:
    X = RANDOM.normal(5, 3, size=(4, 20, 2))
    X[0, :, 1] = 2.0
    assert not normalised(X)[0, :, 1].any()
    np.testing.assert_allclose(normalised(X).mean(axis=1), 0, atol=1e-9)
    np.testing.assert_allclose(normalised(X)[1:].std(axis=1), 1)


def test_the_majority_class_is_predicted_with_the_frequencies() -> None:
    X = RANDOM.normal(size=(10, 6, 1))
    task = Task.from_arrays(X, [0] * 7 + [1] * 3, X_validation=X, y_validation=[0] * 10)
    np.testing.assert_allclose(fitted(task, "majority class"), [[0.7, 0.3]] * 10)


def test_the_nearest_neighbour_of_a_training_sequence_is_itself() -> None:
    X, y = waves(24)
    task = Task.from_arrays(X, y)
    answers = fitted(task, "1-nearest-neighbour")
    assert (answers.argmax(axis=1) == task.train.y).all()


def test_normalising_each_sequence_removes_its_level() -> None:
    X = np.tile(np.sin(np.arange(12))[None, :, None], (8, 1, 1))
    X[4:] *= -1
    y = [0] * 4 + [1] * 4
    shifted = X + 100 * RANDOM.normal(size=(8, 1, 1))
    task = Task.from_arrays(X, y, X_validation=shifted, y_validation=y)
    model = simple_models(task.spec)[1]
    raw, normalise = (choice.fit(task.train)(task.validation.X) for choice in model.choices)
    assert (normalise.argmax(axis=1) == y).all()
    assert not (raw.argmax(axis=1) == y).all()


def test_the_linear_model_finds_a_linear_map_of_a_regression() -> None:
    X = RANDOM.normal(size=(60, 5, 2))
    y = X[:, 1, 0] - 2 * X[:, 4, 1] + 3
    task = Task.from_arrays(X, y)
    np.testing.assert_allclose(fitted(task, "linear model")[:, 0], task.train.y, atol=0.01)
    np.testing.assert_allclose(fitted(task, "mean")[:, 0], task.train.y.mean(), atol=1e-5)


def test_labels_have_a_majority_each() -> None:
    X = RANDOM.normal(size=(20, 5, 1))
    y = np.zeros((20, 3), dtype=int)
    y[:15, 1] = 1
    y[:3, 0] = 1
    y[::2, 2] = 1
    y[1, 2] = 1  # a majority of 11
    task = Task.from_arrays(X, y, X_validation=X, y_validation=y, kind="multi_label")
    assert names(simple_models(task.spec))[0] == "majority of each label"
    np.testing.assert_array_equal(fitted(task, "majority of each label")[0] > 0.5, [0, 1, 1])


def test_a_step_is_labelled_by_its_channels() -> None:
    X = RANDOM.normal(size=(30, 8, 2))
    y = (X[:, :, 1] > 0).astype(int)
    lengths = [5] * 10 + [8] * 20
    task = Task.from_arrays(X, y, lengths_train=lengths, kind="labelling")
    answers = fitted(task, "linear model of each step")
    assert answers.shape == (*task.train.y.shape, 2)
    known = task.train.y >= 0
    assert (answers.argmax(axis=2) == task.train.y)[known].mean() > 0.95


def test_a_forecast_repeats_the_last_value_and_maps_each_series() -> None:
    time = np.arange(200.0)
    values = np.stack([time, np.sin(time), -2 * time], axis=1)
    X = np.stack([values[start : start + 10] for start in range(180)])
    y = np.stack([values[start + 10 : start + 12][:, [0, 2]].ravel() for start in range(180)])
    arrays = Task.from_arrays(X, y)
    spec = replace(arrays.spec, kind="forecast", last_value_channels=(0, 2))
    task = replace(arrays, spec=spec)
    assert names(simple_models(spec)) == [
        "mean",
        "last value repeated",
        "drift",
        "linear map of the windows",
    ]
    last = fitted(task, "last value repeated")
    np.testing.assert_allclose(last[0], task.train.X[0, -1, [0, 2, 0, 2]])
    drift = fitted(task, "drift").reshape(-1, 2, 2)
    np.testing.assert_allclose(drift, task.train.y.reshape(-1, 2, 2), atol=1e-3)
    assert fitted(task, "linear map of the windows").shape == task.train.y.shape
    unknown = replace(spec, last_value_channels=())
    assert names(simple_models(unknown)) == ["mean", "linear model"]


def test_the_season_before_is_repeated_where_the_look_back_has_one() -> None:
    pattern = np.array([3.0, 1.0, 4.0, 1.0, 5.0])
    values = np.tile(pattern, 40)[:, None]
    X = np.stack([values[start : start + 12] for start in range(180)])
    y = np.stack([values[start + 12 : start + 19].ravel() for start in range(180)])
    arrays = Task.from_arrays(X, y)
    spec = replace(arrays.spec, kind="forecast", last_value_channels=(0,), season=5)
    task = replace(arrays, spec=spec)
    np.testing.assert_allclose(fitted(task, "seasonal naive, 5 steps"), task.train.y)
    np.testing.assert_allclose(
        fitted(task, "linear map of the windows"), task.train.y, rtol=1e-3, atol=1e-3
    )
    for season in (0, 1, 13):  # not known, the last value, and longer than the look-back
        assert not any(
            "seasonal" in name for name in names(simple_models(replace(spec, season=season)))
        )


def test_the_validation_split_decides_for_the_penalty_and_the_first_fit_keeps_it() -> None:
    values = np.cumsum(RANDOM.normal(size=260))
    X = np.stack([values[start : start + 20] for start in range(200)])[..., None]
    y = np.stack([values[start + 20 : start + 24] for start in range(200)])
    noise = 10 * RANDOM.normal(size=(60, 20, 1))
    arrays = Task.from_arrays(X, y, X_validation=noise, y_validation=RANDOM.normal(size=(60, 4)))
    spec = replace(arrays.spec, kind="forecast", last_value_channels=(0,))
    chosen = []
    for validation in (None, arrays.validation):
        fit = simple_models(spec, validation)[-1].choices[0].fit
        fit(arrays.train)
        chosen.append(fit.penalties)
        fit(SplitData(noise, arrays.validation.y))
        assert fit.penalties == chosen[-1]
    assert chosen[0][0] < chosen[1][0]


@pytest.mark.parametrize("classes", [2, 5])
def test_a_sample_has_the_classes_in_their_shares(classes: int) -> None:
    y = np.arange(10_000) % classes
    y[:3_000] = 0
    split = SplitData(np.zeros((10_000, 1, 1)), y)
    chosen = sample(split, 500)
    assert len(chosen) == 500
    shares = np.bincount(y) / 10_000
    np.testing.assert_allclose(np.bincount(chosen.y) / 500, shares, atol=0.005)
    assert sample(split, MOST_ROWS * 2) is split
