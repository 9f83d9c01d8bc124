"""The residual block of the TCN (Bai, Kolter, Koltun 2018, figure 1b; keras-tcn's ResidualBlock)."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tcn_search.layers.convolution import DilatedConvolution
from tcn_search.planning.architecture import CONVOLUTIONS_PER_BLOCK


@keras.saving.register_keras_serializable(package="tcn_search")
class ResidualBlock(keras.layers.Layer):
    """Twice [dilated convolution, norm, activation, spatial dropout], and the way around them.

    Input x (B, T, C). The skip output is the activation of the two convolutions' result; the block output is
    activation(match(x) + skip output), where match is a 1×1 convolution if C differs from `filters` and the
    identity otherwise. Returns (block output, skip output), both (B, T, filters).

    With `residual=False` nothing reads the block output: it is not computed, has no weights, and is None.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        dilation: int,
        padding: str = "causal",
        activation: Any = "relu",
        dropout_rate: float = 0.0,
        kernel_initializer: Any = "he_normal",
        norm: str = "none",
        residual: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.filters = filters
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.activation = keras.activations.get(activation)
        self.dropout_rate = dropout_rate
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.norm = norm
        self.residual = residual

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.convolutions, self.norms, self.dropouts = [], [], []
        shape = tuple(input_shape)
        # Tracked in the order of keras-tcn's weights: convolution, its norm, the next convolution, ...
        for index in range(CONVOLUTIONS_PER_BLOCK):
            convolution = DilatedConvolution(
                self.filters,
                self.kernel_size,
                self.dilation,
                self.padding,
                self.kernel_initializer.clone(),
                use_weight_norm=self.norm == "weight",
                dtype=self.dtype_policy,
                name=f"convolution_{index}",
            )
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
            setattr(self, convolution.name, convolution)
            self.convolutions.append(convolution)
            norm = self._make_norm(index)
            if norm is not None:
                norm.build(shape)
                setattr(self, norm.name, norm)
                self.norms.append(norm)
            dropout = keras.layers.SpatialDropout1D(
                self.dropout_rate, dtype=self.dtype_policy, name=f"dropout_{index}"
            )
            setattr(self, dropout.name, dropout)
            self.dropouts.append(dropout)
        self.match = None
        if self.residual and input_shape[-1] != self.filters:
            self.match = DilatedConvolution(
                self.filters,
                kernel_size=1,
                kernel_initializer=self.kernel_initializer.clone(),
                dtype=self.dtype_policy,
                name="match",
            )
            self.match.build(tuple(input_shape))

    def _make_norm(self, index: int) -> keras.layers.Layer | None:
        if self.norm == "batch":
            return keras.layers.BatchNormalization(dtype=self.dtype_policy, name=f"norm_{index}")
        if self.norm == "layer":
            return keras.layers.LayerNormalization(dtype=self.dtype_policy, name=f"norm_{index}")
        return None

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> tuple[Any, Any]:
        # A padded step must be zero at the input of every convolution, as the zeros around a sequence are.
        valid = None if mask is None else ops.expand_dims(ops.cast(mask, self.compute_dtype), -1)
        x = inputs
        for index, convolution in enumerate(self.convolutions):
            x = convolution(x if valid is None else x * valid)
            if self.norm == "batch":
                x = self.norms[index](x, training=training, mask=mask)
            elif self.norm == "layer":
                x = self.norms[index](x)
            x = self.dropouts[index](self.activation(x), training=training)
        skip = self.activation(x)
        if not self.residual:
            return skip, skip
        matched = inputs if self.match is None else self.match(inputs)
        lost = matched.shape[1] - skip.shape[1] if self.padding == "valid" else 0
        return self.activation(matched[:, lost:] + skip), skip

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> Any:
        batch, steps, _ = input_shape
        if self.padding == "valid" and steps is not None:
            steps -= CONVOLUTIONS_PER_BLOCK * (self.kernel_size - 1) * self.dilation
        shape = (batch, steps, self.filters)
        return (shape if self.residual else None), shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "dilation": self.dilation,
            "padding": self.padding,
            "activation": keras.activations.serialize(self.activation),
            "dropout_rate": self.dropout_rate,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "norm": self.norm,
            "residual": self.residual,
        }
