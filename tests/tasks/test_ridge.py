"""Ridge regression from windows to the steps after them."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from tcn_search.errors import InputError
from tcn_search.tasks.ridge import (
    WINDOW_NORMS,
    LinearForecast,
    Moments,
    fit_linear_forecast,
    normalise_windows,
    solve_ridge,
)
from tcn_search.tasks.task_spec import TaskSpec
from tcn_search.tasks.training_data import SplitData

LOOK_BACK = 12
HORIZON = 3
SERIES = 2


def windows_of(series: np.ndarray) -> SplitData:
    """Return all windows (n, T, C) of series (steps, C), and the next steps ordered by time."""
    view = np.lib.stride_tricks.sliding_window_view
    X = view(series[:-HORIZON], LOOK_BACK, axis=0).transpose(0, 2, 1)
    y = view(series[LOOK_BACK:], HORIZON, axis=0).transpose(0, 2, 1)
    return SplitData(X.astype("float32"), y.reshape(len(y), -1).astype("float32"))


def waves(steps: int, noise: float = 0.0) -> np.ndarray:
    """Return two series of which the next steps are a linear map of the steps before."""
    time = np.arange(steps)[:, np.newaxis]
    values = np.sin(2 * np.pi * time / np.array([7.0, 11.0])) * [1.0, 40.0] + [3.0, 500.0]
    return values + noise * np.random.default_rng(0).normal(size=values.shape)


def spec_of(series: np.ndarray) -> TaskSpec:
    mean = tuple(series.mean(axis=0).tolist())
    std = tuple(series.std(axis=0).tolist())
    return TaskSpec(
        name="waves",
        kind="forecast",
        seq_len=LOOK_BACK,
        input_channels=SERIES,
        outputs=HORIZON * SERIES,
        input_mean=mean,
        input_std=std,
        target_mean=mean * HORIZON,
        target_std=std * HORIZON,
        last_value_channels=(0, 1),
    )


def fitted(window_norm: str = "standard", noise: float = 0.0) -> tuple[LinearForecast, SplitData]:
    series = waves(400, noise)
    train = windows_of(series[:250])
    validation = windows_of(series[250:])
    return fit_linear_forecast(spec_of(series), train, validation, window_norm), validation


@pytest.mark.parametrize("window_norm", WINDOW_NORMS)
def test_a_linear_series_is_forecast_in_its_own_units(window_norm):
    forecast, validation = fitted(window_norm)
    np.testing.assert_allclose(forecast.predict(validation.X), validation.y, rtol=1e-3, atol=0.1)


def test_the_error_is_that_of_the_predictions_on_standardised_values():
    forecast, validation = fitted(noise=0.5)
    std = np.asarray(forecast.spec.target_std)
    errors = (forecast.predict(validation.X) - validation.y) / std
    assert forecast.ridge.error == pytest.approx(np.square(errors).mean(), rel=1e-4)


def test_the_solution_is_that_of_scikit_learn():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(80, 5)) + 2.0
    Y = X @ rng.normal(size=(5, 2)) + rng.normal(size=(80, 2)) - 1.0
    moments = Moments(5, 2)
    for start in (0, 50):
        rows = X[start : start + 50]
        moments.add(np.hstack([rows, np.ones((len(rows), 1))]), Y[start : start + 50])
    penalty = 0.3
    ridge = solve_ridge(moments, moments, (penalty,))
    unit = np.square(X - X.mean(axis=0)).sum(axis=0).mean()
    expected = Ridge(alpha=penalty * unit).fit(X, Y)
    np.testing.assert_allclose(ridge.weights, expected.coef_.T, rtol=1e-6)
    np.testing.assert_allclose(ridge.bias, expected.intercept_, rtol=1e-6)
    assert ridge.error == pytest.approx(np.square(expected.predict(X) - Y).mean())


def test_the_penalty_with_the_least_validation_error_is_chosen():
    rng = np.random.default_rng(2)
    weights = rng.normal(size=(30, 1))
    moments = []
    for rows in (40, 1_000):
        X = rng.normal(size=(rows, 30))
        sums = Moments(30, 1)
        sums.add(np.hstack([X, np.ones((rows, 1))]), X @ weights + 3 * rng.normal(size=(rows, 1)))
        moments.append(sums)
    penalties = (1e-6, 1e-2, 1.0, 1e3)
    errors = [solve_ridge(*moments, (penalty,)).error for penalty in penalties]
    chosen = solve_ridge(*moments, penalties)
    assert chosen.penalty == penalties[int(np.argmin(errors))] not in (1e-6, 1e3)
    assert chosen.error == min(errors)


@pytest.mark.parametrize("window_norm", WINDOW_NORMS)
def test_values_times_scale_plus_centre_are_the_windows(window_norm):
    windows = np.random.default_rng(3).normal(size=(4, 6)) * 5 + 100
    normalised = normalise_windows(windows, window_norm)
    restored = normalised.values * normalised.scale + normalised.centre
    np.testing.assert_allclose(restored, windows)
    if window_norm == "standard":
        np.testing.assert_allclose(normalised.values.std(axis=1), 1.0)


def test_a_constant_window_is_forecast_as_its_value():
    forecast, _ = fitted(noise=0.5)
    constant = np.broadcast_to(np.float32([7.0, 480.0]), (1, LOOK_BACK, SERIES))
    np.testing.assert_allclose(forecast.predict(constant)[0], [7.0, 480.0] * HORIZON, rtol=1e-5)


def test_only_the_last_steps_of_a_window_count_with_a_look_back():
    series = waves(300, noise=0.2)
    train = windows_of(series)
    forecast = fit_linear_forecast(spec_of(series), train, train, look_back=5)
    assert forecast.ridge.weights.shape == (5, HORIZON)
    changed = train.X.copy()
    changed[:, :-5] = 0.0
    np.testing.assert_array_equal(forecast.predict(changed), forecast.predict(train.X))


def test_a_task_without_known_targets_is_refused():
    series = waves(100)
    spec = replace(spec_of(series), last_value_channels=())
    split = windows_of(series)
    with pytest.raises(InputError, match="which of its inputs it predicts"):
        fit_linear_forecast(spec, split, split)
