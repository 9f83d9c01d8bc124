"""The TCN layer: keras-tcn's arguments, weights and outputs in pure `keras.ops`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tcn_search.errors import InputError
from tcn_search.layers.arguments import channels_spec, check_state_arguments, one_norm
from tcn_search.layers.dropout import draw_factors
from tcn_search.layers.masks import (
    Validity,
    lay_rows,
    mask_validity,
    read_step,
    steps_of_rows,
    zero_masked,
)
from tcn_search.layers.residual_block import Factors, ResidualBlock
from tcn_search.layers.steps import every, rearrange
from tcn_search.planning.architecture import CONVOLUTIONS_PER_BLOCK, Architecture
from tcn_search.planning.last_step import (
    BlockPlan,
    EvaluationPlan,
    full_plan,
    last_step_plan,
    window_plan,
)


def _argument(name: str, doc: str) -> Any:
    """Make a read-only attribute from the architecture's; what was given as a list is one."""

    def read(layer: TCN) -> Any:
        value = getattr(layer.architecture, name)
        return list(value) if name in layer._given_as_lists else value

    return property(read, doc=doc)


@keras.saving.register_keras_serializable(package="tcn_search")
class TCN(keras.layers.Layer):
    """A temporal convolutional network (Bai, Kolter, Koltun 2018), a drop-in for keras-tcn's `TCN`.

    Input (B, T, C). Output (B, filters): the last step when causal, step T // 2 with padding "same"; with
    `return_sequences=True` (B, T, filters), with padding "valid" (B, T − receptive_field + 1, filters).
    Without it only what reaches the step that is read is computed, with equal results.

    Args:
        nb_filters: channels of every convolution, or one number for each dilation.
        kernel_size: taps of every dilated convolution.
        nb_stacks: how often the dilations are repeated.
        dilations: one residual block each, such as [1, 2, 4, 8].
        padding: "causal", "same", or "valid" (only steps whose whole receptive field lies in the sequence).
        use_skip_connections: the output is the sum of all blocks' skip outputs.
        dropout_rate: spatial dropout after each activation, 0 ≤ rate < 1.
        return_sequences: every step instead of the one that is read out.
        activation: name or callable.
        kernel_initializer: name or initializer of every kernel.
        use_batch_norm, use_layer_norm, use_weight_norm: at most one of them.
        go_backwards: reverse the input in time; the output stays reversed.
        return_state: return [output, *states], a (B, (kernel_size − 1)·dilation, channels) tensor for each
            dilated convolution, oldest step first; `call(x, initial_state=states)` continues. Causal only.
        norm: "none", "batch", "layer" or "weight", as one argument in place of the three above.
        batch_norm_momentum: how slowly batch norm's statistics follow; keras-tcn has Keras' 0.99, which needs
            some 500 training steps to forget how it began.

    A mask is obeyed. A row begins at its first valid step and ends at its last one, and its outputs are what it
    gives alone, without the padding around it. A masked step within it keeps its place in time and has the value
    zero, so that what stands in it changes nothing: `Masking(0.0)` takes nothing from data with true zeros.
    Without `return_sequences` each row is read at its last valid step, with "same" in its middle,
    (first + last + 1) // 2. A row without any valid step gives what a sequence gives that is zero at the input of
    every convolution. "valid" and states cannot be used with a mask.

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
        batch_norm_momentum: float = 0.99,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.stateful = False  # states are handed in and out; Bidirectional asks
        self.activation = keras.activations.get(activation)
        self._initializer = keras.initializers.get(kernel_initializer)
        # keras-tcn keeps names, lists and tuples as they were given.
        self.activation_name = activation if isinstance(activation, str) else self.activation
        self.kernel_initializer = (
            kernel_initializer if isinstance(kernel_initializer, str) else self._initializer
        )
        named = {"nb_filters": nb_filters, "dilations": dilations}
        self._given_as_lists = tuple(name for name in named if isinstance(named[name], list))
        norm = one_norm(norm, batch=use_batch_norm, layer=use_layer_norm, weight=use_weight_norm)
        if isinstance(dropout_rate, bool) or not 0 <= dropout_rate < 1:
            raise InputError(
                f"dropout_rate must be at least 0 and below 1. Received: {dropout_rate!r}"
            )
        self.architecture = Architecture(
            nb_filters=nb_filters,  # type: ignore[arg-type]
            kernel_size=kernel_size,
            dilations=dilations,  # type: ignore[arg-type]
            nb_stacks=nb_stacks,
            padding=padding,
            use_skip_connections=bool(use_skip_connections),
            norm=norm,
        )
        if not 0 <= batch_norm_momentum < 1:
            raise InputError(
                f"batch_norm_momentum must be at least 0 and below 1. Received: {batch_norm_momentum!r}"
            )
        self.dropout_rate = float(dropout_rate)
        self.seed_generator = keras.random.SeedGenerator() if dropout_rate else None
        self.batch_norm_momentum = batch_norm_momentum
        self.return_sequences = return_sequences
        self.go_backwards = go_backwards
        self.return_state = return_state
        self.residual_blocks: list[ResidualBlock] = []
        if return_state:
            check_state_arguments(padding, go_backwards)

    nb_filters = _argument("nb_filters", "Channels of each convolution, or one number a dilation.")
    kernel_size = _argument("kernel_size", "Taps of every dilated convolution.")
    nb_stacks = _argument("nb_stacks", "How often the dilations are repeated.")
    dilations = _argument("dilations", "Dilation of each residual block of a stack.")
    padding = _argument("padding", 'Where zeros are added: "causal", "same" or "valid".')
    use_skip_connections = _argument("use_skip_connections", "Whether skip outputs are added up.")
    norm = _argument("norm", 'The norm in use: "none", "batch", "layer" or "weight".')
    receptive_field = _argument("receptive_field", "Input steps that one output can depend on.")
    use_batch_norm = property(lambda self: self.norm == "batch", doc="Whether it is batch norm.")
    use_layer_norm = property(lambda self: self.norm == "layer", doc="Whether it is layer norm.")
    use_weight_norm = property(lambda self: self.norm == "weight", doc="Whether it is weight norm.")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self._check_rank(input_shape)
        self.input_spec = channels_spec(input_shape)
        self.residual_blocks = []
        architecture = self.architecture
        shape = tuple(input_shape)
        blocks = architecture.blocks
        for index, (dilation, filters) in enumerate(blocks):
            block = ResidualBlock(
                filters,
                architecture.kernel_size,
                dilation,
                architecture.padding,
                self.activation,
                self._initializer.clone(),
                self.norm,
                residual=not (architecture.use_skip_connections and index == len(blocks) - 1),
                batch_norm_momentum=self.batch_norm_momentum,
                dtype=self.dtype_policy,
                name=f"residual_block_{index}",
            )
            block.build(shape)
            self.residual_blocks.append(block)
            _, shape = block.compute_output_shape(shape)

    def call(
        self, inputs: Any, initial_state: Any = None, training: bool | None = None, mask: Any = None
    ) -> Any:
        self._check_rank(inputs.shape)
        if self.return_state or initial_state is not None:
            self._check_streaming(mask)
            return self._stream(inputs, initial_state, training)
        if mask is not None and self.architecture.padding == "valid":
            raise InputError(
                "padding='valid' cannot be used with a mask. Received: a mask. Use padding='causal'."
            )
        x = inputs  # (B, T, C)
        if self.go_backwards:
            x = ops.flip(x, axis=1)
            mask = None if mask is None else ops.flip(mask, axis=1)
        if mask is not None:
            x = zero_masked(x, ops.expand_dims(mask, -1))
            mask = steps_of_rows(mask)
        statistics = self.norm == "batch" and training
        if not self.return_sequences and not statistics:
            return self._evaluate_last_step(x, training, mask)
        plan = full_plan(self.architecture, x.shape[1], use_phases=not statistics)
        valid = None if mask is None else mask_validity(mask, self.compute_dtype)
        run = self._run_all_steps if self._adds_up_in_blocks() else self._run
        outputs = run(x, plan, training, valid)  # (B, T, filters)
        return outputs if self.return_sequences else self._read_out(outputs, mask)

    def _evaluate_last_step(self, x: Any, training: bool | None, mask: Any) -> Any:
        """Only what the last step depends on, (B, filters)."""
        architecture = self.architecture
        steps = x.shape[1]
        plan = window_plan(architecture) if steps is None else last_step_plan(architecture, steps)
        inputs = plan.inputs
        wanted = plan.wanted
        valid = None
        assert inputs is not None
        assert wanted is not None
        if mask is not None or steps is None:
            # Where only the graph's run knows the length, all steps are valid and are counted then.
            mask = ops.ones((1, ops.shape(x)[1]), "bool") if mask is None else mask
            x, valid = lay_rows(
                x, mask, inputs, wanted.start, architecture.padding, self.compute_dtype
            )
        else:
            x = every(x, inputs.start, inputs.stride, inputs.count)
        return ops.squeeze(self._run(x, plan, training, valid), axis=1)

    def _run(
        self, x: Any, plan: EvaluationPlan, training: bool | None, valid: Validity | None
    ) -> Any:
        """The wanted steps of the plan, (B, plan.wanted.count, filters), of the input at its grid."""
        total = None
        factors = self._draw_factors(x, training)
        for index, (block, step) in enumerate(zip(self.residual_blocks, plan.blocks, strict=True)):
            x, skip = block.evaluate(x, step, training, factors[index], valid, from_block=index > 0)
            if self.architecture.use_skip_connections:
                read = self._wanted_steps(skip, step, plan)
                total = read if total is None else total + read
        return x if total is None else total

    def _draw_factors(self, x: Any, training: bool | None) -> list[Factors]:
        """For each block, dropout's factors for the sequences x (B, T, C); None where nothing is dropped."""
        if not self.dropout_rate or not training:
            return [None] * len(self.residual_blocks)
        channels = [
            block.filters for block in self.residual_blocks for _ in range(CONVOLUTIONS_PER_BLOCK)
        ]
        drawn = draw_factors(
            self.dropout_rate, channels, ops.shape(x)[0], self.compute_dtype, self.seed_generator
        )
        return [
            drawn[first : first + CONVOLUTIONS_PER_BLOCK]
            for first in range(0, len(drawn), CONVOLUTIONS_PER_BLOCK)
        ]

    def _adds_up_in_blocks(self) -> bool:
        """Whether all steps can be had from the last block's residual sum, without the skip outputs."""
        if self.architecture.padding == "valid":  # each block drops other steps
            return False
        if not self.architecture.use_skip_connections:
            return True
        # With relu a block's output is its input + its skip output, from the second block on. Half precision
        # would lose digits of the skip outputs in these longer sums.
        exact = self.compute_dtype in ("float32", "float64")
        return exact and self.activation is keras.activations.relu and len(self.residual_blocks) > 1

    def _run_all_steps(
        self, x: Any, plan: EvaluationPlan, training: bool | None, valid: Validity | None
    ) -> Any:
        """Every step, (B, T, filters), where `_adds_up_in_blocks`.

        The sequence stays in phases from one block to the next where their dilations allow it, and the sum of
        the skip outputs s₁ + ... + sₙ is yₙ + (s₁ − y₁), for the block outputs are yᵢ = yᵢ₋₁ + sᵢ. For
        it to hold at masked steps, too, only the convolutions see zeros there.
        """
        steps = x.shape[1]
        phases = 1
        beyond = None
        skips = self.architecture.use_skip_connections
        factors = self._draw_factors(x, training)
        valid_steps = None if valid is None else valid(plan.inputs)
        for index, (block, step) in enumerate(zip(self.residual_blocks, plan.blocks, strict=True)):
            # The input of the first block is zero at masked steps already.
            masked = index > 0 and valid_steps is not None
            if (
                block.match is not None
            ):  # matched in the order of time, where there is no row to fill
                x = rearrange(x, phases, 1, steps)
                phases = 1
                x = x * valid_steps if masked else x
                beside = rearrange(block.matched(x), 1, step.phases, steps)
            x = rearrange(x, phases, step.phases, steps)
            phases = step.phases
            valid_here = None if valid_steps is None else rearrange(valid_steps, 1, phases, steps)
            seen = x * valid_here if masked else x
            skip = block.convolve_twice(seen, step, training, factors[index], valid_here)
            if block.match is None:
                beside = x if skips else seen
            x = block.add_up(beside, skip, from_block=index > 0)
            if index == 0 and skips:
                beyond = rearrange(skip - x, phases, 1, steps)
        x = rearrange(x, phases, 1, steps)
        return x if beyond is None else x + beyond

    def _wanted_steps(self, skip: Any, step: BlockPlan, plan: EvaluationPlan) -> Any:
        if plan.wanted is None:
            return skip[:, step.read_start :] if step.read_start else skip
        return every(skip, step.read_start, step.read_stride, plan.wanted.count)

    def _read_out(self, x: Any, mask: Any) -> Any:
        """The step of the full evaluation x (B, T, filters) that is read, (B, filters)."""
        padding = self.architecture.padding
        if mask is None:
            return x[:, ops.shape(x)[1] // 2 if padding == "same" else -1]
        read = read_step(mask, padding)
        chosen = ops.cast(
            ops.arange(ops.shape(x)[1], dtype="int32")[None, :] == read[:, None], x.dtype
        )
        return ops.sum(x * chosen[..., None], axis=1)

    def _stream(self, x: Any, states: Any, training: bool | None) -> list[Any] | Any:
        """The continuation after `states`, and with `return_state` the states after it."""
        states = self._initial_state(x, states)
        after: list[Any] = []
        total: Any = None
        factors = self._draw_factors(x, training)
        for index, block in enumerate(self.residual_blocks):
            first = index * CONVOLUTIONS_PER_BLOCK
            before = states[first : first + CONVOLUTIONS_PER_BLOCK]
            x, skip, newer = block.stream(x, before, training, factors[index])
            after += newer
            total = skip if total is None else ops.add(total, skip)
        outputs = total if self.architecture.use_skip_connections else x
        outputs = outputs if self.return_sequences else outputs[:, -1]
        return [outputs, *after] if self.return_state else outputs

    def _initial_state(self, x: Any, states: Any) -> list[Any]:
        """The states given, or zeros: nothing came before."""
        shapes = self.state_shapes(x.shape[-1])
        if states is None:
            return [
                ops.zeros((ops.shape(x)[0], *shape), dtype=self.compute_dtype) for shape in shapes
            ]
        states = list(states) if isinstance(states, (list, tuple)) else [states]
        found = [tuple(state.shape[1:]) for state in states]
        if found != shapes:
            raise InputError(
                "initial_state must be the states that return_state=True gave, one (batch, steps, channels) "
                f"for each dilated convolution, with (steps, channels) = {shapes}. Received: {found}"
            )
        return states

    def state_shapes(self, input_channels: int) -> list[tuple[int, int]]:
        """(steps, channels) of the state of each dilated convolution: the steps that it looks back."""
        shapes = []
        channels = input_channels
        for dilation, filters in self.architecture.blocks:
            reach = (self.architecture.kernel_size - 1) * dilation
            shapes += [(reach, channels)] + [(reach, filters)] * (CONVOLUTIONS_PER_BLOCK - 1)
            channels = filters
        return shapes

    def _check_streaming(self, mask: Any) -> None:
        if mask is not None:
            raise InputError(
                "return_state and initial_state cannot be used with a mask. Received: a mask"
            )
        check_state_arguments(self.architecture.padding, self.go_backwards)

    def _check_rank(self, shape: tuple[int | None, ...]) -> None:
        if len(shape) != 3:
            raise InputError(
                "TCN needs an input of rank 3, (batch, time, channels). "
                f"Received: shape {tuple(shape)}. Add the missing axis with reshape or expand_dims."
            )

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None or not self.return_sequences:
            return None
        return ops.flip(mask, axis=1) if self.go_backwards else mask

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> Any:
        self._check_rank(input_shape)
        batch, steps, channels = input_shape
        filters = self.architecture.level_filters[-1]
        if self.architecture.padding == "valid" and steps is not None:
            steps = full_plan(self.architecture, steps).wanted.count  # type: ignore[union-attr]
        shape = (batch, steps, filters) if self.return_sequences else (batch, filters)
        if not self.return_state:
            return shape
        return [shape, *((batch, *state) for state in self.state_shapes(channels))]  # type: ignore[arg-type]

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
        initializer = self.kernel_initializer
        if not isinstance(initializer, str):
            initializer = keras.initializers.serialize(initializer)
        return {
            **super().get_config(),
            **{name: described[name] for name in names},
            "dropout_rate": self.dropout_rate,
            "return_sequences": self.return_sequences,
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": initializer,
            "go_backwards": self.go_backwards,
            "return_state": self.return_state,
            "batch_norm_momentum": self.batch_norm_momentum,
        }
