"""The two ends of a model: raw inputs in, readable predictions out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tcn_search.layers.arguments import channels_spec


@keras.saving.register_keras_serializable(package="tcn_search")
class Standardize(keras.layers.Layer):
    """Inputs (B, T, C) minus `mean`, over `std`, both for each channel and kept in the saved model.

    With `ragged`, steps that are NaN in every channel are padding: they become zeros and are masked.

    Args:
        offset: kept with the model but not subtracted here, where inputs are float32 already: whoever calls the
            model subtracts it from each channel in double precision, as `tcn_search.predict` does.
        table: `TableLayout.to_dict()` of the table that the task was read from, kept for reading new data.
        recordings: the fields of a `RecordingFormat`, likewise.
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
        self.recordings = None if recordings is None else dict(recordings)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        # Otherwise one channel would be broadcast to those of the statistics.
        self.input_spec = channels_spec(input_shape)

    def call(self, inputs: Any) -> Any:
        x = inputs
        if self.mean:
            x = (x - ops.convert_to_tensor(self.mean, x.dtype)) / ops.convert_to_tensor(
                self.std, x.dtype
            )
        return ops.where(ops.isnan(x), ops.zeros_like(x), x) if self.ragged else x

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
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
    """The last layer: turns scores (..., outputs) into what the task asks for.

    "softmax" and "sigmoid" give probabilities, for which `class_names` are kept in the saved model. "linear"
    gives numbers in the targets' own units: scores · std + mean. `offset` is kept with the model, for whoever
    calls it to add in double precision, as `tcn_search.predict` does.
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

    def call(self, inputs: Any) -> Any:
        outputs = self.activation(inputs)
        if not self.mean:
            return outputs
        return outputs * ops.convert_to_tensor(self.std, outputs.dtype) + ops.convert_to_tensor(
            self.mean, outputs.dtype
        )

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        # Loss and metrics know padded steps from their targets; a mask here would weigh the loss a second time.
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
