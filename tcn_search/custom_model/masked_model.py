"""A model inside a model, given padded sequences."""

from __future__ import annotations

import inspect
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tcn_search")
class MaskedModel(keras.layers.Layer):
    """A model whose layers see the mask of its inputs; one that takes no mask sees zeros in padded steps.

    Called in the usual way, a functional model does pass a mask on, but Keras warns of every one that reaches it.
    """

    def __init__(self, model: keras.Model, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.model = model
        self._takes_mask = "mask" in inspect.signature(model.call).parameters

    @property
    def layers(self) -> list[Any]:
        return self.model.layers

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
