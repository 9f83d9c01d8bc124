"""The TCN layer: keras-tcn's arguments, weights and outputs in pure `keras.ops`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tcn_search.arguments import one_of
from tcn_search.layers.arguments import channels_spec, check_rates, require_rank_3, resolve_norm
from tcn_search.layers.dropout import Factors, draw_block_factors
from tcn_search.layers.masks import (
    check_mask,
    mask_validity,
    steps_of_rows,
    take_read_step,
    zero_masked,
)
from tcn_search.layers.plan_execution import (
    can_run_all_steps,
    plan_of_read_step,
    run_all_steps,
    run_plan,
    take_inputs,
)
from tcn_search.layers.residual_block import ResidualBlock
from tcn_search.layers.streaming import check_streaming, initial_states, run_stream, state_shapes
from tcn_search.layers.tensor import Tensor
from tcn_search.planning.architecture import Architecture
from tcn_search.planning.last_step import full_plan
from tcn_search.settings import BATCH_NORM_STATISTICS

# Arguments that the architecture keeps, in the order of `get_config`.
_ARCHITECTURE_ARGUMENTS = (
    "nb_filters",
    "kernel_size",
    "nb_stacks",
    "dilations",
    "padding",
    "use_skip_connections",
    "norm",
)


def _architecture_property(name: str, doc: str) -> Any:
    """Define a read-only attribute of the architecture; a list stays a list."""

    def read(layer: TCN) -> Any:
        value = getattr(layer.architecture, name)
        return list(value) if name in layer._given_as_lists else value

    return property(read, doc=doc)


@keras.saving.register_keras_serializable(package="tcn_search")
class TCN(keras.layers.Layer):
    """A temporal convolutional network, a drop-in replacement for keras-tcn's `TCN`.

    Source: Bai, Kolter, Koltun 2018. Input (B, T, C). Output (B, filters): the last step when
    causal, step T // 2 with padding "same"; with `return_sequences=True` (B, T, filters), with
    padding "valid" (B, T − receptive_field + 1, filters). Without `return_sequences` only the steps
    that reach the output are computed, with equal results.

    Args:
        nb_filters: channels of every convolution, or one number for each dilation.
        kernel_size: taps of every dilated convolution.
        nb_stacks: number of times that the dilations are repeated.
        dilations: dilation of each residual block of a stack, such as [1, 2, 4, 8].
        padding: "causal", "same", or "valid" (steps whose receptive field lies in the sequence).
        use_skip_connections: whether the output is the sum of all blocks' skip outputs.
        dropout_rate: rate of the spatial dropout after each activation, 0 ≤ rate < 1.
        return_sequences: whether to return every step instead of the one that is read out.
        activation: name or callable.
        kernel_initializer: name or initializer of every kernel.
        use_batch_norm, use_layer_norm, use_weight_norm: at most one of them.
        go_backwards: whether to reverse the input in time; the output stays reversed.
        return_state: whether to return [output, *states], with a tensor
            (B, (kernel_size − 1)·dilation, channels) for each dilated convolution, oldest step
            first; `call(x, initial_state=states)` continues. Causal only.
        norm: "none", "batch", "layer" or "weight", as one argument in place of the three switches.
        batch_norm_momentum: share of batch norm's moving statistics that a training step keeps.
            keras-tcn has Keras' 0.99, which needs some 500 training steps to forget its start.
        batch_norm_statistics: steps over which batch norm takes mean and variance in training:
            "all" steps of the sequence, as keras-tcn does, or the steps that are "evaluated", which
            differ without `return_sequences`. Then "all" computes every step in training;
            "evaluated" computes the steps of inference and takes a sample of the statistics, at the
            last convolution one step of each sequence: batches must hold several sequences.

    Masks are supported. A row begins at its first valid step and ends at its last one, and its
    outputs are those of the row alone, without the padding around it. A masked step within a row
    keeps its place in time and has the value zero, so that its content changes nothing:
    `Masking(0.0)` takes nothing from data with true zeros. Without `return_sequences` each row is
    read at its last valid step, with "same" in its middle, (first + last + 1) // 2. A row without
    any valid step gives the output of a sequence that is zero at the input of every convolution.
    "valid" and states cannot be used with a mask.

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
        batch_norm_statistics: str = "all",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.stateful = False  # states are passed in and out; Bidirectional reads the attribute
        self.activation = keras.activations.get(activation)
        self._initializer = keras.initializers.get(kernel_initializer)
        # keras-tcn keeps names, lists and tuples as they were given.
        self.activation_name = self.activation
        if isinstance(activation, str):
            self.activation_name = activation
        self.kernel_initializer = self._initializer
        if isinstance(kernel_initializer, str):
            self.kernel_initializer = kernel_initializer
        sequences = {"nb_filters": nb_filters, "dilations": dilations}
        self._given_as_lists = tuple(
            name for name, value in sequences.items() if isinstance(value, list)
        )
        norm = resolve_norm(
            norm, batch=use_batch_norm, layer=use_layer_norm, weight=use_weight_norm
        )
        check_rates(dropout_rate, batch_norm_momentum)
        one_of("batch_norm_statistics", batch_norm_statistics, BATCH_NORM_STATISTICS)
        self.architecture = Architecture(
            nb_filters=nb_filters,  # type: ignore[arg-type]
            kernel_size=kernel_size,
            dilations=dilations,  # type: ignore[arg-type]
            nb_stacks=nb_stacks,
            padding=padding,
            use_skip_connections=bool(use_skip_connections),
            norm=norm,
        )
        self.dropout_rate = float(dropout_rate)
        self.seed_generator = keras.random.SeedGenerator() if dropout_rate else None
        self.batch_norm_momentum = batch_norm_momentum
        self.batch_norm_statistics = batch_norm_statistics
        self.return_sequences = return_sequences
        self.go_backwards = go_backwards
        self.return_state = return_state
        self.residual_blocks: list[ResidualBlock] = []
        if return_state:
            check_streaming(padding, go_backwards)

    nb_filters = _architecture_property(
        "nb_filters", "Channels of each convolution, or one number for each dilation."
    )
    kernel_size = _architecture_property("kernel_size", "Taps of every dilated convolution.")
    nb_stacks = _architecture_property(
        "nb_stacks", "Number of times that the dilations are repeated."
    )
    dilations = _architecture_property("dilations", "Dilation of each residual block of a stack.")
    padding = _architecture_property(
        "padding", 'Where zeros are added: "causal", "same" or "valid".'
    )
    use_skip_connections = _architecture_property(
        "use_skip_connections", "Whether skip outputs are added up."
    )
    norm = _architecture_property("norm", 'The norm in use: "none", "batch", "layer" or "weight".')
    receptive_field = _architecture_property(
        "receptive_field", "Input steps that one output can depend on."
    )
    use_batch_norm = property(
        lambda self: self.norm == "batch", doc="Whether the norm is batch norm."
    )
    use_layer_norm = property(
        lambda self: self.norm == "layer", doc="Whether the norm is layer norm."
    )
    use_weight_norm = property(
        lambda self: self.norm == "weight", doc="Whether the norm is weight norm."
    )

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        require_rank_3(input_shape)
        self.input_spec = channels_spec(input_shape)
        self.residual_blocks = []
        architecture = self.architecture
        shape = tuple(input_shape)
        for index, (dilation, filters) in enumerate(architecture.blocks):
            block = ResidualBlock(
                filters=filters,
                kernel_size=architecture.kernel_size,
                dilation=dilation,
                padding=architecture.padding,
                activation=self.activation,
                kernel_initializer=self._initializer.clone(),
                norm=self.norm,
                residual=architecture.uses_residual_output(index),
                batch_norm_momentum=self.batch_norm_momentum,
                dtype=self.dtype_policy,
                name=f"residual_block_{index}",
            )
            block.build(shape)
            self.residual_blocks.append(block)
            _, shape = block.compute_output_shape(shape)

    def call(
        self,
        inputs: Tensor,
        initial_state: Tensor | None = None,
        training: bool | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        require_rank_3(inputs.shape)
        if self.return_state or initial_state is not None:
            return self._stream(inputs, initial_state, training, mask)
        x = inputs  # (B, T, C)
        if self.go_backwards:
            x = ops.flip(x, axis=1)
        if mask is not None:
            check_mask(self.architecture.padding)
            if self.go_backwards:
                mask = ops.flip(mask, axis=1)
            x = zero_masked(x, ops.expand_dims(mask, -1))
            mask = steps_of_rows(mask)
        if self.return_sequences:
            return self._evaluate_all_steps(x, training, mask)
        if self.norm == "batch" and training and self.batch_norm_statistics == "all":
            outputs = self._evaluate_all_steps(x, training, mask)
            return take_read_step(outputs, mask, self.architecture.padding)
        return self._evaluate_last_step(x, training, mask)

    def _evaluate_all_steps(self, x: Tensor, training: bool | None, mask: Tensor | None) -> Tensor:
        """Return every step, (B, T, filters); `mask` (B, T) holds the steps of each row."""
        has_statistics = self.norm == "batch" and training
        plan = full_plan(self.architecture, x.shape[1], use_phases=not has_statistics)
        valid = None if mask is None else mask_validity(mask, self.compute_dtype)
        factors = self._draw_factors(x, training)
        run = run_plan
        if can_run_all_steps(self.residual_blocks, self.architecture):
            run = run_all_steps
        return run(self.residual_blocks, x, plan, training, factors, valid)

    def _evaluate_last_step(self, x: Tensor, training: bool | None, mask: Tensor | None) -> Tensor:
        """Return the step that is read, (B, filters); compute only the steps that reach it."""
        has_statistics = self.norm == "batch" and training
        plan = plan_of_read_step(self.architecture, x.shape[1], use_phases=not has_statistics)
        x, valid = take_inputs(x, mask, plan, self.compute_dtype)
        factors = self._draw_factors(x, training)
        outputs = run_plan(self.residual_blocks, x, plan, training, factors, valid)
        return ops.squeeze(outputs, axis=1)

    def _draw_factors(self, x: Tensor, training: bool | None) -> list[Factors]:
        """Draw the dropout factors of each block for x (B, n, C); None where nothing is dropped."""
        if not self.dropout_rate or not training:
            return [None] * len(self.residual_blocks)
        filters = [block.filters for block in self.residual_blocks]
        return draw_block_factors(
            self.dropout_rate, filters, ops.shape(x)[0], self.compute_dtype, self.seed_generator
        )

    def _stream(
        self, x: Tensor, states: Tensor | None, training: bool | None, mask: Tensor | None
    ) -> Tensor:
        """Return the outputs after `states`, and with `return_state` the states after them."""
        architecture = self.architecture
        check_streaming(architecture.padding, self.go_backwards, mask)
        shapes = self.state_shapes(x.shape[-1])
        states = initial_states(states, x, shapes, self.compute_dtype)
        factors = self._draw_factors(x, training)
        outputs, new_states = run_stream(
            self.residual_blocks, x, states, architecture.use_skip_connections, training, factors
        )
        if not self.return_sequences:
            outputs = outputs[:, -1]
        if not self.return_state:
            return outputs
        return [outputs, *new_states]

    def state_shapes(self, input_channels: int) -> list[tuple[int, int]]:
        """Return (steps, channels) of the state of each dilated convolution."""
        return state_shapes(self.architecture, input_channels)

    def compute_mask(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor | None:
        if mask is None or not self.return_sequences:
            return None
        if not self.go_backwards:
            return mask
        return ops.flip(mask, axis=1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> Any:
        require_rank_3(input_shape)
        batch, steps, channels = input_shape
        filters = self.architecture.level_filters[-1]
        if self.architecture.padding == "valid" and steps is not None:
            steps = full_plan(self.architecture, steps).wanted.count  # type: ignore[union-attr]
        shape = (batch, steps, filters) if self.return_sequences else (batch, filters)
        if not self.return_state:
            return shape
        states = self.state_shapes(channels)  # type: ignore[arg-type]
        return [shape, *((batch, *state) for state in states)]

    def set_weights(self, weights: list[Any]) -> None:
        """Set the weights of a TCN with equal arguments, of keras-tcn too.

        A single block with skip connections has no matching convolution here, because its residual
        output is not used; the two arrays that keras-tcn holds for it are dropped.
        """
        is_without_match = len(self.residual_blocks) == 1 and not self.residual_blocks[0].residual
        if is_without_match and len(weights) == len(self.weights) + 2:
            weights = weights[:-2]
        super().set_weights(weights)

    def get_config(self) -> dict[str, Any]:
        architecture = self.architecture.to_dict()
        initializer = self.kernel_initializer
        if not isinstance(initializer, str):
            initializer = keras.initializers.serialize(initializer)
        return {
            **super().get_config(),
            **{name: architecture[name] for name in _ARCHITECTURE_ARGUMENTS},
            "dropout_rate": self.dropout_rate,
            "return_sequences": self.return_sequences,
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": initializer,
            "go_backwards": self.go_backwards,
            "return_state": self.return_state,
            "batch_norm_momentum": self.batch_norm_momentum,
            "batch_norm_statistics": self.batch_norm_statistics,
        }
