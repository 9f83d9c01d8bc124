"""Which steps each convolution must deliver so that one output step is exact, as bit sets.

A window is the sequence as seen from the output step: `back` steps before it and `ahead` after it. Bit i of a
set is the step at offset i − back. What lies outside the window is padding, zero at the input of every
convolution, so no path goes through it: each set is cut to the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tcn_search.errors import InputError
from tcn_search.planning.architecture import CONVOLUTIONS_PER_BLOCK, Architecture
from tcn_search.planning.receptive_field import left_padding

MOST_BITS = 2**29  # of all blocks' sets together: shifted in less than a second
_MOST_BITS_OF_MANY = 2**33  # of many networks, of which most are told without


class Window(NamedTuple):
    """The steps of a sequence on both sides of the output step."""

    back: int
    ahead: int

    @property
    def steps(self) -> int:
        """Length of the sequence."""
        return self.back + 1 + self.ahead

    @property
    def full(self) -> int:
        """The bit set of all steps."""
        return (1 << self.steps) - 1

    @property
    def output(self) -> int:
        """The bit set of the output step alone."""
        return 1 << self.back


def near_window(architecture: Architecture, seq_len: int) -> Window:
    """The part of the sequence that a path can lead through: no further than the network sees."""
    window = window_of(seq_len, architecture.padding)
    span = architecture.span
    return Window(min(span.look_back, window.back), min(span.look_ahead, window.ahead))


class Reach(NamedTuple):
    """Bit sets: the input steps that reach the output, and the steps needed of each convolution's output."""

    inputs: int
    convolutions: tuple[int, ...]


def window_of(seq_len: int, padding: str) -> Window:
    """The sequence around the step that is read out: the last one, or step T // 2 with `same`.

    >>> window_of(600, "same")
    Window(back=300, ahead=299)
    """
    if padding == "same":
        return Window(seq_len // 2, seq_len - 1 - seq_len // 2)
    return Window(seq_len - 1, 0)


def reach(architecture: Architecture, window: Window) -> Reach:
    """Trace the output step back through skips, residuals and convolutions to the input.

    Equal to the support of the gradient of a linear network with positive weights.
    """
    _require_few_bits(architecture, window)
    kernel_size = architecture.kernel_size
    padding = architecture.padding
    skips = architecture.use_skip_connections
    needed: list[int] = []
    block_output = 0 if skips else window.output
    for stack in range(architecture.nb_stacks):
        before = block_output
        needed_by_stack: list[int] = []
        for dilation in reversed(architecture.dilations):
            wanted = block_output | window.output if skips else block_output
            for _ in range(CONVOLUTIONS_PER_BLOCK):
                needed_by_stack.append(wanted)
                wanted = taps_of(wanted, kernel_size, dilation, padding, window)
            block_output |= wanted
        if stack and block_output == before:  # nor does any further stack add to it
            needed += needed_by_stack * (architecture.nb_stacks - stack)
            break
        needed += needed_by_stack
    return Reach(block_output, tuple(reversed(needed)))


def _require_few_bits(architecture: Architecture, window: Window) -> None:
    """Raise an InputError where bit sets would take long. Without blind spots causal needs none."""
    blocks = len(architecture.dilations) * architecture.nb_stacks
    if blocks * window.steps > MOST_BITS:
        raise InputError(
            f"seq_len × levels × nb_stacks must be at most {MOST_BITS:,} where steps are traced one by one, with "
            f'padding "same" or with blind spots. Received: {window.steps:,} × {blocks}. '
            'Use padding "causal" without blind spots, or shorter sequences.'
        )


def require_few_bits_of_many(blocks: int, seq_len: int) -> None:
    """Raise an InputError if the blocks of many networks with padding "same" would take long to trace."""
    if blocks * seq_len > _MOST_BITS_OF_MANY:
        raise InputError(
            f'With padding "same" the blocks of all architectures together, times the sequence length, must be at '
            f"most {_MOST_BITS_OF_MANY:,}. Received: {blocks:,} × {seq_len:,}. "
            'Narrow the ranges, or use padding "causal".'
        )


def taps_of(outputs: int, kernel_size: int, dilation: int, padding: str, window: Window) -> int:
    """The steps of the window that one convolution reads to compute `outputs`."""
    taps = tap_offsets(kernel_size, dilation, padding, window)
    if not taps:
        return 0
    reached = outputs
    done = 1
    while done < len(taps):  # doubling: log2(kernel_size) shifts
        step = min(done, len(taps) - done)
        reached |= reached << (step * dilation)
        done += step
    shifted = reached << taps[0] if taps[0] > 0 else reached >> -taps[0]
    return shifted & window.full


def tap_offsets(kernel_size: int, dilation: int, padding: str, window: Window) -> range:
    """Offsets that a convolution's taps read at, oldest first, but for those longer than the whole window."""
    first = -left_padding((kernel_size - 1) * dilation, padding)
    longest = window.steps - 1
    too_old = max(
        0, -((longest + first) // dilation)
    )  # smallest j with first + j·dilation >= −longest
    last = min(kernel_size - 1, (longest - first) // dilation)
    return range(first + too_old * dilation, first + last * dilation + 1, dilation)


class WastedTap(NamedTuple):
    """A tap that reads nothing but padding: `convolution` counts from the input, `tap` from the oldest."""

    convolution: int
    dilation: int
    tap: int


def wasted_taps(
    architecture: Architecture, window: Window, needed: Sequence[int]
) -> tuple[WastedTap, ...]:
    """Taps that only ever see padding while the output step is computed: too large a network."""
    oldest = [(outputs & -outputs).bit_length() - 1 for outputs in needed]
    newest = [outputs.bit_length() - 1 for outputs in needed]
    return _wasted(architecture, window, list(zip(oldest, newest, strict=True)))


def wasted_taps_of_causal(architecture: Architecture, window: Window) -> tuple[WastedTap, ...]:
    """The same for "causal" and "valid", where every convolution must deliver the output step itself."""
    convolutions = CONVOLUTIONS_PER_BLOCK * len(architecture.dilations) * architecture.nb_stacks
    return _wasted(architecture, window, [(window.back, window.back)] * convolutions)


def _wasted(
    architecture: Architecture, window: Window, needed: Sequence[tuple[int, int]]
) -> tuple[WastedTap, ...]:
    """Taps that read no step of the window, from the oldest and the newest step that is needed.

    A tap that looks back reads the window if the newest step does, a tap that looks ahead if the oldest does.
    """
    found = []
    kernel_size = architecture.kernel_size
    padding = architecture.padding
    dilations = [
        d
        for d in architecture.dilations * architecture.nb_stacks
        for _ in range(CONVOLUTIONS_PER_BLOCK)
    ]
    for convolution, (dilation, (oldest, newest)) in enumerate(zip(dilations, needed, strict=True)):
        first = -left_padding((kernel_size - 1) * dilation, padding)
        for tap in range(kernel_size):
            offset = first + tap * dilation
            reads = newest + offset >= 0 if offset <= 0 else oldest + offset < window.steps
            if newest < 0 or not reads:
                found.append(WastedTap(convolution, dilation, tap))
    return tuple(found)
