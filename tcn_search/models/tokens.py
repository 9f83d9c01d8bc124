"""An embedding of tokens that is the head of the model, too (Press and Wolf 2016)."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tcn_search.errors import InputError
from tcn_search.layers.tensor import Tensor

_INITIAL_RANGE = 0.1


@keras.saving.register_keras_serializable(package="tcn_search")
class TiedEmbedding(keras.layers.Layer):
    """A vector of `width` numbers for each token, and a head that scores by these vectors.

    `layer(tokens)` turns token numbers (B, T, 1) into (B, T, width). `layer(features,
    reverse=True)` turns (B, T, width) into scores (B, T, vocabulary): the product with each token's
    vector plus the token's bias.
    """

    def __init__(self, vocabulary: int, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.vocabulary = vocabulary
        self.width = width

    def build(self, input_shape: Any = None) -> None:
        self.vectors = self.add_weight(
            (self.vocabulary, self.width),
            initializer=keras.initializers.RandomUniform(-_INITIAL_RANGE, _INITIAL_RANGE),
            name="vectors",
        )
        self.bias = self.add_weight((self.vocabulary,), initializer="zeros", name="bias")

    def call(self, inputs: Tensor, reverse: bool = False) -> Tensor:
        self._check_channels(inputs.shape, reverse)
        if reverse:
            return ops.matmul(inputs, ops.transpose(self.vectors)) + self.bias
        return ops.take(self.vectors, ops.cast(inputs[..., 0], "int32"), axis=0)

    def compute_output_spec(self, inputs: Tensor, reverse: bool = False) -> keras.KerasTensor:
        self._check_channels(inputs.shape, reverse)
        width = self.width
        if reverse:
            width = self.vocabulary
        return keras.KerasTensor((*inputs.shape[:-1], width), dtype=self.compute_dtype)

    def _check_channels(self, shape: tuple[int | None, ...], reverse: bool) -> None:
        kind = "tokens"
        channels = 1
        if reverse:
            kind = "features"
            channels = self.width
        if shape[-1] != channels:
            raise InputError(
                f"TiedEmbedding needs {kind} of shape (batch, time, {channels}). "
                f"Received: shape {tuple(shape)}"
            )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "vocabulary": self.vocabulary, "width": self.width}
