"""What an architecture costs, counted from its integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from tcn_search.planning.architecture import CONVOLUTIONS_PER_BLOCK, Architecture
from tcn_search.planning.last_step import EvaluationPlan, full_plan, last_step_plan

# Trainable and other numbers that a norm keeps for each channel.
_NORM_PARAMETERS = {"none": 0, "layer": 2, "batch": 4, "weight": 1}
_BYTES = 4  # float32
_FORWARD_AND_BACKWARD = 3
# Multiply-adds that take as long; rounded from what `python benchmarks/cost_model.py --seed 0` fits.
_A_VALUE = 150
_A_NORMALISED_VALUE = 250


@dataclass(frozen=True)
class Cost:
    """Cost of the TCN, its head apart. Multiply-adds and activation bytes are for one sequence.

    Multiply-adds are those of the convolutions in one forward pass; a training step takes about three times
    that. Activation bytes are what a training step keeps for its backward pass, in float32: the input, each
    convolution's activated output, and each block's sum. A framework may keep a few copies more.
    """

    parameters: int
    multiply_adds: int
    multiply_adds_last_step: int
    activation_bytes: int
    activation_bytes_last_step: int


def cost(architecture: Architecture, input_channels: int, seq_len: int) -> Cost:
    """Parameters, multiply-adds and activation memory, for all output steps and for the last step only.

    Counted over the plan that the layer executes.

    Raises:
        InputError: padding "valid" and a sequence shorter than the receptive field.

    >>> found = cost(Architecture(nb_filters=2, kernel_size=2, dilations=(1, 2)), input_channels=2, seq_len=8)
    >>> found.multiply_adds, found.multiply_adds_last_step
    (256, 96)
    """
    seq_len = architecture.steps_of(seq_len)
    every = full_plan(architecture, seq_len)
    last = last_step_plan(architecture, seq_len)
    return Cost(
        tcn_parameters(architecture, input_channels),
        every.multiply_adds(input_channels),
        last.multiply_adds(input_channels),
        _BYTES * activations(every, input_channels, seq_len),
        _BYTES * activations(last, input_channels, seq_len),
    )


class TrainingWork(NamedTuple):
    """What a training step does for one sequence, forward: multiply-adds, and numbers written to memory.

    `values` are those that `activations` counts; `normalised_values` are the convolutions' outputs that go
    through a batch or layer norm.
    """

    multiply_adds: int
    values: int
    normalised_values: int


def training_work(architecture: Architecture, input_channels: int, seq_len: int) -> TrainingWork:
    """The work of a training step; of the last step only, where that alone is evaluated in training.

    A batch norm needs the statistics of every step, and so do all readouts but "last".
    """
    seq_len = architecture.steps_of(seq_len)
    every = architecture.readout != "last" or architecture.norm == "batch"
    plan = full_plan(architecture, seq_len) if every else last_step_plan(architecture, seq_len)
    normalised = 0
    if architecture.norm in ("batch", "layer"):
        for block, (_, filters) in zip(plan.blocks, architecture.blocks, strict=True):
            normalised += (
                (block.hidden.count if block.hidden else 0) + (block.outputs or 0)
            ) * filters
    return TrainingWork(
        plan.multiply_adds(input_channels), activations(plan, input_channels, seq_len), normalised
    )


def training_cost(architecture: Architecture, input_channels: int, seq_len: int) -> int:
    """Predicted cost of a training step for one sequence, in multiply-adds: for comparing networks.

    Multiply-adds alone order networks less well: with few filters, or a norm, much of the time goes into
    moving numbers. So each value and each normalised value counts as so many multiply-adds.
    """
    work = training_work(architecture, input_channels, seq_len)
    weighed = _A_VALUE * work.values + _A_NORMALISED_VALUE * work.normalised_values
    return _FORWARD_AND_BACKWARD * work.multiply_adds + weighed


def tcn_parameters(architecture: Architecture, input_channels: int) -> int:
    """Parameters of the TCN alone, as Keras' `count_params()` has them (a batch norm's statistics too)."""
    total = 0
    channels = input_channels
    norm = _NORM_PARAMETERS[architecture.norm]
    for block, (_, filters) in enumerate(architecture.blocks):
        into = channels
        for _ in range(CONVOLUTIONS_PER_BLOCK):
            total += architecture.kernel_size * into * filters + filters + norm * filters
            into = filters
        if channels != filters and not is_last_with_skips(architecture, block):
            total += channels * filters + filters
        channels = filters
    return total


def activations(plan: EvaluationPlan, input_channels: int, seq_len: int) -> int:
    """Numbers kept for the backward pass: the input, every convolution's output and every block's sum."""
    total = seq_len * input_channels
    architecture = plan.architecture
    for index, (block, (_, filters)) in enumerate(
        zip(plan.blocks, architecture.blocks, strict=True)
    ):
        hidden = block.hidden.count if block.hidden else 0
        outputs = block.outputs or 0
        sums = 0 if is_last_with_skips(architecture, index) else outputs
        total += (hidden + outputs + sums) * filters
    return total


def is_last_with_skips(architecture: Architecture, block: int) -> bool:
    """Whether this is the block whose residual sum nothing reads: the last one, with skip connections."""
    return architecture.use_skip_connections and block == len(architecture.blocks) - 1


def head_parameters(architecture: Architecture, outputs: int) -> int:
    """Parameters of the dense layer that turns the readout into `outputs` numbers."""
    return architecture.level_filters[-1] * outputs + outputs


def body_channels(architecture: Architecture, input_channels: int, vocabulary: int = 0) -> int:
    """Channels that the TCN reads: the inputs', or a token's embedding, as wide as the TCN's own outputs."""
    return architecture.level_filters[-1] if vocabulary else input_channels


def model_parameters(
    architecture: Architecture, input_channels: int, outputs: int, vocabulary: int = 0
) -> int:
    """Parameters of the whole model, head included, as Keras' `count_params()` has them.

    Args:
        vocabulary: tokens that are embedded, if inputs are tokens; the head is the same table and a bias.
    """
    body = tcn_parameters(architecture, body_channels(architecture, input_channels, vocabulary))
    return body + head_parameters(architecture, outputs)


def uniform_parameters(
    kernel_size: int,
    filters: int,
    blocks: int,
    input_channels: int,
    norm: str,
    use_skip_connections: bool,
) -> int:
    """`tcn_parameters` in closed form, where every level has the same filters."""
    convolutions = CONVOLUTIONS_PER_BLOCK * blocks
    total = kernel_size * filters * (input_channels + (convolutions - 1) * filters)
    total += convolutions * filters * (1 + _NORM_PARAMETERS[norm])
    if input_channels != filters and not (use_skip_connections and blocks == 1):
        total += input_channels * filters + filters
    return total
