"""Layers around the network of a forecast: windows of series, patches, and the linear path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tcn_search.layers.tensor import Tensor
from tcn_search.tasks.linear_forecast import CONSTANT


@keras.saving.register_keras_serializable(package="tcn_search")
class WindowStatistics(keras.layers.Layer):
    """Return centre and scale of windows (B, T, C), (B, 2, K), for K of their channels.

    `tasks.linear_forecast.normalise_windows` says what they are. The scale of a constant window is
    0.

    Args:
        window_norm: "none", "last", "mean" or "standard".
        channels: the K channels.
    """

    def __init__(self, window_norm: str, channels: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.window_norm = window_norm
        self.channels = list(channels)

    def call(self, inputs: Tensor) -> Tensor:
        windows = take_channels(inputs, self.channels)
        centre = ops.zeros_like(windows[:, -1:])
        scale = ops.ones_like(centre)
        if self.window_norm == "last":
            centre = windows[:, -1:]
        elif self.window_norm in ("mean", "standard"):
            centre = ops.mean(windows, axis=1, keepdims=True)
        if self.window_norm == "standard":
            scale = ops.sqrt(ops.mean(ops.square(windows - centre), axis=1, keepdims=True))
            largest = ops.max(ops.abs(windows), axis=1, keepdims=True)
            scale = ops.where(scale > CONSTANT * largest, scale, ops.zeros_like(scale))
        return ops.concatenate([centre, scale], axis=1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (input_shape[0], 2, len(self.channels))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "window_norm": self.window_norm,
            "channels": self.channels,
        }


@keras.saving.register_keras_serializable(package="tcn_search")
class NormaliseWindow(keras.layers.Layer):
    """Subtract the centre from K channels of windows (B, T, C), and divide by the scale.

    The inputs are [windows, statistics], the latter of `WindowStatistics`. The K channels come
    first in the output, (B, T, C), and all others follow as they are, in their order.
    """

    def __init__(self, channels: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.channels = list(channels)

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        windows, statistics = inputs
        scale = statistics[:, 1:]
        scale = ops.where(scale > 0, scale, ops.ones_like(scale))
        series = (take_channels(windows, self.channels) - statistics[:, :1]) / scale
        others = [number for number in range(windows.shape[-1]) if number not in self.channels]
        if not others:
            return series
        return ops.concatenate([series, take_channels(windows, others)], axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape[0]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "channels": self.channels}


@keras.saving.register_keras_serializable(package="tcn_search")
class RestoreWindow(keras.layers.Layer):
    """Multiply scores (B, horizon · K, Q) by the scale of their window and add its centre.

    The inputs are [scores, statistics], the latter of `WindowStatistics`. The scores are ordered by
    time: all K series at the next step, then all K at the step after it.
    """

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        scores, statistics = inputs
        steps = scores.shape[1] // statistics.shape[2]
        statistics = ops.cast(statistics, scores.dtype)
        centre = ops.expand_dims(ops.tile(statistics[:, 0], (1, steps)), -1)
        scale = ops.expand_dims(ops.tile(statistics[:, 1], (1, steps)), -1)
        return scores * scale + centre

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape[0]


@keras.saving.register_keras_serializable(package="tcn_search")
class SplitSeries(keras.layers.Layer):
    """Give each of the first `series` channels of (B, T, C) a row of its own.

    The output is (B · series, T, 1 + C − series): one series, and all other channels beside it.
    """

    def __init__(self, series: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.series = series

    def call(self, inputs: Tensor) -> Tensor:
        _, steps, channels = inputs.shape
        rows = ops.transpose(inputs[:, :, : self.series], (0, 2, 1))
        rows = ops.reshape(rows, (-1, steps, 1))
        if channels == self.series:
            return rows
        others = ops.repeat(inputs[:, :, self.series :], self.series, axis=0)
        return ops.concatenate([rows, others], axis=-1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        batch, steps, channels = input_shape
        if batch is not None:
            batch *= self.series
        return (batch, steps, 1 + (channels or 0) - self.series)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "series": self.series}


@keras.saving.register_keras_serializable(package="tcn_search")
class JoinSeries(keras.layers.Layer):
    """Turn the forecasts of single series (B · series, horizon · Q) into (B, horizon · series, Q).

    They are ordered by time. With one series the rows are those of whole windows, whose outputs are
    ordered by time already.
    """

    def __init__(self, series: int, quantiles: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.series = series
        self.quantiles = quantiles

    def call(self, inputs: Tensor) -> Tensor:
        steps = inputs.shape[-1] // self.quantiles
        rows = ops.reshape(inputs, (-1, self.series, steps, self.quantiles))
        return ops.reshape(
            ops.transpose(rows, (0, 2, 1, 3)), (-1, steps * self.series, self.quantiles)
        )

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        batch, outputs = input_shape
        if batch is not None:
            batch //= self.series
        steps = (outputs or 0) // self.quantiles
        return (batch, steps * self.series, self.quantiles)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "series": self.series, "quantiles": self.quantiles}


@keras.saving.register_keras_serializable(package="tcn_search")
class FutureValues(keras.layers.Layer):
    """Return the last `horizon` steps of some channels of (B, T, C), (B · series, horizon · F).

    These are the values of covariates over the horizon, repeated for each series.
    """

    def __init__(
        self, horizon: int, channels: Sequence[int], series: int = 1, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.horizon = horizon
        self.channels = list(channels)
        self.series = series

    def call(self, inputs: Tensor) -> Tensor:
        values = take_channels(inputs[:, -self.horizon :], self.channels)
        values = ops.reshape(values, (-1, self.horizon * len(self.channels)))
        if self.series == 1:
            return values
        return ops.repeat(values, self.series, axis=0)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        batch = input_shape[0]
        if batch is not None:
            batch *= self.series
        return (batch, self.horizon * len(self.channels))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "horizon": self.horizon,
            "channels": self.channels,
            "series": self.series,
        }


@keras.saving.register_keras_serializable(package="tcn_search")
class Patches(keras.layers.Layer):
    """Map patches of a sequence (B, T, C) to the steps of a TCN, (B, patches, filters).

    The patches are counted back from the last step; the oldest may begin before the sequence, where
    zeros stand in. They are put together from slices, not by a strided convolution, whose gradient
    is slow on XLA.

    Args:
        filters: of the linear map from a patch.
        patch: length of a patch.
        stride: steps from one patch to the next; a divisor of `patch`.
    """

    def __init__(self, filters: int, patch: int, stride: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.patch = patch
        self.stride = stride

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        channels = input_shape[-1] or 0
        self.kernel = self.add_weight(
            (self.patch * channels, self.filters), initializer="glorot_uniform", name="kernel"
        )
        self.bias = self.add_weight((self.filters,), initializer="zeros", name="bias")

    def call(self, inputs: Tensor) -> Tensor:
        _, steps, channels = inputs.shape
        count = self._count(steps)
        missing = self.patch + (count - 1) * self.stride - steps
        padded = ops.pad(inputs, ((0, 0), (missing, 0), (0, 0)))
        # Each patch is `parts` pieces of `stride` steps.
        parts = self.patch // self.stride
        pieces = ops.reshape(padded, (-1, count - 1 + parts, self.stride * channels))
        patches = ops.concatenate(
            [pieces[:, first : first + count] for first in range(parts)], axis=-1
        )
        return ops.matmul(patches, self.kernel) + self.bias

    def _count(self, steps: int) -> int:
        return -(-max(steps - self.patch, 0) // self.stride) + 1

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (input_shape[0], self._count(input_shape[1] or 0), self.filters)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "patch": self.patch,
            "stride": self.stride,
        }


@keras.saving.register_keras_serializable(package="tcn_search")
class LinearPath(keras.layers.Layer):
    """Map the window of each series to its next steps, by one linear map for all series.

    The inputs are normalised windows (B, L, C), whose first `series` channels are forecast, and
    perhaps the values of covariates over the horizon, (B, horizon · F). The output is
    (B, horizon · series, 1), ordered by time. It begins with zeros; `tasks.linear_forecast` has the
    solution.
    """

    def __init__(self, horizon: int, series: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.horizon = horizon
        self.series = series

    def build(self, input_shape: Any) -> None:
        features = input_shape[0][1]
        if len(input_shape) > 1:
            features += input_shape[1][1]
        self.kernel = self.add_weight((features, self.horizon), initializer="zeros", name="kernel")
        self.bias = self.add_weight((self.horizon,), initializer="zeros", name="bias")

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        windows = ops.transpose(inputs[0][:, :, : self.series], (0, 2, 1))  # (B, K, L)
        steps = windows.shape[-1]
        outputs = ops.matmul(windows, self.kernel[:steps]) + self.bias  # (B, K, horizon)
        if len(inputs) > 1:
            outputs = outputs + ops.expand_dims(ops.matmul(inputs[1], self.kernel[steps:]), 1)
        return ops.reshape(ops.transpose(outputs, (0, 2, 1)), (-1, self.horizon * self.series, 1))

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return (input_shape[0][0], self.horizon * self.series, 1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "horizon": self.horizon, "series": self.series}


@keras.saving.register_keras_serializable(package="tcn_search")
class Quantiles(keras.layers.Layer):
    """Put quantiles around a median so that they never cross.

    The inputs are medians (B, n, 1) and differences (B, n, Q − 1). Above the median, softplus of a
    difference is added to the quantile below; under it, subtracted from the quantile above. The
    output is (B, n, Q), ascending.
    """

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        median, differences = inputs
        below = differences.shape[-1] // 2
        steps = ops.softplus(differences)
        lower = ops.flip(ops.cumsum(ops.flip(steps[..., :below], axis=-1), axis=-1), axis=-1)
        upper = ops.cumsum(steps[..., below:], axis=-1)
        return ops.concatenate([median - lower, median, median + upper], axis=-1)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        batch, outputs, differences = input_shape[1]
        return (batch, outputs, differences + 1)


def take_channels(x: Tensor, channels: Sequence[int]) -> Tensor:
    """Return some channels of (B, T, C), in the given order."""
    first = channels[0]
    if list(channels) == list(range(first, first + len(channels))):
        return x[..., first : first + len(channels)]
    return ops.take(x, ops.convert_to_tensor(list(channels), "int32"), axis=-1)
