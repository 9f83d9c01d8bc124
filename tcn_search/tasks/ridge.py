"""Ridge regression from the windows of series to the steps after them, in closed form.

It is the baseline of forecasts, and the start of a network with a linear path. One linear map
serves all series (Zeng et al. 2022), on windows that are normalised by their own statistics (Kim
et al. 2022). Only sums over chunks of windows are kept, so memory does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tcn_search.errors import InputError
from tcn_search.tasks.task_spec import TaskSpec
from tcn_search.tasks.training_data import SplitData

WINDOW_NORMS = ("none", "last", "mean", "standard")
# Each is a share of the mean of the squared features. With the largest, almost nothing is added to
# the window's last value or mean, which is best for a random walk.
PENALTIES = tuple(10.0**power for power in range(-7, 5))
# A window whose deviation is a smaller share of its values is constant: float32 rounds at 6e-8.
CONSTANT = 1e-6
MOST_WINDOWS = 300_000  # of all series, that a map is fitted to
_WINDOWS_AT_ONCE = 4_096


class NormalisedWindows(NamedTuple):
    """Windows (n, L) by their own statistics: `values` · scale + centre are the windows.

    `centre` and `scale` are (n, 1). The scale of a constant window is 0, and its values are 0.
    """

    values: np.ndarray
    centre: np.ndarray
    scale: np.ndarray


def normalise_windows(windows: np.ndarray, window_norm: str) -> NormalisedWindows:
    """Normalise windows (n, L) by their own statistics.

    Args:
        window_norm: "none"; "last" subtracts the last value of a window from it, "mean" its mean;
            "standard" subtracts the mean and divides by the deviation.
    """
    centre = np.zeros((len(windows), 1))
    scale = np.ones((len(windows), 1))
    if window_norm == "last":
        centre = windows[:, -1:]
    elif window_norm in ("mean", "standard"):
        centre = windows.mean(axis=1, keepdims=True)
    values = windows - centre
    if window_norm == "standard":
        scale = windows.std(axis=1, keepdims=True)
        largest = np.abs(windows).max(axis=1, keepdims=True)
        is_constant = scale <= CONSTANT * largest
        values = np.where(is_constant, 0.0, values / np.where(is_constant, 1.0, scale))
        scale = np.where(is_constant, 0.0, scale)
    return NormalisedWindows(values=values, centre=centre, scale=scale)


class Moments:
    """Sums of products of features and targets over all rows, from which ridge maps are solved.

    A last feature that is 1 stands for the bias.

    Args:
        features: F.
        outputs: H.
    """

    def __init__(self, features: int, outputs: int) -> None:
        self.rows = 0
        self.products = np.zeros((features + 1, features + 1))
        self.answers = np.zeros((features + 1, outputs))
        self.squares = 0.0

    def add(self, features: np.ndarray, targets: np.ndarray) -> None:
        """Add rows of features (n, F + 1), with the ones, and targets (n, H)."""
        self.rows += len(features)
        self.products += features.T @ features
        self.answers += features.T @ targets
        self.squares += float(np.square(targets).sum())

    def error(self, solution: np.ndarray) -> float:
        """Return the mean squared error of a solution (F + 1, H) over all rows and outputs."""
        total = self.squares - 2 * (solution * self.answers).sum()
        total += (solution * (self.products @ solution)).sum()
        return float(total / (self.rows * self.answers.shape[1]))


@dataclass(frozen=True, eq=False)
class Ridge:
    """A linear map from features (n, F) to outputs (n, H).

    Attributes:
        weights: (F, H).
        bias: (H,).
        penalty: the one with the least error.
        error: mean squared error on the validation windows.
    """

    weights: np.ndarray
    bias: np.ndarray
    penalty: float
    error: float


def solve_ridge(
    train: Moments, validation: Moments, penalties: Sequence[float] = PENALTIES
) -> Ridge:
    """Return the ridge solution of the training rows with the least error on the validation rows.

    weights = (Xᵀ X + λ I)⁻¹ Xᵀ Y with centred X and Y, so that the bias is not penalised; λ is the
    penalty times the mean of the diagonal of Xᵀ X. One decomposition serves all penalties.
    """
    mean = train.products[-1, :-1] / train.rows  # (F,)
    target_mean = train.answers[-1] / train.rows  # (H,)
    products = train.products[:-1, :-1] - train.rows * np.outer(mean, mean)
    answers = train.answers[:-1] - train.rows * np.outer(mean, target_mean)
    values, vectors = np.linalg.eigh(products)
    values = np.maximum(values, 0.0)
    projected = vectors.T @ answers
    unit = max(float(values.mean()), float(np.finfo("float64").tiny))
    best = None
    for penalty in map(float, penalties):
        weights = vectors @ (projected / (values + penalty * unit)[:, np.newaxis])
        bias = target_mean - mean @ weights
        error = validation.error(np.vstack([weights, bias]))
        if best is None or error < best.error:
            best = Ridge(weights=weights, bias=bias, penalty=penalty, error=error)
    assert best is not None
    return best


@dataclass(frozen=True, eq=False)
class LinearForecast:
    """Ridge regression for the series of a forecast task, shared by all of them.

    On standardised values (minus `spec.input_mean`, over `spec.input_std`), a window of a series is
    normalised to z (L,), and its forecast is (z · weights + bias) · scale + centre. The values of
    covariates over the horizon follow z where the task has any.

    Attributes:
        spec: specification of the task.
        window_norm: as in `normalise_windows`.
        look_back: L, steps at the end of a window that are used.
        ridge: weights (L + horizon · future channels, horizon) and bias; its error is the mean
            squared error on standardised values of the validation split.
    """

    spec: TaskSpec
    window_norm: str
    look_back: int
    ridge: Ridge

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return forecasts (n, horizon · series) for windows (n, T, C), in the units of the task.

        These are the units of `task.train.y`, ordered by time as there.
        """
        channels = predicted_channels(self.spec)
        series = []
        for number in range(len(channels)):
            rows = [
                self._predict_chunk(X[start : start + _WINDOWS_AT_ONCE], number)
                for start in range(0, len(X), _WINDOWS_AT_ONCE)
            ]
            series.append(np.concatenate(rows))
        outputs = np.stack(series, axis=2).reshape(len(X), -1)
        mean, std = _statistics(self.spec, channels)
        steps = outputs.shape[1] // len(channels)
        forecasts = outputs * np.tile(std, steps) + np.tile(mean, steps)
        return np.asarray(forecasts, dtype="float32")

    def _predict_chunk(self, X: np.ndarray, number: int) -> np.ndarray:
        windows = _series_windows(self.spec, X, number, self.look_back)
        future = _future_values(self.spec, X)
        normalised = normalise_windows(windows, self.window_norm)
        features = np.hstack([normalised.values, future])
        outputs = features @ self.ridge.weights + self.ridge.bias
        chunk: np.ndarray = outputs * normalised.scale + normalised.centre
        return chunk


