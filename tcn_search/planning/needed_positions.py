"""How many steps each convolution computes: for every output step, or for the last step only.

For the last step alone the needed positions of a convolution lie on a grid: within what the layers after it
see, a stride apart that is the greatest common divisor of all tap offsets still to come.
"""

from __future__ import annotations

from math import gcd
from typing import NamedTuple

from tcn_search.planning.architecture import CONVOLUTIONS_PER_BLOCK, Architecture
from tcn_search.planning.reach import window_of
from tcn_search.planning.receptive_field import left_padding


class BlockSteps(NamedTuple):
    """Steps that one residual block computes: of each convolution, and of the sum with its input."""

    convolutions: tuple[int, ...]
    output: int


def all_steps(architecture: Architecture, seq_len: int) -> list[BlockSteps]:
    """Steps of each block, first to last, when every output step is wanted."""
    if architecture.padding != "valid":
        return [BlockSteps((seq_len,) * CONVOLUTIONS_PER_BLOCK, seq_len)] * len(architecture.blocks)
    found, steps = [], seq_len
    for dilation in architecture.dilations * architecture.nb_stacks:
        convolutions = []
        for _ in range(CONVOLUTIONS_PER_BLOCK):
            steps = max(0, steps - (architecture.kernel_size - 1) * dilation)
            convolutions.append(steps)
        found.append(BlockSteps(tuple(convolutions), steps))
    return found


def last_step(architecture: Architecture, seq_len: int) -> list[BlockSteps]:
    """Steps of each block, first to last, when only the step that is read out is wanted."""
    window = window_of(seq_len, architecture.padding)
    found: list[BlockSteps] = []
    back = ahead = stride = 0  # the grid that is needed of the current block's output
    for dilation in reversed(architecture.dilations * architecture.nb_stacks):
        reach = (architecture.kernel_size - 1) * dilation
        left = left_padding(reach, architecture.padding)
        output = _on_grid(back, ahead, stride)
        convolutions = []
        for _ in range(CONVOLUTIONS_PER_BLOCK):
            convolutions.append(_on_grid(back, ahead, stride))
            if reach:
                stride = gcd(stride, dilation, left)
            back, ahead = min(back + left, window.back), min(ahead + reach - left, window.ahead)
        found.append(BlockSteps(tuple(reversed(convolutions)), output))
    return found[::-1]


def _on_grid(back: int, ahead: int, stride: int) -> int:
    """Multiples of `stride` from −back to +ahead."""
    return 1 if stride == 0 else back // stride + 1 + ahead // stride
