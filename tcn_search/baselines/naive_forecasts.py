"""Simple forecasts: the last value, seasonal naive, drift, and ridge regression on the windows.

Each is computed from a window alone, as a network's forecast is. A value that is missing in a
window is taken to be the one before it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tcn_search.baselines.simple_model import Choice, Predict, SimpleModel
from tcn_search.tasks.linear_forecast import fit_linear_forecast, predicted_channels, windows_apart
from tcn_search.tasks.ridge import PENALTIES
from tcn_search.tasks.task_spec import TaskSpec
from tcn_search.tasks.training_data import SplitData

# How windows are normalised before the linear map, in words.
_NORMS = {
    "none": "windows as they are",
    "last": "windows minus their last value",
    "standard": "windows z-normalised",
}


def naive_forecasts(spec: TaskSpec, validation: SplitData | None) -> list[SimpleModel]:
    """Return the simple forecasts of a task; [] where its series are not known.

    Seasonal naive needs a season of at most the look-back.

    Args:
        spec: of the task.
        validation: split that decides for the penalty of ridge regression; None for the split that
            it is fitted on.
    """
    if not predicted_channels(spec):
        return []
    models = [SimpleModel("last value repeated", _of_windows(spec, _last_value))]
    if 1 < spec.season <= spec.seq_len:
        name = f"seasonal naive, {spec.season} steps"
        season = spec.season

        def repeat_season(windows: np.ndarray, horizon: int) -> np.ndarray:
            steps = np.arange(horizon) % season
            repeated: np.ndarray = windows[:, windows.shape[1] - season + steps]
            return repeated

        models.append(SimpleModel(name, _of_windows(spec, repeat_season)))
    models.append(SimpleModel("drift", _of_windows(spec, _drift)))
    ridge = [
        Choice(detail, _RidgeFit(spec, window_norm, validation))
        for window_norm, detail in _NORMS.items()
    ]
    return [*models, SimpleModel("linear map of the windows", ridge)]


def windows_fitted(spec: TaskSpec, count: int) -> int:
    """Return how many of `count` windows the linear map is fitted on."""
    return -(-count // windows_apart(spec, count))


def _last_value(windows: np.ndarray, horizon: int) -> np.ndarray:
    return np.repeat(windows[:, -1:], horizon, axis=1)


def _drift(windows: np.ndarray, horizon: int) -> np.ndarray:
    """Continue the line from the first to the last value (Hyndman, Athanasopoulos, 5.2)."""
    last = windows[:, -1:]
    slope = (last - windows[:, :1]) / max(1, windows.shape[1] - 1)
    line: np.ndarray = last + slope * np.arange(1, horizon + 1)
    return line


def _of_windows(spec: TaskSpec, forecast: Callable[[np.ndarray, int], np.ndarray]) -> list[Choice]:
    """Return the only choice of a forecast that needs no training data.

    Args:
        forecast: maps windows (n, L) of a series, and the horizon, to forecasts (n, horizon).
    """
    channels = list(predicted_channels(spec))
    horizon = spec.outputs // len(channels)

    def predict(X: np.ndarray) -> np.ndarray:
        series = [forecast(filled(X[:, :, channel]), horizon) for channel in channels]
        return np.stack(series, axis=2).reshape(len(X), -1)

    return [Choice("", lambda train: predict)]


def filled(windows: np.ndarray) -> np.ndarray:
    """Return windows (n, L) whose missing values are those before them, else the first one after.

    >>> filled(np.array([[np.nan, 2.0, np.nan, 5.0]]))
    array([[2., 2., 2., 5.]])
    """
    known = np.isfinite(windows)
    if known.all():
        return windows
    steps = np.arange(windows.shape[1])
    before = np.maximum.accumulate(np.where(known, steps, -1), axis=1)
    first = known.argmax(axis=1)[:, np.newaxis]
    chosen = np.where(before < 0, first, before)
    # Zero where a window has no value.
    values: np.ndarray = np.nan_to_num(np.take_along_axis(windows, chosen, axis=1))
    return values


class _RidgeFit:
    """Fit ridge regression; the penalty that the first fit chooses holds for later ones, too."""

    def __init__(self, spec: TaskSpec, window_norm: str, validation: SplitData | None) -> None:
        self.spec = spec
        self.window_norm = window_norm
        self.validation = validation
        self.penalties = PENALTIES

    def __call__(self, train: SplitData) -> Predict:
        validation = self.validation or train
        linear = fit_linear_forecast(
            self.spec,
            train,
            validation,
            window_norm=self.window_norm,
            penalties=self.penalties,
        )
        self.penalties = (linear.ridge.penalty,)
        return linear.predict
