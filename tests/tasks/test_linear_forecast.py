"""One linear map from the windows of series to the steps after them."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tcn_search.errors import InputError
from tcn_search.tasks.linear_forecast import (
    WINDOW_NORMS,
    LinearForecast,
    _ends_of_pieces,
    fit_linear_forecast,
    normalise_windows,
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


def test_the_map_of_a_random_walk_repeats_its_last_value():
    """A drift that the training split happens to have is not continued."""
    series = np.cumsum(np.random.default_rng(4).normal(size=(900, SERIES)), axis=0)
    train = windows_of(series[:700])
    validation = windows_of(series[700:])
    forecast = fit_linear_forecast(spec_of(series), train, validation, "last")
    assert forecast.ridge.penalty == math.inf
    repeated = np.tile(validation.X[:, -1], HORIZON)
    np.testing.assert_allclose(forecast.predict(validation.X), repeated, rtol=1e-4, atol=1e-4)


def test_the_penalty_is_chosen_on_later_windows_than_those_fitted():
    """Each part of the training split is forecast by a map of targets that end before it."""
    ends = _ends_of_pieces(1_000, horizon=24)
    assert ends == [0, 376, 400, 526, 550, 676, 700, 826, 850, 1_000]
    assert _ends_of_pieces(50, horizon=24) == [0, 50]


def test_all_pieces_together_are_the_training_split():
    """With one penalty there is nothing to choose, and the split is taken as a whole."""
    series = waves(400, noise=0.3)
    train = windows_of(series[:300])
    validation = windows_of(series[300:])
    chosen = fit_linear_forecast(spec_of(series), train, validation)
    penalties = (chosen.ridge.penalty,)
    alone = fit_linear_forecast(spec_of(series), train, validation, penalties=penalties)
    np.testing.assert_allclose(chosen.ridge.weights, alone.ridge.weights, rtol=1e-6, atol=1e-9)
    assert chosen.ridge.error == pytest.approx(alone.ridge.error)