def fit_linear_forecast(
    spec: TaskSpec,
    train: SplitData,
    validation: SplitData,
    window_norm: str = "standard",
    look_back: int | None = None,
    penalties: Sequence[float] = PENALTIES,
) -> LinearForecast:
    """Fit one ridge regression to the windows of all predicted series of a forecast task.

    Windows and targets are standardised with the statistics of the training split. The penalty is
    the one with the least error on the validation split; with more than 300,000 windows the map is
    fitted to evenly chosen ones.

    Args:
        spec: specification of the task; `predicted_channels` must know its series.
        train, validation: windows X (n, T, C) and targets y (n, horizon · series).
        window_norm: as in `normalise_windows`. With "standard" errors are weighted by the
            deviation of their window, so that the fit has the least squared error of the forecasts.
        look_back: steps at the end of each window; None uses all of them.
        penalties: shares of the mean squared feature, from which the validation split chooses.

    Raises:
        InputError: the task does not say which channels it predicts.
    """
    channels = predicted_channels(spec)
    if not channels:
        raise InputError(
            "A linear forecast needs a task that says which of its inputs it predicts. "
            f"Received: {spec.name!r} without target channels"
        )
    steps = min(look_back or spec.seq_len, spec.seq_len)
    horizon = spec.outputs // len(channels)
    features = steps + horizon * len(spec.future_channels)
    moments = []
    for split in (train, validation):
        sums = Moments(features, horizon)
        for rows, targets in _chunks(spec, split, window_norm, steps):
            sums.add(rows, targets)
        moments.append(sums)
    ridge = solve_ridge(moments[0], moments[1], penalties)
    return LinearForecast(spec=spec, window_norm=window_norm, look_back=steps, ridge=ridge)


