"""Steps that each convolution must compute so that one output step is exact, as bit sets.

A window is the sequence as seen from the output step: `back` steps before it and `ahead` steps
after it. Bit i of a set is the step at offset i − back. Steps outside the window are padding, zero
at the input of every convolution. No path leads through them, so every set is cut to the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tcn_search.errors import InputError
from tcn_search.planning.architecture import CONVOLUTIONS_PER_BLOCK, Architecture
from tcn_search.planning.receptive_field import left_padding

MOST_BITS = 2**29  # total bits of all blocks' sets: shifted in less than a second
_MOST_BITS_OF_MANY = 2**33  # total over many networks, most of which need no bit sets


class Window(NamedTuple):
    """A sequence as numbers of steps before and after the output step."""

    back: int
    ahead: int

    @property
    def steps(self) -> int:
        """Number of steps of the sequence."""
        return self.back + 1 + self.ahead

    @property
    def full(self) -> int:
        """The bit set of all steps."""
        return (1 << self.steps) - 1

    @property
    def output(self) -> int:
        """The bit set of the output step alone."""
        return 1 << self.back


def visible_window(architecture: Architecture, seq_len: int) -> Window:
    """Return the window of the steps of a sequence that lie inside the receptive field."""
    window = window_of(seq_len, architecture.padding)
    span = architecture.span
    return Window(min(span.look_back, window.back), min(span.look_ahead, window.ahead))


class Reach(NamedTuple):
    """Bit sets of steps that one output step depends on.

    `inputs` are input steps; `convolutions` has the output steps of each convolution, in order.
    """

    inputs: int
    convolutions: tuple[int, ...]


def window_of(seq_len: int, padding: str) -> Window:
    """Return the window around the output step: the last step, or T // 2 with padding "same".

    >>> window_of(600, "same")
    Window(back=300, ahead=299)
    """
    if padding == "same":
        return Window(seq_len // 2, seq_len - 1 - seq_len // 2)
    return Window(seq_len - 1, 0)


def reach(architecture: Architecture, window: Window, outputs: int | None = None) -> Reach:
    """Trace the output step back through skips, residuals and convolutions to the input.

    The result is the support of the gradient of a linear network with positive weights.

    Args:
        outputs: bit set of several output steps to trace. Default: the output step of the window.

    Raises:
        InputError: the bit sets would take too long.
    """
    _require_few_bits(architecture, window)
    kernel_size = architecture.kernel_size
    padding = architecture.padding
    skips = architecture.use_skip_connections
    if outputs is None:
        outputs = window.output
    needed: list[int] = []
    block_output = 0  # nothing reads it where the skip outputs are added up
    if not skips:
        block_output = outputs
    for stack in range(architecture.nb_stacks):
        before = block_output
        needed_by_stack: list[int] = []
        for dilation in reversed(architecture.dilations):
            steps = block_output
            if skips:
                steps |= outputs
            for _ in range(CONVOLUTIONS_PER_BLOCK):
                needed_by_stack.append(steps)
                steps = _steps_read(steps, kernel_size, dilation, padding, window)
            block_output |= steps
        if stack and block_output == before:  # further stacks add no steps either
            needed += needed_by_stack * (architecture.nb_stacks - stack)
            break
        needed += needed_by_stack
    return Reach(block_output, tuple(reversed(needed)))


def _require_few_bits(architecture: Architecture, window: Window) -> None:
    """Raise an InputError if the bit sets of a network would take too long."""
    blocks = len(architecture.dilations) * architecture.nb_stacks
    if blocks * window.steps > MOST_BITS:
        raise InputError(
            f"seq_len × levels × nb_stacks must be at most {MOST_BITS:,} where steps are traced "
            'one by one, with padding "same" or with blind spots. '
            f"Received: {window.steps:,} × {blocks}. "
            'Use padding "causal" without blind spots, or shorter sequences.'
        )


def require_few_bits_of_many(blocks: int, seq_len: int) -> None:
    """Raise an InputError if tracing many networks with padding "same" would take too long.

    Args:
        blocks: residual blocks of all networks together.
    """
    if blocks * seq_len > _MOST_BITS_OF_MANY:
        raise InputError(
            'With padding "same" the blocks of all architectures together, times the sequence '
            f"length, must be at most {_MOST_BITS_OF_MANY:,}. Received: {blocks:,} × {seq_len:,}. "
            'Narrow the ranges, or use padding "causal".'
        )


def _steps_read(outputs: int, kernel_size: int, dilation: int, padding: str, window: Window) -> int:
    """Return the steps of the window that one convolution reads to compute the steps `outputs`."""
    taps = _tap_offsets(kernel_size, dilation, padding, window)
    if not taps:
        return 0
    reached = outputs
    taps_done = 1
    while taps_done < len(taps):  # doubling: log2(kernel_size) shifts
        step = min(taps_done, len(taps) - taps_done)
        reached |= reached << (step * dilation)
        taps_done += step
    if taps[0] > 0:
        return (reached << taps[0]) & window.full
    return (reached >> -taps[0]) & window.full


def _tap_offsets(kernel_size: int, dilation: int, padding: str, window: Window) -> range:
    """Return the offsets at which a convolution's taps read, oldest first.

    Offsets as long as the window or longer read only padding and are left out.
    """
    oldest = -left_padding((kernel_size - 1) * dilation, padding)
    longest = window.steps - 1
    first = max(0, -((longest + oldest) // dilation))  # smallest with oldest + first·d ≥ −longest
    last = min(kernel_size - 1, (longest - oldest) // dilation)
    return range(oldest + first * dilation, oldest + last * dilation + 1, dilation)


class WastedTap(NamedTuple):
    """A tap that reads only padding.

    `convolution` counts from the input, `tap` from the oldest tap of the convolution.
    """

    convolution: int
    dilation: int
    tap: int


def wasted_taps(
    architecture: Architecture, window: Window, needed: Sequence[int]
) -> tuple[WastedTap, ...]:
    """Return the taps that read only padding while the output step is computed.

    Args:
        needed: the steps that each convolution must compute, as `Reach.convolutions`.
    """
    oldest = [(outputs & -outputs).bit_length() - 1 for outputs in needed]
    newest = [outputs.bit_length() - 1 for outputs in needed]
    return _wasted_taps(architecture, window, list(zip(oldest, newest, strict=True)))


def wasted_taps_of_causal(architecture: Architecture, window: Window) -> tuple[WastedTap, ...]:
    """Return the wasted taps with padding "causal" or "valid", without tracing steps.

    Every convolution must compute the output step itself there, which is its newest step.
    """
    convolutions = CONVOLUTIONS_PER_BLOCK * len(architecture.dilations) * architecture.nb_stacks
    return _wasted_taps(architecture, window, [(window.back, window.back)] * convolutions)


def wasted_taps_of_pooled(architecture: Architecture, seq_len: int) -> tuple[WastedTap, ...]:
    """Return the taps that read only padding while every step of a sequence is computed."""
    convolutions = CONVOLUTIONS_PER_BLOCK * len(architecture.dilations) * architecture.nb_stacks
    return _wasted_taps(architecture, Window(seq_len - 1, 0), [(0, seq_len - 1)] * convolutions)


def _wasted_taps(
    architecture: Architecture, window: Window, needed: Sequence[tuple[int, int]]
) -> tuple[WastedTap, ...]:
    """Return the taps that read no step of the window.

    A tap that looks back reads the window if it does so for the newest step that is computed, a tap
    that looks ahead if it does so for the oldest one.

    Args:
        needed: positions of the oldest and the newest step that each convolution must compute.
    """
    wasted = []
    kernel_size = architecture.kernel_size
    dilations = architecture.dilations * architecture.nb_stacks
    for convolution, (oldest, newest) in enumerate(needed):
        dilation = dilations[convolution // CONVOLUTIONS_PER_BLOCK]
        first = -left_padding((kernel_size - 1) * dilation, architecture.padding)
        for tap in range(kernel_size):
            offset = first + tap * dilation
            step = newest if offset <= 0 else oldest
            if newest < 0 or not 0 <= step + offset < window.steps:
                wasted.append(WastedTap(convolution, dilation, tap))
    return tuple(wasted)
