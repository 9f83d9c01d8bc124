"""Parameters, multiply-adds and activation memory of an architecture, counted from integers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tcn_search.planning.architecture import CONVOLUTIONS_PER_BLOCK, Architecture
from tcn_search.planning.last_step import EvaluationPlan, full_plan, last_step_plan
from tcn_search.planning.units import bytes_as_text

# Parameters of a norm per channel, those that are not trained included.
_NORM_PARAMETERS = {"none": 0, "layer": 2, "batch": 4, "weight": 1}
_BYTES = 4  # float32


@dataclass(frozen=True)
class Cost:
    """Cost of the TCN without its head. Multiply-adds and activation bytes are for one sequence.

    Multiply-adds are those of the convolutions in a forward pass; a training step needs about three
    times as many. Activation bytes are what a training step keeps for its backward pass, in
    float32: the input, each convolution's activated output, and each block's sum. A framework may
    keep a few more copies.
    """

    parameters: int
    multiply_adds: int
    multiply_adds_last_step: int
    activation_bytes: int
    activation_bytes_last_step: int


def cost(architecture: Architecture, input_channels: int, seq_len: int) -> Cost:
    """Return the cost of all output steps and of the last step only.

    Multiply-adds are counted over the plan that the layer executes.

    Raises:
        InputError: padding "valid" and a sequence shorter than the receptive field.

    >>> architecture = Architecture(nb_filters=2, kernel_size=2, dilations=(1, 2))
    >>> costs = cost(architecture, input_channels=2, seq_len=8)
    >>> costs.multiply_adds, costs.multiply_adds_last_step
    (256, 96)
    """
    seq_len = architecture.steps_of(seq_len)
    all_steps = full_plan(architecture, seq_len)
    last_step = last_step_plan(architecture, seq_len)
    return Cost(
        parameters=tcn_parameters(architecture, input_channels),
        multiply_adds=all_steps.multiply_adds(input_channels),
        multiply_adds_last_step=last_step.multiply_adds(input_channels),
        activation_bytes=_BYTES * activations(all_steps, input_channels, seq_len),
        activation_bytes_last_step=_BYTES * activations(last_step, input_channels, seq_len),
    )


def tcn_parameters(architecture: Architecture, input_channels: int) -> int:
    """Return the parameters of the TCN without its head, as Keras' `count_params()` counts them.

    The moving statistics of a batch norm are included.
    """
    total = 0
    channels = input_channels
    norm = _NORM_PARAMETERS[architecture.norm]
    for block, (_, filters) in enumerate(architecture.blocks):
        channels_in = channels
        for _ in range(CONVOLUTIONS_PER_BLOCK):
            total += architecture.kernel_size * channels_in * filters
            total += filters + norm * filters
            channels_in = filters
        if channels != filters and architecture.uses_residual_output(block):
            total += channels * filters + filters
        channels = filters
    return total


def activations(plan: EvaluationPlan, input_channels: int, seq_len: int) -> int:
    """Return how many numbers a training step keeps for the backward pass over one sequence.

    They are the input, every convolution's output and every block's sum.
    """
    total = seq_len * input_channels
    architecture = plan.architecture
    blocks = zip(plan.blocks, architecture.blocks, strict=True)
    for index, (block, (_, filters)) in enumerate(blocks):
        outputs = block.outputs or 0
        steps = 2 * outputs
        if block.hidden:
            steps += block.hidden.count
        if not architecture.uses_residual_output(index):
            steps -= outputs
        total += steps * filters
    return total


def body_channels(architecture: Architecture, input_channels: int, vocabulary: int = 0) -> int:
    """Return the channels of the TCN's input.

    With a vocabulary they are the size of a token's embedding, which equals the TCN's output
    channels.
    """
    if vocabulary:
        return architecture.level_filters[-1]
    return input_channels


def uniform_parameters(
    kernel_size: int,
    filters: int,
    blocks: int,
    input_channels: int,
    norm: str,
    use_skip_connections: bool,
) -> int:
    """Return `tcn_parameters` in closed form, for the same filters at every level."""
    convolutions = CONVOLUTIONS_PER_BLOCK * blocks
    total = kernel_size * filters * (input_channels + (convolutions - 1) * filters)
    total += convolutions * filters * (1 + _NORM_PARAMETERS[norm])
    if input_channels != filters and not (use_skip_connections and blocks == 1):
        total += input_channels * filters + filters
    return total


def cost_rows(cost: Cost, every_step: bool) -> Iterator[tuple[str, str]]:
    """Yield names and texts of the figures of a cost, for people.

    Args:
        every_step: whether the output needs every step of the TCN; otherwise the last one only.
    """
    yield "Parameters", f"{cost.parameters:,} (the TCN, its head apart)"
    if every_step:
        yield "Multiply-adds", f"{cost.multiply_adds:,} a sequence, for all steps"
        yield "Activations", f"{bytes_as_text(cost.activation_bytes)} a sequence, for all steps"
        return
    yield (
        "Multiply-adds",
        f"{cost.multiply_adds_last_step:,} a sequence for the last step only, "
        f"{cost.multiply_adds:,} for all",
    )
    yield (
        "Activations",
        f"{bytes_as_text(cost.activation_bytes_last_step)} a sequence for the last step only, "
        f"{bytes_as_text(cost.activation_bytes)} for all",
    )
