"""The residual block of the TCN.

Source: Bai, Kolter, Koltun 2018, figure 1b; keras-tcn's ResidualBlock.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tcn_search.layers.arguments import channels_spec
from tcn_search.layers.convolution import DilatedConvolution
from tcn_search.layers.dropout import Factors, scale_channels
from tcn_search.layers.masks import Validity, mask_validity, steps_of_rows, zero_masked
from tcn_search.layers.normalization import batch_norm_in_training, layer_norm
from tcn_search.layers.slicing import (
    crop,
    merge_phases,
    pad_or_crop,
    split_phases,
    take_every,
)
from tcn_search.layers.tensor import Tensor
from tcn_search.planning.architecture import CONVOLUTIONS_PER_BLOCK
from tcn_search.planning.grids import ConvolutionPlan
from tcn_search.planning.last_step import BlockPlan

# activation(activation(x)) is activation(x), and dropout between the two changes nothing.
_IDEMPOTENT = (keras.activations.relu, keras.activations.linear)
_SAME_STEPS = BlockPlan()
_POINTWISE = ConvolutionPlan(taps=1)


@keras.saving.register_keras_serializable(package="tcn_search")
class ResidualBlock(keras.layers.Layer):
    """Twice [dilated convolution, norm, activation, spatial dropout], and the path around them.

    Input x (B, T, C). The skip output is the activation of the second convolution's result; the
    block output is activation(match(x) + skip output), where match is a convolution of one tap if C
    differs from `filters` and the identity otherwise. Returns (block output, skip output), both
    (B, T, filters).

    With `residual=False` the block output is not used: it is None, and has no weights. The factors
    of the spatial dropout come from outside, (B, 1, filters) for each convolution (`draw_factors`).
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        dilation: int,
        padding: str = "causal",
        activation: Any = "relu",
        kernel_initializer: Any = "he_normal",
        norm: str = "none",
        residual: bool = True,
        batch_norm_momentum: float = 0.99,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.filters = filters
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.norm = norm
        self.residual = residual
        self.batch_norm_momentum = batch_norm_momentum

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.input_spec = channels_spec(input_shape)
        self.convolutions = []
        self.norms = []
        shape = tuple(input_shape)
        # Keras tracks them in the order of keras-tcn's weights: a convolution, its norm, the next.
        for index in range(CONVOLUTIONS_PER_BLOCK):
            convolution = DilatedConvolution(
                filters=self.filters,
                kernel_size=self.kernel_size,
                dilation=self.dilation,
                padding=self.padding,
                kernel_initializer=self.kernel_initializer.clone(),
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
            return keras.layers.BatchNormalization(
                momentum=self.batch_norm_momentum, dtype=self.dtype_policy, name=f"norm_{index}"
            )
        if self.norm == "layer":
            return keras.layers.LayerNormalization(dtype=self.dtype_policy, name=f"norm_{index}")
        return None

    def call(
        self,
        inputs: Tensor,
        training: bool | None = None,
        mask: Tensor | None = None,
        *,
        factors: Factors = None,
    ) -> tuple[Tensor, Tensor]:
        plan = BlockPlan.of_all_steps(self.kernel_size, self.dilation, self.padding)
        if mask is None:
            return self.evaluate(inputs, plan, training, factors)
        x = zero_masked(inputs, ops.expand_dims(mask, -1))
        valid = mask_validity(steps_of_rows(mask), self.compute_dtype)
        return self.evaluate(x, plan, training, factors, valid)

    def evaluate(
        self,
        inputs: Tensor,
        plan: BlockPlan,
        training: bool | None = None,
        factors: Factors = None,
        valid: Validity | None = None,
        from_block: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Return (block output, skip output) at the steps of `plan`, for input steps (B, n, C).

        Args:
            valid: gives (B, n, 1) ones at the valid steps of a grid. A step that is not valid must
                be zero at the input of *every* convolution, as the zeros around a sequence are.
            from_block: whether the inputs are another block's output; other inputs are zero
                already where they are not valid.
        """
        hidden = None
        outputs = None
        if valid is not None:
            hidden = valid(plan.hidden)
            if self.norm == "batch":
                outputs = valid(plan.output_grid)
            if from_block:
                inputs = inputs * valid(plan.inputs)
        x = inputs
        if plan.phases > 1:
            x = split_phases(pad_or_crop(x, plan.before, plan.after), plan.phases)
            if hidden is not None:
                hidden = self._split_validity(hidden, plan, ops.shape(inputs)[0])
        skip = self.convolve_twice(x, plan, training, factors, hidden, outputs)
        if plan.phases > 1:
            assert plan.outputs is not None
            skip = crop(merge_phases(skip, plan.phases), 0, plan.outputs)
        return self._residual_output(inputs, skip, plan, from_block), skip

    def convolve_twice(
        self,
        x: Tensor,
        plan: BlockPlan,
        training: bool | None,
        factors: Factors,
        hidden: Tensor | None,
        outputs: Tensor | None,
    ) -> Tensor:
        """Return the skip output of `x`, both in the phases of the plan, (B · phases, n, C).

        Args:
            hidden: None, or (B · phases, n, 1), ones at the valid steps after the first
                convolution; x is zero at steps that are not valid.
            outputs: the same after the second convolution; only batch norm in training reads it.
        """
        steps = zip(self.convolutions, plan.convolutions, (hidden, outputs), strict=True)
        for index, (convolution, convolution_plan, valid) in enumerate(steps):
            if index and hidden is not None:
                x = x * hidden
            x = convolution.convolve(x, convolution_plan)
            x = self._finish_convolution(x, index, training, factors, valid, plan.phases)
        return self._activate_again(x)

    def stream(
        self,
        inputs: Tensor,
        states: list[Tensor],
        training: bool | None = None,
        factors: Factors = None,
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Return (block output, skip output, new states), where `states` precede `inputs`.

        A state (B, reach, C) holds the last inputs of one convolution, oldest first.
        """
        x = inputs
        new_states = []
        plan = ConvolutionPlan(taps=self.kernel_size, dilation=self.dilation)
        for index, (convolution, state) in enumerate(zip(self.convolutions, states, strict=True)):
            steps = ops.concatenate([ops.cast(state, x.dtype), x], axis=1)  # (B, reach + n, C)
            new_states.append(steps[:, ops.shape(x)[1] :])
            x = convolution.convolve(steps, plan)
            x = self._finish_convolution(x, index, training, factors, valid=None, phases=1)
        skip = self._activate_again(x)
        block_output = self._residual_output(inputs, skip, _SAME_STEPS, from_block=False)
        return block_output, skip, new_states

    def _split_validity(self, hidden: Tensor, plan: BlockPlan, batch: Tensor) -> Tensor:
        """Return (B, n, 1), or (1, n, 1) where all rows are alike, as (B · phases, rows, 1)."""
        fill = plan.convolutions[0].outputs * plan.phases - plan.hidden.count  # type: ignore
        split = split_phases(pad_or_crop(hidden, 0, fill), plan.phases)
        if hidden.shape[0] == 1:
            split = ops.tile(split, (batch, 1, 1))
        return split

    def _finish_convolution(
        self,
        x: Tensor,
        index: int,
        training: bool | None,
        factors: Factors,
        valid: Tensor | None,
        phases: int,
    ) -> Tensor:
        """Apply norm, activation and dropout number `index` to convolved x (B · phases, n, C)."""
        if self.norm == "batch":
            x = self._batch_norm(x, self.norms[index], training, valid)
        elif self.norm == "layer":
            x = layer_norm(x, self.norms[index])
        x = self.activation(x)
        if factors is None:
            return x
        return scale_channels(x, factors[index], phases)

    def _batch_norm(
        self,
        x: Tensor,
        norm: keras.layers.BatchNormalization,
        training: bool | None,
        valid: Tensor | None,
    ) -> Tensor:
        """Apply batch norm; in training its statistics are over the valid steps only."""
        if not training:
            return norm(x, training=training, mask=None)
        if valid is None:
            return batch_norm_in_training(x, norm)
        # Keras counts the steps of the mask, so rows that are all alike must be there, too.
        mask = ops.broadcast_to(ops.cast(valid[..., 0], "bool"), ops.shape(x)[:2])
        return norm(x, training=training, mask=mask)

    def _activate_again(self, x: Tensor) -> Tensor:
        """Apply the activation a second time, which gives the skip output."""
        if self.activation in _IDEMPOTENT:
            return x
        return self.activation(x)

    def _residual_output(
        self, inputs: Tensor, skip: Tensor, plan: BlockPlan, from_block: bool
    ) -> Tensor | None:
        """Return activation(match(inputs) + skip output), or None if it is not used."""
        if not self.residual:
            return None
        if plan.outputs is not None:
            inputs = take_every(inputs, plan.residual_start, plan.residual_stride, plan.outputs)
        elif plan.residual_start:
            inputs = inputs[:, plan.residual_start :]
        return self.add_skip(self.matched(inputs), skip, from_block)

    def matched(self, inputs: Tensor) -> Tensor:
        """Return the inputs with as many channels as the skip output has."""
        if self.match is None:
            return inputs
        return self.match.convolve(inputs, _POINTWISE)

    def add_skip(self, matched: Tensor, skip: Tensor, from_block: bool) -> Tensor:
        """Return activation(matched inputs + skip output), both at the same steps."""
        # The relu of a sum of two results of relu is the sum itself. The gradient is the same, too:
        # where the sum is zero, both summands are, and their own relu has the gradient 0.
        is_relu = self.activation is keras.activations.relu
        if from_block and self.match is None and is_relu:
            return matched + skip
        return self.activation(matched + skip)

    def compute_output_shape(
        self, input_shape: tuple[int | None, ...]
    ) -> tuple[tuple[int | None, ...] | None, tuple[int | None, ...]]:
        batch, steps, _ = input_shape
        if self.padding == "valid" and steps is not None:
            steps -= CONVOLUTIONS_PER_BLOCK * (self.kernel_size - 1) * self.dilation
        shape = (batch, steps, self.filters)
        if not self.residual:
            return None, shape
        return shape, shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "dilation": self.dilation,
            "padding": self.padding,
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "norm": self.norm,
            "residual": self.residual,
            "batch_norm_momentum": self.batch_norm_momentum,
        }
