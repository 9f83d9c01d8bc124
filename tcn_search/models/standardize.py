"""The first and the last layer of a model: standardised inputs, and predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tcn_search.layers.arguments import channels_spec
from tcn_search.layers.tensor import Tensor

# Deviation of a constant channel from its own mean, relative to its values: float32 rounds at 6e-8.
_ROUNDING = 1e-6


@keras.saving.register_keras_serializable(package="tcn_search")
class Standardize(keras.layers.Layer):
    """Standardise inputs (B, T, C): minus `mean`, over `std`, both for each channel.

    Everything that is needed to read new data is kept in the saved model.

    Args:
        by_series: whether each channel of each sequence is then standardised by its own mean and
            deviation over its valid steps. A channel that is constant in a sequence becomes zeros.
        ragged: whether steps that are NaN in every channel are padding: they become zeros and are
            masked.
        offset: kept with the model but not subtracted here, where inputs are float32 already: the
            caller of the model subtracts it from each channel in double precision, as
            `tcn_search.predict` does.
        table: `TableLayout.to_dict()` of the table that the task was read from.
        recordings: the fields of the `RecordingFormat` that recordings were read with.
    """

    def __init__(
        self,
        mean: Sequence[float] = (),
        std: Sequence[float] = (),
        ragged: bool = False,
        offset: Sequence[float] = (),
        table: dict[str, Any] | None = None,
        recordings: Mapping[str, Any] | None = None,
        by_series: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.mean = list(mean)
        self.std = list(std)
        self.by_series = by_series
        self.ragged = ragged
        self.offset = list(offset)
        self.table = table
        self.recordings = recordings
        if recordings is not None:
            self.recordings = dict(recordings)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        # Without it a single channel would be broadcast to the channels of the statistics.
        self.input_spec = channels_spec(input_shape)

    def call(self, inputs: Tensor) -> Tensor:
        x = inputs  # (B, T, C)
        if self.mean:
            mean = ops.convert_to_tensor(self.mean, x.dtype)
            x = (x - mean) / ops.convert_to_tensor(self.std, x.dtype)
        valid = None
        if self.ragged:
            missing = ops.isnan(x)
            valid = ops.logical_not(missing)
            # By `isnan` itself: tf2onnx writes any other `where` as products, in which NaN stays.
            x = ops.where(missing, ops.zeros_like(x), x)
        if self.by_series:
            x = standardise_series(x, valid)
        return x

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> Tensor | None:
        if not self.ragged:
            return previous_mask
        return ops.logical_not(ops.all(ops.isnan(inputs), axis=-1))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "mean": self.mean,
            "std": self.std,
            "ragged": self.ragged,
            "offset": self.offset,
            "table": self.table,
            "recordings": self.recordings,
            "by_series": self.by_series,
        }


def standardise_series(x: Tensor, valid: Tensor | None = None) -> Tensor:
    """Standardise each channel of each sequence (B, T, C) by its own mean and deviation.

    Args:
        x: zero where it is not valid.
        valid: (B, T, C) booleans: the values that count. None: all of them.

    Returns:
        (B, T, C); zeros where a channel is constant, and where it is not valid.
    """
    counted = ops.ones_like(x)
    if valid is not None:
        counted = ops.cast(valid, x.dtype)
    count = ops.maximum(ops.sum(counted, axis=1, keepdims=True), 1)
    centred = (x - ops.sum(x, axis=1, keepdims=True) / count) * counted
    largest = ops.max(ops.abs(centred), axis=1, keepdims=True)
    is_constant = largest <= _ROUNDING * ops.max(ops.abs(x), axis=1, keepdims=True)
    # Between −1 and 1, so that no square overflows or vanishes.
    scaled = centred / ops.where(is_constant, ops.ones_like(largest), largest)
    deviation = ops.sqrt(ops.sum(ops.square(scaled), axis=1, keepdims=True) / count)
    scaled = scaled / ops.where(is_constant, ops.ones_like(deviation), deviation)
    return ops.where(is_constant, ops.zeros_like(x), scaled)


@keras.saving.register_keras_serializable(package="tcn_search")
class Predictions(keras.layers.Layer):
    """Turn scores (..., outputs) into the task's predictions, as the last layer of a model.

    "softmax" and "sigmoid" give probabilities, for which `class_names` are kept in the saved model.
    "linear" gives numbers in the targets' own units: scores · std + mean. `offset` is kept with the
    model; its caller adds it in double precision, as `tcn_search.predict` does. With Q `quantiles`
    there are Q numbers for each output, one after the other. `errors` holds the quantiles of the
    model's errors on its validation split, as `evaluation.intervals` has them.
    """

    def __init__(
        self,
        activation: str = "linear",
        class_names: Sequence[str] = (),
        mean: Sequence[float] = (),
        std: Sequence[float] = (),
        offset: Sequence[float] = (),
        errors: dict[str, Any] | None = None,
        quantiles: Sequence[float] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.offset = list(offset)
        self.errors = errors
        self.quantiles = list(quantiles)
        self.supports_masking = True
        self.activation = keras.activations.get(activation)
        self.class_names = list(class_names)
        self.mean = list(mean)
        self.std = list(std)

    def call(self, inputs: Tensor) -> Tensor:
        outputs = self.activation(inputs)
        if not self.mean:
            return outputs
        each = max(1, len(self.quantiles))
        std = ops.convert_to_tensor(np.repeat(self.std, each), outputs.dtype)
        return outputs * std + ops.convert_to_tensor(np.repeat(self.mean, each), outputs.dtype)

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> None:
        # Loss and metrics recognise padded steps by their targets; a mask would weight the loss
        # twice.
        return None

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
            "class_names": self.class_names,
            "mean": self.mean,
            "std": self.std,
            "offset": self.offset,
            "errors": self.errors,
            "quantiles": self.quantiles,
        }
