"""What a forecast adds to a network: the look-back is cut out, the last value taken off and put back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tcn_search")
class LastSteps(keras.layers.Layer):
    """(B, T, C) to (B, steps, C): the end of each window."""

    def __init__(self, steps: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.steps = steps

    def call(self, inputs: Any) -> Any:
        return inputs[:, -self.steps :, :]

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (input_shape[0], self.steps, input_shape[2])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "steps": self.steps}


@keras.saving.register_keras_serializable(package="tcn_search")
class TakeOffLastValue(keras.layers.Layer):
    """(B, T, C) minus its last step, which is what NLinear does (Zeng et al. 2022, section 4).

    A series that has drifted away from where it was in training looks the same again.
    """

    def call(self, inputs: Any) -> Any:
        return inputs - inputs[:, -1:, :]

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape


@keras.saving.register_keras_serializable(package="tcn_search")
class PutBackLastValue(keras.layers.Layer):
    """[scores (B, horizon · K), window (B, T, C)] to scores plus the last value of the K `channels`.

    Scores are horizon after horizon: all K at the next step, then all K at the one after it.
    """

    def __init__(self, channels: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.channels = list(channels)

    def call(self, inputs: Any) -> Any:
        scores, window = inputs
        last = ops.take(window[:, -1, :], ops.convert_to_tensor(self.channels, "int32"), axis=1)
        steps = scores.shape[-1] // len(self.channels)
        return scores + ops.tile(ops.cast(last, scores.dtype), (1, steps))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape[0]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "channels": self.channels}


@keras.saving.register_keras_serializable(package="tcn_search")
class StandardisedError(keras.metrics.Mean):
    """Mean of |(y − ŷ) / std| ** power, with the training part's deviation of each output.

    So a forecast's error is that on standardised values, although it is made in the series' own units.
    """

    def __init__(self, power: int, std: Sequence[float], name: str, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.power = power
        self.std = [float(value) for value in std]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        error = ops.reshape(ops.cast(y_true, y_pred.dtype), ops.shape(y_pred)) - y_pred
        if self.std:
            error = error / ops.convert_to_tensor(self.std, y_pred.dtype)
        return super().update_state(ops.mean(ops.abs(error) ** self.power, axis=-1), sample_weight)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "power": self.power, "std": self.std}
