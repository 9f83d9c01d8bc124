"""The network of a forecast: normalised windows, one network for all series, a linear path.

Between standardisation and predictions a model computes, on standardised values:

    windows (B, T, C) → normalised → stem, TCN, readout → head (zero at the start)
                                   → linear path (begins at the ridge solution)  → sum → restored
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import NormalDist

import keras
import numpy as np

from tcn_search.errors import InputError
from tcn_search.layers.tensor import Tensor
from tcn_search.models.series import (
    FutureValues,
    JoinSeries,
    LinearPath,
    NormaliseWindow,
    Quantiles,
    RestoreWindow,
    SplitSeries,
    WindowStatistics,
)
from tcn_search.models.windows import LastSteps
from tcn_search.planning.architecture import Architecture
from tcn_search.settings import TrainingSettings
from tcn_search.tasks.linear_forecast import LinearForecast, fit_linear_forecast, predicted_channels
from tcn_search.tasks.task_spec import TaskSpec
from tcn_search.tasks.training_data import SplitData

_HEAD = "head"
_LINEAR_PATH = "linear_path"
_SPREAD = "spread"


@dataclass(frozen=True)
class ForecastNetwork:
    """The network of a forecast, for one architecture and task.

    Args:
        architecture: with its choices for forecasts.
        spec: specification of the task.
        quantiles: that the network predicts for each output; empty for one number.
        body: maps (B, T, C) to features (B, F): stem, TCN and readout.
    """

    architecture: Architecture
    spec: TaskSpec
    quantiles: tuple[float, ...]
    body: Callable[[Tensor], Tensor]

    @cached_property
    def channels(self) -> tuple[int, ...]:
        """The input channel of each predicted series."""
        return predicted_channels(self.spec)

    @property
    def horizon(self) -> int:
        """Steps that are predicted."""
        return self.spec.outputs // len(self.channels)

    @property
    def rows(self) -> int:
        """Rows of the network's input for one window: one, or one for each series."""
        if self.architecture.channels == "shared":
            return len(self.channels)
        return 1

    @property
    def window_norm(self) -> str:
        """How windows are normalised; the task decides where the architecture says "auto"."""
        window_norm = self.architecture.window_norm
        if window_norm != "auto":
            return window_norm
        if self.spec.last_value_channels:
            return "last"
        return "none"

    @property
    def spec_of_predictions(self) -> TaskSpec:
        """The specification by which scores become predictions.

        Restored scores are in the units of the windows, so the statistics of the targets are those
        of the inputs; nothing is taken off or put back but what the network does itself.
        """
        changed = replace(self.spec, last_value_channels=())
        if not self.spec.input_std:
            return changed
        channels = list(self.channels)
        mean = np.tile(np.asarray(self.spec.input_mean)[channels], self.horizon)
        std = np.tile(np.asarray(self.spec.input_std)[channels], self.horizon)
        return replace(changed, target_mean=tuple(mean.tolist()), target_std=tuple(std.tolist()))

    def scores(self, x: Tensor) -> Tensor:
        """Return scores (B, outputs · Q) for standardised windows (B, T, C)."""
        known = self.spec.future_channels
        inputs_of_path = []
        future = None
        if known:
            future = FutureValues(
                self.horizon, known, self.rows, dtype="float32", name="future_values"
            )(x)
            inputs_of_path.append(
                FutureValues(self.horizon, known, dtype="float32", name="future_of_path")(x)
            )
        if self.architecture.look_back is not None:
            x = LastSteps(self.architecture.look_back, dtype="float32", name="look_back")(x)
        statistics = WindowStatistics(
            self.window_norm, self.channels, dtype="float32", name="window_statistics"
        )(x)
        windows = NormaliseWindow(self.channels, dtype="float32", name="normalise_window")(
            [x, statistics]
        )
        scores, spread = self._head(windows, future)
        if self.architecture.linear_path:
            path = LinearPath(self.horizon, len(self.channels), dtype="float32", name=_LINEAR_PATH)(
                [windows, *inputs_of_path]
            )
            scores = keras.layers.Add(dtype="float32", name="sum")([scores, path])
        if spread is not None:
            scores = Quantiles(dtype="float32", name="quantiles")([scores, spread])
        restored = RestoreWindow(dtype="float32", name="restore_window")([scores, statistics])
        outputs = self.spec.outputs * max(1, len(self.quantiles))
        return keras.layers.Reshape((outputs,), dtype="float32", name="scores")(restored)

    def _head(self, windows: Tensor, future: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return the network's scores (B, outputs, 1), and with quantiles their differences."""
        if self.rows > 1:
            windows = SplitSeries(self.rows, dtype="float32", name="split_series")(windows)
        features = self.body(windows)
        if future is not None:
            features = keras.layers.Concatenate(dtype="float32", name="with_future")(
                [features, future]
            )
        outputs = self.spec.outputs // self.rows
        head = _zero_dense(outputs, _HEAD)(features)
        scores = JoinSeries(self.rows, dtype="float32", name="join_series")(head)
        if not self.quantiles:
            return scores, None
        differences = len(self.quantiles) - 1
        spread = _zero_dense(outputs * differences, _SPREAD)(features)
        joined = JoinSeries(self.rows, differences, dtype="float32", name="join_spread")
        return scores, joined(spread)

    def start(self, model: keras.Model, train: SplitData, validation: SplitData) -> None:
        """Give a model its first weights: the ridge solution, or the best constant prediction."""
        error = 1.0
        if self.architecture.linear_path:
            linear = self.linear_forecast(train, validation)
            path = model.get_layer(_LINEAR_PATH)
            path.kernel.assign(linear.ridge.weights)
            path.bias.assign(linear.ridge.bias)
            error = linear.ridge.error
        elif self.window_norm == "none":
            model.get_layer(_HEAD).bias.assign(self._mean_scores(train))
        if self.quantiles:
            differences = _first_differences(self.quantiles, math.sqrt(error))
            bias = model.get_layer(_SPREAD).bias
            bias.assign(np.tile(differences, bias.shape[0] // len(differences)))

    def linear_forecast(self, train: SplitData, validation: SplitData) -> LinearForecast:
        """Return the ridge regression at which the linear path begins."""
        return fit_linear_forecast(
            self.spec,
            train,
            validation,
            window_norm=self.window_norm,
            look_back=self.architecture.look_back,
        )

    def _mean_scores(self, train: SplitData) -> np.ndarray:
        """Return the mean of the standardised targets, for each output of the head."""
        mean = train.y.reshape(len(train), self.horizon, -1).mean(axis=0, dtype="float64")
        if self.spec.input_std:
            channels = list(self.channels)
            mean = (mean - np.asarray(self.spec.input_mean)[channels]) / np.asarray(
                self.spec.input_std
            )[channels]
        if self.rows > 1:
            mean = mean.mean(axis=1)
        return np.asarray(mean.ravel())


def needs_forecast_network(
    architecture: Architecture, spec: TaskSpec, settings: TrainingSettings
) -> bool:
    """Return whether a model needs `ForecastNetwork`, and check that the task allows it.

    Networks of earlier versions do not: they take the last value off all channels.

    Raises:
        InputError: a choice for forecasts that the task or the settings do not allow.
    """
    has_channels = spec.kind == "forecast" and bool(predicted_channels(spec))
    is_asked = architecture.is_for_forecasts or bool(settings.quantiles)
    if is_asked and not has_channels:
        raise InputError(
            "channels, window_norm, linear_path and quantiles are for forecasts of series that are "
            f"among their inputs. Received: a task of {spec.kind} {spec.name!r}"
        )
    if not has_channels or not (is_asked or spec.future_channels):
        return False
    if settings.input_norm != "dataset":
        raise InputError(
            "input_norm must be 'dataset' for a network that normalises windows. "
            f"Received: {settings.input_norm!r}"
        )
    return True


def _zero_dense(outputs: int, name: str) -> keras.layers.Dense:
    return keras.layers.Dense(outputs, kernel_initializer="zeros", dtype="float32", name=name)


def _first_differences(quantiles: tuple[float, ...], deviation: float) -> np.ndarray:
    """Return differences whose softplus lies between normal quantiles of this deviation."""
    normal = [NormalDist(sigma=max(deviation, 1e-3)).inv_cdf(share) for share in quantiles]
    return np.asarray(np.log(np.expm1(np.diff(normal))))
