"""A layer that calls a custom model with padded sequences."""

from __future__ import annotations

import inspect
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tcn_search")
class MaskedModel(keras.layers.Layer):
    """Call a model so that its layers see the mask of the inputs.

    Layers that take no mask see zeros in padded steps. A functional model that is called in the
    usual way passes the mask on as well, but Keras warns of every mask that reaches it.

    Args:
        model: from (B, T, C) to scores (B, outputs) or (B, T, outputs).
        **kwargs: arguments of `keras.layers.Layer`.
    """

    def __init__(self, model: keras.Model, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.model = model
        self._takes_mask = "mask" in inspect.signature(model.call).parameters

    @property
    def layers(self) -> list[keras.layers.Layer]:
        """The layers of the model."""
        return list(self.model.layers)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if self._takes_mask and self.model.built:
            return self.model.call(inputs, training=training, mask=mask)
        return self.model(ops.copy(inputs), training=training)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        return None

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "model": keras.saving.serialize_keras_object(self.model)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> MaskedModel:
        return cls(keras.saving.deserialize_keras_object(config.pop("model")), **config)
