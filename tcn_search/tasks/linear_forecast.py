"""One linear map from the windows of series to the steps after them, by ridge regression.

It is the baseline of forecasts, and the start of a network with a linear path. One map serves all
series (Zeng et al. 2022), on windows that are normalised by their own statistics (Kim et al. 2022).
With an infinite penalty it adds nothing to the window's last value or mean, which is best for a
random walk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tcn_search.errors import InputError
from tcn_search.tasks.ridge import PENALTIES, Moments, Ridge, solve_ridge
from tcn_search.tasks.task_spec import TaskSpec
from tcn_search.tasks.training_data import SplitData

WINDOW_NORMS = ("none", "last", "mean", "standard")
# A window whose deviation is a smaller share of its values is constant: float32 rounds at 6e-8.
CONSTANT = 1e-6
MOST_WINDOWS = 300_000  # of all series, that a map is fitted to
# The penalty is chosen on so many parts of the training split's end, each after what it was fitted
# on, and on the validation split.
_PARTS = 4
_FITTED_FIRST = 0.4  # share of the training windows before the first part
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
    the one with the least error on the validation split and, where the rows of a split are in the
    order of time, on four earlier parts of the training split: each is forecast by a map of the
    windows before it. With more than 300,000 windows the map is fitted to evenly chosen ones.

    Args:
        spec: specification of the task; `predicted_channels` must know its series.
        train, validation: windows X (n, T, C) and targets y (n, horizon · series).
        window_norm: as in `normalise_windows`. With "standard" errors are weighted by the
            deviation of their window, so that the fit has the least squared error of the forecasts.
        look_back: steps at the end of each window; None uses all of them.
        penalties: shares of the mean squared feature, from which one is chosen.

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
    every = windows_apart(spec, len(train))

    def sums_of(split: SplitData, every: int) -> Moments:
        sums = Moments(features, horizon)
        for rows, targets in _chunks(spec, split, window_norm, steps, every):
            sums.add(rows, targets)
        return sums

    ends = [0, len(train)]
    if not spec.series and len(penalties) > 1:
        ends = _ends_of_pieces(len(train), horizon)
    pieces = [sums_of(_rows(train, *piece), every) for piece in pairwise(ends)]
    # Pieces 1, 3, ... are the windows whose targets reach into the part behind them.
    earlier = [
        (_sum(pieces[: piece - 1]), _sum(pieces[piece : piece + 2]))
        for piece in range(2, len(pieces), 2)
    ]
    measured = sums_of(validation, windows_apart(spec, len(validation)))
    ridge = solve_ridge(_sum(pieces), measured, penalties, earlier)
    return LinearForecast(spec=spec, window_norm=window_norm, look_back=steps, ridge=ridge)


def windows_apart(spec: TaskSpec, count: int) -> int:
    """Return the rows from one window that a map is fitted to, to the next, of `count` rows."""
    return max(1, -(-count * len(predicted_channels(spec)) // MOST_WINDOWS))


def _ends_of_pieces(count: int, horizon: int) -> list[int]:
    """Return where the pieces of training windows end: the first piece, a margin, a part, ...

    A margin has the windows whose targets reach into the next part. Without enough windows, all of
    them are one piece.
    """
    starts = np.linspace(_FITTED_FIRST * count, count, _PARTS + 1).astype(int)
    if starts[1] - starts[0] <= horizon or starts[0] <= horizon:
        return [0, count]
    ends = [0]
    for start in starts[:-1].tolist():
        ends += [start - horizon, start]
    return [*ends, count]


def _rows(split: SplitData, start: int, end: int) -> SplitData:
    return SplitData(split.X[start:end], split.y[start:end])


def predicted_channels(spec: TaskSpec) -> tuple[int, ...]:
    """Return the input channel of each predicted series; () where the task does not say."""
    targets = spec.target_channels or spec.last_value_channels
    if targets or spec.table is None:
        return targets
    if not set(spec.table.targets) <= set(spec.table.inputs):
        return ()
    return tuple(spec.table.inputs.index(name) for name in spec.table.targets)


def _chunks(
    spec: TaskSpec, split: SplitData, window_norm: str, look_back: int, every: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield features (n, F + 1) and targets (n, H) of all series, weighted by their scale."""
    channels = predicted_channels(spec)
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


def _sum(moments: Sequence[Moments]) -> Moments:
    return sum(moments[1:], start=moments[0])
