"""The first and the last layer of a model: standardised inputs, and predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tcn_search.layers.arguments import channels_spec
from tcn_search.layers.tensor import Tensor


@keras.saving.register_keras_serializable(package="tcn_search")
class Standardize(keras.layers.Layer):
    """Standardise inputs (B, T, C): minus `mean`, over `std`, both for each channel.

    Everything that is needed to read new data is kept in the saved model.

    Args:
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
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.mean = list(mean)
        self.std = list(std)
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
        if self.ragged:
            x = ops.where(ops.isnan(x), ops.zeros_like(x), x)
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
        }


@keras.saving.register_keras_serializable(package="tcn_search")
class Predictions(keras.layers.Layer):
    """Turn scores (..., outputs) into the task's predictions, as the last layer of a model.

    "softmax" and "sigmoid" give probabilities, for which `class_names` are kept in the saved model.
    "linear" gives numbers in the targets' own units: scores · std + mean. `offset` is kept with the
    model; its caller adds it in double precision, as `tcn_search.predict` does.
    """

    def __init__(
        self,
        activation: str = "linear",
        class_names: Sequence[str] = (),
        mean: Sequence[float] = (),
        std: Sequence[float] = (),
        offset: Sequence[float] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.offset = list(offset)
        self.supports_masking = True
        self.activation = keras.activations.get(activation)
        self.class_names = list(class_names)
        self.mean = list(mean)
        self.std = list(std)

    def call(self, inputs: Tensor) -> Tensor:
        outputs = self.activation(inputs)
        if not self.mean:
            return outputs
        std = ops.convert_to_tensor(self.std, outputs.dtype)
        return outputs * std + ops.convert_to_tensor(self.mean, outputs.dtype)

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
        }
