"""The TCN layer: keras-tcn's arguments, weights and outputs in pure `keras.ops`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tcn_search.errors import InputError
from tcn_search.layers.residual_block import ResidualBlock
from tcn_search.planning.architecture import NORMS, Architecture


@keras.saving.register_keras_serializable(package="tcn_search")
class TCN(keras.layers.Layer):
    """A temporal convolutional network (Bai, Kolter, Koltun 2018), a drop-in for keras-tcn's `TCN`.

    Input (B, T, C). Output (B, filters): the last step when causal, step T // 2 with padding "same"; with
    `return_sequences=True` (B, T, filters).

    Args:
        nb_filters: channels of every convolution, or one number for each dilation.
        kernel_size: taps of every dilated convolution.
        nb_stacks: how often the dilations are repeated.
        dilations: one residual block each, such as [1, 2, 4, 8].
        padding: "causal" or "same".
        use_skip_connections: the output is the sum of all blocks' skip outputs.
        dropout_rate: spatial dropout after each activation, 0 ≤ rate < 1.
        return_sequences: every step instead of the one that is read out.
        activation: name or callable.
        kernel_initializer: name or initializer of every kernel.
        use_batch_norm, use_layer_norm, use_weight_norm: at most one of them.
        go_backwards: reverse the input in time; the output stays reversed.
        return_state: must be False.
        norm: "none", "batch", "layer" or "weight", as one argument in place of the three above.

    A mask is obeyed: each row has one run of valid steps, padded before or after it, and its outputs are
    what the row gives alone without padding. The last step is then the row's last valid step, with "same" the
    step at half the row's own length.

    Raises:
        InputError: names the argument, the rule and the value received.
    """

    def __init__(
        self,
        nb_filters: int | Sequence[int] = 64,
        kernel_size: int = 3,
        nb_stacks: int = 1,
        dilations: Sequence[int] = (1, 2, 4, 8, 16, 32),
        padding: str = "causal",
        use_skip_connections: bool = True,
        dropout_rate: float = 0.0,
        return_sequences: bool = False,
        activation: Any = "relu",
        kernel_initializer: Any = "he_normal",
        use_batch_norm: bool = False,
        use_layer_norm: bool = False,
        use_weight_norm: bool = False,
        go_backwards: bool = False,
        return_state: bool = False,
        norm: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.norm = _one_norm(norm, batch=use_batch_norm, layer=use_layer_norm, weight=use_weight_norm)
        if padding not in ("causal", "same"):
            raise InputError(f"padding must be 'causal' or 'same'. Received: {padding!r}")
        if return_state:
            raise InputError("return_state must be False. Received: True")
        if isinstance(dropout_rate, bool) or not 0 <= dropout_rate < 1:
            raise InputError(f"dropout_rate must be at least 0 and below 1. Received: {dropout_rate!r}")
        self.architecture = Architecture(
            nb_filters=nb_filters if isinstance(nb_filters, int) else tuple(nb_filters),
            kernel_size=kernel_size,
            dilations=dilations,  # type: ignore[arg-type]
            nb_stacks=nb_stacks,
            padding=padding,
            use_skip_connections=bool(use_skip_connections),
            norm=self.norm,
        )
        self.dropout_rate = dropout_rate
        self.return_sequences = return_sequences
        self.go_backwards = go_backwards

    @property
    def receptive_field(self) -> int:
        """Input steps that one output step can depend on."""
        return self.architecture.receptive_field

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        if len(input_shape) != 3:
            raise InputError(
                "TCN needs an input of rank 3, (batch, time, channels). "
                f"Received: shape {tuple(input_shape)}. Add the missing axis with reshape or expand_dims."
            )
        self.residual_blocks: list[ResidualBlock] = []
        architecture, shape = self.architecture, tuple(input_shape)
        blocks = architecture.blocks
        for index, (dilation, filters) in enumerate(blocks):
            block = ResidualBlock(
                filters,
                architecture.kernel_size,
                dilation,
                architecture.padding,
                self.activation,
                self.dropout_rate,
                self.kernel_initializer.clone(),
                self.norm,
                residual=not (architecture.use_skip_connections and index == len(blocks) - 1),
                dtype=self.dtype_policy,
                name=f"residual_block_{index}",
            )
            block.build(shape)
            self.residual_blocks.append(block)
            _, shape = block.compute_output_shape(shape)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        x = inputs  # (B, T, C)
        if self.go_backwards:
            x = ops.flip(x, axis=1)
            mask = None if mask is None else ops.flip(mask, axis=1)
        skips = []
        for block in self.residual_blocks:
            x, skip = block(x, training=training, mask=mask)
            skips.append(skip)
        if self.architecture.use_skip_connections:
            x = sum(skips[1:], skips[0])
        return x if self.return_sequences else self._read_out(x, mask)

    def _read_out(self, x: Any, mask: Any) -> Any:
        """The step that `return_sequences=False` returns, (B, filters)."""
        if mask is None:
            return x[:, ops.shape(x)[1] // 2 if self.architecture.padding == "same" else -1]
        steps = ops.shape(mask)[1]
        positions = ops.arange(steps)
        valid = ops.cast(mask, positions.dtype)
        if self.architecture.padding == "same":
            read = ops.argmax(valid, axis=1) + ops.sum(valid, axis=1) // 2
        else:
            read = ops.max(positions * valid, axis=1)
        chosen = ops.cast(positions[None, :] == ops.cast(read, positions.dtype)[:, None], x.dtype)
        return ops.sum(ops.where(chosen[..., None] > 0, x, 0), axis=1)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None or not self.return_sequences:
            return None
        return ops.flip(mask, axis=1) if self.go_backwards else mask

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        filters = self.architecture.level_filters[-1]
        if self.return_sequences:
            return (input_shape[0], input_shape[1], filters)
        return (input_shape[0], filters)

    def set_weights(self, weights: list[Any]) -> None:
        """Take the weights of a TCN with equal arguments, of keras-tcn too.

        A single block with skip connections has no matching convolution here (nothing can read it); the two
        arrays that keras-tcn holds for it are dropped.
        """
        dead = 2 if len(self.residual_blocks) == 1 and not self.residual_blocks[0].residual else 0
        if dead and len(weights) == len(self.weights) + dead:
            weights = weights[:-dead]
        super().set_weights(weights)

    def get_config(self) -> dict[str, Any]:
        described = self.architecture.to_dict()
        names = (
            "nb_filters",
            "kernel_size",
            "nb_stacks",
            "dilations",
            "padding",
            "use_skip_connections",
            "norm",
        )
        return {
            **super().get_config(),
            **{name: described[name] for name in names},
            "dropout_rate": self.dropout_rate,
            "return_sequences": self.return_sequences,
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "go_backwards": self.go_backwards,
        }


def _one_norm(norm: str | None, **asked: bool) -> str:
    """The one norm that is asked for by `norm` or by keras-tcn's three switches."""
    switches = [name for name, on in asked.items() if on]
    if len(switches) > 1:
        given = ", ".join(f"use_{name}_norm=True" for name in switches)
        raise InputError(f"Only one normalization can be used at once. Received: {given}")
    if norm is None:
        return switches[0] if switches else "none"
    if norm not in NORMS:
        raise InputError(f"norm must be one of {', '.join(map(repr, NORMS))}. Received: {norm!r}")
    if switches and switches[0] != norm:
        raise InputError(
            f"Only one normalization can be used at once. Received: norm={norm!r} and use_{switches[0]}_norm=True"
        )
    return norm
