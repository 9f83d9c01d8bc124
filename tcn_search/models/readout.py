"""Pooling over time that leaves padded steps out."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tcn_search.layers.tensor import Tensor


@keras.saving.register_keras_serializable(package="tcn_search")
class PoolOverTime(keras.layers.Layer):
    """Pool (B, T, C) to (B, C): the "max" or the "average" over the valid steps of the mask."""

    def __init__(self, kind: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.kind = kind

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        if mask is None:
            if self.kind == "max":
                return ops.max(inputs, axis=1)
            return ops.mean(inputs, axis=1)
        valid = ops.expand_dims(mask, -1)
        if self.kind == "max":
            lowest = -1e30
            if inputs.dtype == "float16":
                lowest = -65504.0  # float16 holds no lower number
            return ops.max(ops.where(valid, inputs, lowest), axis=1)
        steps = ops.maximum(ops.sum(ops.cast(valid, inputs.dtype), axis=1), 1)
        return ops.sum(ops.where(valid, inputs, 0.0), axis=1) / steps

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> None:
        return None

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (input_shape[0], input_shape[2])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "kind": self.kind}
