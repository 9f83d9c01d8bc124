"""Which steps each convolution must deliver so that one output step is exact, as bit sets.

A window is the sequence as seen from the output step: `back` steps before it and `ahead` after it. Bit i of a
set is the step at offset i − back. What lies outside the window is padding, zero at the input of every
convolution, so no path goes through it: each set is cut to the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tcn_search.planning.architecture import CONVOLUTIONS_PER_BLOCK, Architecture
from tcn_search.planning.receptive_field import left_padding


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
    kernel_size, padding = architecture.kernel_size, architecture.padding
    skips = architecture.use_skip_connections
    needed: list[int] = []
    block_output = 0 if skips else window.output
    for dilation in reversed(architecture.dilations * architecture.nb_stacks):
        wanted = block_output | window.output if skips else block_output
        for _ in range(CONVOLUTIONS_PER_BLOCK):
            needed.append(wanted)
            wanted = taps_of(wanted, kernel_size, dilation, padding, window)
        block_output |= wanted
    return Reach(block_output, tuple(reversed(needed)))


def taps_of(outputs: int, kernel_size: int, dilation: int, padding: str, window: Window) -> int:
    """The steps of the window that one convolution reads to compute `outputs`."""
    taps = tap_offsets(kernel_size, dilation, padding, window)
    if not taps:
        return 0
    reached, done = outputs, 1
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
    too_old = max(0, -((longest + first) // dilation))  # smallest j with first + j·dilation >= −longest
    last = min(kernel_size - 1, (longest - first) // dilation)
    return range(first + too_old * dilation, first + last * dilation + 1, dilation)


class WastedTap(NamedTuple):
    """A tap that reads nothing but padding: `convolution` counts from the input, `tap` from the oldest."""

    convolution: int
    dilation: int
    tap: int


def wasted_taps(architecture: Architecture, window: Window, needed: Sequence[int]) -> tuple[WastedTap, ...]:
    """Taps that only ever see padding while the output step is computed: too large a network."""
    found = []
    kernel_size, padding = architecture.kernel_size, architecture.padding
    dilations = [
        d for d in architecture.dilations * architecture.nb_stacks for _ in range(CONVOLUTIONS_PER_BLOCK)
    ]
    for index, (dilation, outputs) in enumerate(zip(dilations, needed, strict=True)):
        first = -left_padding((kernel_size - 1) * dilation, padding)
        for tap in range(kernel_size):
            if not _reads_the_window(outputs, first + tap * dilation, window):
                found.append(WastedTap(index, dilation, tap))
    return tuple(found)


def _reads_the_window(outputs: int, offset: int, window: Window) -> bool:
    """Whether any of the steps `outputs`, moved by `offset`, is inside the window."""
    low, high = max(0, -offset), min(window.steps, window.steps - offset)
    if low >= high:
        return False
    newest = outputs.bit_length() - 1
    if low <= newest < high:  # decides nearly always, without a shift of the whole set
        return True
    return (outputs >> low) & ((1 << (high - low)) - 1) != 0