def predicted_channels(spec: TaskSpec) -> tuple[int, ...]:
    """Return the input channel of each predicted series; () where the task does not say."""
    targets = spec.target_channels or spec.last_value_channels
    if targets or spec.table is None:
        return targets
    if not set(spec.table.targets) <= set(spec.table.inputs):
        return ()
    return tuple(spec.table.inputs.index(name) for name in spec.table.targets)


def _chunks(
    spec: TaskSpec, split: SplitData, window_norm: str, look_back: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield features (n, F + 1) and targets (n, H) of all series, weighted by their scale."""
    channels = predicted_channels(spec)
    every = max(1, -(-len(split) * len(channels) // MOST_WINDOWS))
    for start in range(0, len(split), _WINDOWS_AT_ONCE * every):
        rows = slice(start, start + _WINDOWS_AT_ONCE * every, every)
        X = split.X[rows]
        targets = _targets(spec, split.y[rows])
        future = _future_values(spec, X)
        for number in range(len(channels)):
            windows = _series_windows(spec, X, number, look_back)
            normalised = normalise_windows(windows, window_norm)
            features = np.hstack([normalised.values, future, np.ones((len(windows), 1))])
            answers = targets[:, :, number] - normalised.centre
            # A row is left out if a gap in the data reaches it.
            known = np.isfinite(features).all(axis=1) & np.isfinite(answers).all(axis=1)
            yield features[known] * normalised.scale[known], answers[known]


def _targets(spec: TaskSpec, y: np.ndarray) -> np.ndarray:
    """Return standardised targets (n, horizon, series) in double precision."""
    channels = predicted_channels(spec)
    mean, std = _statistics(spec, channels)
    targets: np.ndarray = (y.reshape(len(y), -1, len(channels)).astype("float64") - mean) / std
    return targets


def _series_windows(spec: TaskSpec, X: np.ndarray, number: int, look_back: int) -> np.ndarray:
    """Return the standardised windows (n, L) of one predicted series in double precision."""
    channel = predicted_channels(spec)[number]
    mean, std = _statistics(spec, (channel,))
    windows: np.ndarray = (X[:, -look_back:, channel].astype("float64") - mean) / std
    return windows


def _future_values(spec: TaskSpec, X: np.ndarray) -> np.ndarray:
    """Return standardised covariates over the horizon, (n, horizon · future channels)."""
    channels = spec.future_channels
    horizon = spec.outputs // len(predicted_channels(spec))
    mean, std = _statistics(spec, channels)
    values = (X[:, -horizon:][:, :, list(channels)].astype("float64") - mean) / std
    return np.asarray(values.reshape(len(X), horizon * len(channels)))


def _statistics(spec: TaskSpec, channels: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and deviation of some channels, with which a model standardises them."""
    if not spec.input_std:
        return np.zeros(len(channels)), np.ones(len(channels))
    return np.asarray(spec.input_mean)[list(channels)], np.asarray(spec.input_std)[list(channels)]
