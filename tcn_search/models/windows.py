"""Layers that crop a sequence to its last steps, or subtract and restore its last value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tcn_search.layers.tensor import Tensor


@keras.saving.register_keras_serializable(package="tcn_search")
class LastSteps(keras.layers.Layer):
    """Crop (B, T, C) to the last `steps` steps, (B, steps, C)."""

    def __init__(self, steps: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.steps = steps

    def call(self, inputs: Tensor) -> Tensor:
        return inputs[:, -self.steps :, :]

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (input_shape[0], self.steps, input_shape[2])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "steps": self.steps}


@keras.saving.register_keras_serializable(package="tcn_search")
class TakeOffLastValue(keras.layers.Layer):
    """Subtract the last step from (B, T, C), as NLinear does (Zeng et al. 2022, section 4).

    A series that has drifted away from its level in training then looks the same again.
    """

    def call(self, inputs: Tensor) -> Tensor:
        return inputs - inputs[:, -1:, :]

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape


@keras.saving.register_keras_serializable(package="tcn_search")
class PutBackLastValue(keras.layers.Layer):
    """Add the last value of K `channels` of a window (B, T, C) to scores (B, horizon · K).

    The input is [scores, window]. The scores are ordered by time: all K at the next step, then all
    K at the step after it.
    """

    def __init__(self, channels: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.channels = list(channels)

    def call(self, inputs: Tensor) -> Tensor:
        scores, window = inputs
        last = ops.take(window[:, -1, :], ops.convert_to_tensor(self.channels, "int32"), axis=1)
        steps = scores.shape[-1] // len(self.channels)
        return scores + ops.tile(ops.cast(last, scores.dtype), (1, steps))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape[0]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "channels": self.channels}
