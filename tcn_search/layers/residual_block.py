"""The residual block of the TCN (Bai, Kolter, Koltun 2018, figure 1b; keras-tcn's ResidualBlock)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tcn_search.layers.arguments import channels_spec
from tcn_search.layers.convolution import DilatedConvolution
from tcn_search.layers.dropout import scale_channels
from tcn_search.layers.masks import Validity, mask_validity, steps_of_rows, zero_masked
from tcn_search.layers.normalization import batch_norm_in_training, layer_norm
from tcn_search.layers.steps import cut, every, merge_phases, resize, split_phases
from tcn_search.planning.architecture import CONVOLUTIONS_PER_BLOCK
from tcn_search.planning.grids import ConvolutionPlan
from tcn_search.planning.last_step import BlockPlan
from tcn_search.planning.receptive_field import left_padding

Factors = Sequence[Any] | None  # of dropout, (B, 1, filters) after each convolution

# activation(activation(x)) is activation(x), and dropout between the two changes nothing.
_IDEMPOTENT = (keras.activations.relu, keras.activations.linear)
_SAME_STEPS = BlockPlan(None, None, (), 1, 0, 0, 0, 1, 0, 1, None)
_POINTWISE = ConvolutionPlan(0, 0, 0, 1, 0, 1, 1, None)


@keras.saving.register_keras_serializable(package="tcn_search")
class ResidualBlock(keras.layers.Layer):
    """Twice [dilated convolution, norm, activation, spatial dropout], and the way around them.

    Input x (B, T, C). The skip output is the activation of the two convolutions' result; the block output is
    activation(match(x) + skip output), where match is a convolution of one tap if C differs from `filters`
    and the identity otherwise. Returns (block output, skip output), both (B, T, filters).

    With `residual=False` nothing reads the block output: it is not computed, has no weights, and is None.
    Spatial dropout comes from outside, as one tensor of factors after each convolution (`draw_factors`).
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
        inputs: Any,
        training: bool | None = None,
        mask: Any = None,
        *,
        factors: Factors = None,
    ) -> tuple[Any, Any]:
        reach = (self.kernel_size - 1) * self.dilation
        left = left_padding(reach, self.padding)
        before, after = (0, 0) if self.padding == "valid" else (left, reach - left)
        convolution = ConvolutionPlan(before, after, 0, self.kernel_size, 0, self.dilation, 1, None)
        lost = CONVOLUTIONS_PER_BLOCK * (reach - before - after)
        plan = BlockPlan(
            None, None, (convolution,) * CONVOLUTIONS_PER_BLOCK, 1, 0, 0, lost, 1, 0, 1, None
        )
        if mask is None:
            return self.evaluate(inputs, plan, training, factors)
        x = zero_masked(inputs, ops.expand_dims(mask, -1))
        valid = mask_validity(steps_of_rows(mask), self.compute_dtype)
        return self.evaluate(x, plan, training, factors, valid)

    def evaluate(
        self,
        inputs: Any,
        plan: BlockPlan,
        training: bool | None = None,
        factors: Factors = None,
        valid: Validity | None = None,
        from_block: bool = False,
    ) -> tuple[Any, Any]:
        """(block output, skip output) at the steps of `plan`, of the input steps `inputs` (B, n, C).

        `valid` gives (B, n, 1) ones at the valid steps of a grid: a step that is not valid must be zero at
        the input of *every* convolution, as the zeros around a sequence are. `from_block` says that the
        inputs are another block's output; those from outside are zero already where they are not valid.
        """
        hidden = None if valid is None else valid(plan.hidden)
        if valid is not None and from_block:
            inputs = inputs * valid(plan.inputs)
        x = inputs
        if plan.phases > 1:
            x = split_phases(resize(x, plan.before, plan.after), plan.phases)
            if hidden is not None:
                hidden = self._split_validity(hidden, plan, ops.shape(inputs)[0])
        skip = self.convolve_twice(x, plan, training, factors, hidden)
        if plan.phases > 1:
            skip = cut(merge_phases(skip, plan.phases), 0, plan.outputs)  # type: ignore[arg-type]
        return self._add_up(inputs, skip, plan, from_block), skip

    def convolve_twice(
        self, x: Any, plan: BlockPlan, training: bool | None, factors: Factors, valid: Any
    ) -> Any:
        """The skip output of `x`, both in the phases of the plan, (B · phases, n, C).

        `valid` is None or (B · phases, n, 1), ones at the valid steps after the first convolution; at the
        others, x is zero.
        """
        for index, (convolution, step) in enumerate(
            zip(self.convolutions, plan.convolutions, strict=True)
        ):
            if index and valid is not None:
                x = x * valid
            x = self._after(
                convolution.convolve(x, step), index, training, factors, valid, plan.phases
            )
        return x if self.activation in _IDEMPOTENT else self.activation(x)

    def stream(
        self, inputs: Any, states: list[Any], training: bool | None = None, factors: Factors = None
    ) -> tuple[Any, Any, list[Any]]:
        """(block output, skip output, states after), where `states` are the steps before `inputs`.

        One state (B, reach, C) for each convolution: its last inputs, oldest first.
        """
        x = inputs
        after = []
        plan = ConvolutionPlan(0, 0, 0, self.kernel_size, 0, self.dilation, 1, None)
        for index, (convolution, state) in enumerate(zip(self.convolutions, states, strict=True)):
            steps = ops.concatenate([ops.cast(state, x.dtype), x], axis=1)  # (B, reach + n, C)
            after.append(steps[:, ops.shape(x)[1] :])
            x = self._after(
                convolution.convolve(steps, plan), index, training, factors, None, phases=1
            )
        skip = x if self.activation in _IDEMPOTENT else self.activation(x)
        return self._add_up(inputs, skip, _SAME_STEPS, from_block=False), skip, after

    def _split_validity(self, hidden: Any, plan: BlockPlan, batch: Any) -> Any:
        """(B, n, 1), or (1, n, 1) where all rows are alike, as (B · phases, rows, 1)."""
        fill = plan.convolutions[0].outputs * plan.phases - plan.hidden.count  # type: ignore
        split = split_phases(resize(hidden, 0, fill), plan.phases)
        return ops.tile(split, (batch, 1, 1)) if hidden.shape[0] == 1 else split

    def _after(
        self, x: Any, index: int, training: bool | None, factors: Factors, valid: Any, phases: int
    ) -> Any:
        """Norm, activation and dropout after the convolution of that index; x (B · phases, n, C)."""
        if self.norm == "batch" and training and valid is None:
            x = batch_norm_in_training(x, self.norms[index])
        elif self.norm == "batch":
            # Only in training does it matter which steps are valid; the full evaluation is used there.
            mask = ops.cast(valid[..., 0], "bool") if training and valid is not None else None
            x = self.norms[index](x, training=training, mask=mask)
        elif self.norm == "layer":
            x = layer_norm(x, self.norms[index])
        x = self.activation(x)
        return x if factors is None else scale_channels(x, factors[index], phases)

    def _add_up(self, inputs: Any, skip: Any, plan: BlockPlan, from_block: bool) -> Any:
        """activation(match(inputs) + skip output), or None where nothing reads it."""
        if not self.residual:
            return None
        if plan.outputs is None:
            beside = inputs[:, plan.residual_start :] if plan.residual_start else inputs
        else:
            beside = every(inputs, plan.residual_start, plan.residual_stride, plan.outputs)
        return self.add_up(self.matched(beside), skip, from_block)

    def matched(self, inputs: Any) -> Any:
        """The inputs with as many channels as the skip output has."""
        return inputs if self.match is None else self.match.convolve(inputs, _POINTWISE)

    def add_up(self, beside: Any, skip: Any, from_block: bool) -> Any:
        """activation(`matched` inputs + skip output), of the inputs at the same steps."""
        # relu changes no sum of its own results, nor their gradient: where the sum is zero, both of them are,
        # and the relu that each came out of lets nothing through.
        done = from_block and self.match is None and self.activation is keras.activations.relu
        return beside + skip if done else self.activation(beside + skip)

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
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "norm": self.norm,
            "residual": self.residual,
            "batch_norm_momentum": self.batch_norm_momentum,
        }
