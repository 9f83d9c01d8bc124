"""What an architecture costs, counted from its integers."""

from __future__ import annotations

from dataclasses import dataclass

from tcn_search.planning.architecture import CONVOLUTIONS_PER_BLOCK, Architecture
from tcn_search.planning.needed_positions import BlockSteps, all_steps, last_step

# Trainable and other numbers that a norm keeps for each channel.
_NORM_PARAMETERS = {"none": 0, "layer": 2, "batch": 4, "weight": 1}
_BYTES = 4  # float32


@dataclass(frozen=True)
class Cost:
    """Cost of the TCN, its head apart. Multiply-adds and activation bytes are for one sequence.

    Multiply-adds are those of the convolutions in one forward pass; a training step takes about three times
    as many. Activation bytes are what a training step keeps for its backward pass, in float32: the input, each
    convolution's activated output, and each block's sum. A framework may keep a few copies more.
    """

    parameters: int
    multiply_adds: int
    multiply_adds_last_step: int
    activation_bytes: int
    activation_bytes_last_step: int


def cost(architecture: Architecture, input_channels: int, seq_len: int) -> Cost:
    """Parameters, multiply-adds and activation memory, for all output steps and for the last step only.

    >>> found = cost(Architecture(nb_filters=2, kernel_size=2, dilations=(1, 2)), input_channels=2, seq_len=8)
    >>> found.multiply_adds, found.multiply_adds_last_step
    (256, 88)
    """
    every, last = all_steps(architecture, seq_len), last_step(architecture, seq_len)
    return Cost(
        tcn_parameters(architecture, input_channels),
        multiply_adds(architecture, input_channels, every),
        multiply_adds(architecture, input_channels, last),
        _BYTES * activations(architecture, input_channels, seq_len, every),
        _BYTES * activations(architecture, input_channels, seq_len, last),
    )


def tcn_parameters(architecture: Architecture, input_channels: int) -> int:
    """Parameters of the TCN alone, as Keras' `count_params()` has them (a batch norm's statistics too)."""
    total, channels = 0, input_channels
    norm = _NORM_PARAMETERS[architecture.norm]
    for block, (_, filters) in enumerate(architecture.blocks):
        into = channels
        for _ in range(CONVOLUTIONS_PER_BLOCK):
            total += architecture.kernel_size * into * filters + filters + norm * filters
            into = filters
        if has_match(architecture, block, channels):
            total += channels * filters + filters
        channels = filters
    return total


def multiply_adds(architecture: Architecture, input_channels: int, steps: list[BlockSteps]) -> int:
    """Multiply-adds of the convolutions, 1×1 ones on the residual path included, over the given steps."""
    total, channels = 0, input_channels
    for block, (_, filters) in enumerate(architecture.blocks):
        into = channels
        for count in steps[block].convolutions:
            total += count * architecture.kernel_size * into * filters
            into = filters
        if has_match(architecture, block, channels):
            total += steps[block].output * channels * filters
        channels = filters
    return total


def activations(
    architecture: Architecture, input_channels: int, seq_len: int, steps: list[BlockSteps]
) -> int:
    """Numbers kept for the backward pass: the input, every convolution's output and every block's sum."""
    total = seq_len * input_channels
    for block, (_, filters) in enumerate(architecture.blocks):
        total += sum(steps[block].convolutions) * filters
        if not is_last_with_skips(architecture, block):
            total += steps[block].output * filters
    return total


def has_match(architecture: Architecture, block: int, channels: int) -> bool:
    """Whether the block has a 1×1 convolution on its residual path, because its channels differ."""
    return channels != architecture.blocks[block][1] and not is_last_with_skips(architecture, block)


def is_last_with_skips(architecture: Architecture, block: int) -> bool:
    """Whether this is the block whose residual sum nothing reads: the last one, with skip connections."""
    return architecture.use_skip_connections and block == len(architecture.blocks) - 1


def head_parameters(architecture: Architecture, outputs: int) -> int:
    """Parameters of the dense layer that turns the readout into `outputs` numbers."""
    return architecture.level_filters[-1] * outputs + outputs
