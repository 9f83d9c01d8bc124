"""What an architecture costs, counted from its integers."""

from __future__ import annotations

from tcn_search.planning.architecture import CONVOLUTIONS_PER_BLOCK, Architecture

# Trainable and other numbers that a norm keeps for each channel.
_NORM_PARAMETERS = {"none": 0, "layer": 2, "batch": 4, "weight": 1}


def tcn_parameters(architecture: Architecture, input_channels: int) -> int:
    """Parameters of the TCN alone, as Keras' `count_params()` has them (a batch norm's statistics too)."""
    total, channels = 0, input_channels
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


def is_last_with_skips(architecture: Architecture, block: int) -> bool:
    """Whether this is the block whose residual sum nothing reads: the last one, with skip connections."""
    return architecture.use_skip_connections and block == len(architecture.blocks) - 1


def head_parameters(architecture: Architecture, outputs: int) -> int:
    """Parameters of the dense layer that turns the readout into `outputs` numbers."""
    return architecture.level_filters[-1] * outputs + outputs
