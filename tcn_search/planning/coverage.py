"""Steps of the required context that one output step depends on, and blind spots."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tcn_search.arguments import positive_integer, required_within
from tcn_search.planning.architecture import CONVOLUTIONS_PER_BLOCK, Architecture
from tcn_search.planning.reach import Window, reach, visible_window, window_of
from tcn_search.planning.receptive_field import covers


@dataclass(frozen=True)
class Coverage:
    """Coverage of the required context by one output step.

    `mask` (steps that are reached) and `required` (steps of the required context inside the
    receptive field) are bit sets: bit i is the input step at offset i − origin from the output
    step. The mask ends where the sequence ends. Of a pooled output without a required context the
    mask has the steps that are seen through the pool; offsets count from the last step.
    """

    look_back: int
    look_ahead: int
    required_context: int | None
    covers: bool
    mask: int
    required: int
    origin: int

    @property
    def receptive_field(self) -> int:
        """Number of steps from the farthest back to the farthest ahead."""
        return self.look_back + 1 + self.look_ahead

    @property
    def reached(self) -> tuple[int, ...]:
        """Input steps that are reached, as offsets from the output step: −3 is three steps back."""
        return tuple(position - self.origin for position in set_bits(self.mask))

    @property
    def _blind(self) -> int:
        """The bit set of the blind spots."""
        return self.required & ~self.mask

    @property
    def blind_spot_count(self) -> int:
        """Number of steps of the required context, inside the receptive field, without a path."""
        return self._blind.bit_count()

    @property
    def blind_spots(self) -> tuple[int, ...]:
        """The blind spots as offsets from the output step."""
        return tuple(position - self.origin for position in set_bits(self._blind))

    def blind_runs(self, most: int) -> list[tuple[int, int]]:
        """Return at most `most` runs of blind spots as (nearest, farthest) offsets.

        The run nearest to the output step comes first.
        """
        behind = self._blind & ((1 << self.origin) - 1)
        ahead = self._blind >> self.origin
        runs: list[tuple[int, int]] = []
        while behind and len(runs) < most:
            nearest = behind.bit_length() - 1
            farthest = (~behind & ((1 << nearest) - 1)).bit_length()
            runs.append((nearest - self.origin, farthest - self.origin))
            behind &= (1 << farthest) - 1
        passed = 0
        while ahead and len(runs) < 2 * most:
            skipped = (ahead & -ahead).bit_length() - 1
            ahead >>= skipped
            length = (~ahead & -~ahead).bit_length() - 1
            runs.append((passed + skipped, passed + skipped + length - 1))
            ahead >>= length
            passed += skipped + length
        return sorted(runs, key=lambda run: abs(run[0]))[:most]


def coverage(
    architecture: Architecture, required_context: int, seq_len: int | None = None
) -> Coverage:
    """Return the exact coverage of `required_context` steps by `architecture`.

    Blind spots are counted inside the required context: for causal and valid padding the newest
    min(receptive field, required context) steps; for "same", read at step T // 2, the T // 2 steps
    back and the T − 1 − T // 2 steps ahead.

    Args:
        required_context: number of steps that one output step must be able to see.
        seq_len: steps of the sequence; steps beyond it are padding. Default: the required context.

    Raises:
        InputError: a number is below 1 or above its limit, or the bit sets would take too long.

    >>> architecture = Architecture(kernel_size=2, dilations=(2, 4, 8))
    >>> coverage(architecture, required_context=29).blind_spot_count
    14
    """
    required_context = positive_integer("required_context", required_context)
    if seq_len is None:
        seq_len = required_context
    seq_len = positive_integer("seq_len", seq_len)
    window = window_of(seq_len, architecture.padding)
    span = architecture.span
    context = window_of(required_context, architecture.padding)
    back = min(span.look_back, context.back, window.back)
    ahead = min(span.look_ahead, context.ahead, window.ahead)
    return Coverage(
        look_back=span.look_back,
        look_ahead=span.look_ahead,
        required_context=required_context,
        covers=covers(span, required_context, architecture.padding),
        mask=_reached_mask(architecture, seq_len, window),
        required=Window(back, ahead).full << (window.back - back),
        origin=window.back,
    )


def coverage_through_pool(architecture: Architecture, seq_len: int) -> Coverage:
    """Return the coverage of a sequence by an output that sees every step through a pool.

    Raises:
        InputError: a number is below 1 or above its limit, or the bit sets would take too long.

    >>> network = Architecture(kernel_size=2, dilations=(1,), readout="max")
    >>> coverage_through_pool(network, seq_len=600).blind_spot_count
    0
    """
    seq_len = positive_integer("seq_len", seq_len)
    window = Window(seq_len - 1, 0)
    span = architecture.span
    return Coverage(
        look_back=span.look_back,
        look_ahead=span.look_ahead,
        required_context=None,
        covers=True,
        mask=_pooled_mask(architecture, window),
        required=window.full,
        origin=window.back,
    )


def seen_by_the_tcn(
    architecture: Architecture, seq_len: int | None, required_context: int | None = None
) -> tuple[Architecture, int, Coverage]:
    """Return the TCN behind a stem, the number of steps that it is given, and its coverage.

    Behind a stem, its steps are patches.

    Args:
        seq_len: steps of the sequence; None is refused.
        required_context: steps that one step must see. None: all, and through a pool any number.

    Raises:
        InputError: a number is out of range, or no patch fits into the sequence.
    """
    lengths = required_within(seq_len, required_context)
    architecture.require_patches(lengths[0])
    is_bounded = required_context is not None or not architecture.is_pooled
    steps, context = (architecture.patches_of(architecture.steps_of(length)) for length in lengths)
    tcn = architecture.tcn_alone
    if is_bounded:
        return tcn, steps, coverage(tcn, context, steps)
    return tcn, steps, coverage_through_pool(tcn, steps)


def _pooled_mask(architecture: Architecture, window: Window) -> int:
    """Return the bit set of the steps that reach any output step."""
    outputs = window.full
    if architecture.padding == "valid":
        outputs = window.full >> architecture.span.look_back << architecture.span.look_back
    elif sees_its_own_step(
        architecture.kernel_size,
        architecture.dilations,
        architecture.padding,
        architecture.use_skip_connections,
    ):
        return window.full
    return reach(architecture, window, outputs).inputs


def sees_its_own_step(
    kernel_size: int, dilations: Iterable[int], padding: str, use_skip_connections: bool
) -> bool:
    """Return whether certainly every step of a TCN's output depends on the input at that step.

    A causal kernel has a tap there. With "same", an odd kernel has one, an even kernel only for
    dilation 1; without skip connections the residual path leads there.
    """
    return padding == "causal" or kernel_size % 2 == 1 or 1 in dilations or not use_skip_connections


def _reached_mask(architecture: Architecture, seq_len: int, window: Window) -> int:
    """Return the bit set of the steps of the window that are reached.

    For a causal or valid network without blind spots it has a closed form.
    """
    visible = visible_window(architecture, seq_len)
    repeats = CONVOLUTIONS_PER_BLOCK * architecture.nb_stacks
    unbroken = unbroken_reach(architecture.kernel_size, architecture.dilations, repeats)
    if architecture.padding != "same" and unbroken >= visible.steps:
        mask = visible.full
    else:
        mask = reach(architecture, visible).inputs
    return mask << (window.back - visible.back)


def unbroken_reach(kernel_size: int, dilations: Iterable[int], repeats: int) -> int:
    """Return how many of the newest lags a causal or valid network reaches without a gap.

    Closed form: with the dilations sorted, each must be at most the number of lags that the smaller
    ones reach; the first dilation that is larger leaves the next lag a blind spot. For one base b
    and c convolutions per level the condition is b ≤ 1 + c·(kernel_size − 1).

    Args:
        repeats: convolutions per block times number of stacks.

    >>> unbroken_reach(3, (1, 2, 4, 8), repeats=2)
    61
    >>> unbroken_reach(3, (1, 9), repeats=2)  # lag 5 is the first blind spot
    5
    """
    if kernel_size == 1:
        return 1
    reached = 1
    for dilation in sorted(dilations):
        if dilation > reached:
            break
        reached += repeats * (kernel_size - 1) * dilation
    return reached


def set_bits(mask: int) -> list[int]:
    """Return the positions of the ones in a bit set, ascending.

    >>> set_bits(0b10110)
    [1, 2, 4]
    """
    digits = bin(mask)[:1:-1]
    positions = []
    position = digits.find("1")
    while position >= 0:
        positions.append(position)
        position = digits.find("1", position + 1)
    return positions
