"""Which of the steps inside the receptive field are really reached, and which are blind spots."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tcn_search.arguments import positive_integer
from tcn_search.planning.architecture import CONVOLUTIONS_PER_BLOCK, Architecture
from tcn_search.planning.reach import Window, near_window, reach, window_of
from tcn_search.planning.receptive_field import covers


@dataclass(frozen=True)
class Coverage:
    """What one output step of an architecture sees of the required context.

    `mask` (reached) and `wanted` are bit sets: bit i is the input step at offset i − origin from the output
    step. The mask ends where the sequence ends.
    """

    look_back: int
    look_ahead: int
    required_context: int
    covers: bool
    mask: int
    wanted: int
    origin: int

    @property
    def receptive_field(self) -> int:
        """Steps from the farthest back to the farthest ahead."""
        return self.look_back + 1 + self.look_ahead

    @property
    def reached(self) -> tuple[int, ...]:
        """Steps that a path reaches, as offsets from the output step: −3 is three steps back."""
        return tuple(position - self.origin for position in set_bits(self.mask))

    @property
    def blind_spot_count(self) -> int:
        """Steps of the required context, inside the receptive field, that no path reaches."""
        return (self.wanted & ~self.mask).bit_count()

    @property
    def blind_spots(self) -> tuple[int, ...]:
        """Those steps as offsets from the output step."""
        return tuple(position - self.origin for position in set_bits(self.wanted & ~self.mask))

    def blind_runs(self, most: int) -> list[tuple[int, int]]:
        """Runs of blind spots as (nearest, farthest) offsets, nearest to the output step first, at most so many."""
        blind = self.wanted & ~self.mask
        behind = blind & ((1 << self.origin) - 1)
        ahead = blind >> self.origin
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
    """Exact coverage of `required_context` steps by `architecture`.

    Blind spots are looked for where the task needs to see: causal and valid, the newest
    min(receptive field, required context) steps; `same`, read at step T // 2, the T // 2 steps back and the
    T − 1 − T // 2 ahead.

    Args:
        required_context: steps that the task needs to see.
        seq_len: steps of the sequence; what lies beyond is padding. Default: the required context.

    Raises:
        InputError: a number below 1.

    >>> coverage(Architecture(kernel_size=2, dilations=(2, 4, 8)), required_context=29).blind_spot_count
    14
    """
    required_context = positive_integer("required_context", required_context)
    seq_len = required_context if seq_len is None else positive_integer("seq_len", seq_len)
    window = window_of(seq_len, architecture.padding)
    span = architecture.span
    needed = window_of(required_context, architecture.padding)
    back = min(span.look_back, needed.back, window.back)
    ahead = min(span.look_ahead, needed.ahead, window.ahead)
    return Coverage(
        look_back=span.look_back,
        look_ahead=span.look_ahead,
        required_context=required_context,
        covers=covers(span, required_context, architecture.padding),
        mask=_reached(architecture, seq_len, window),
        wanted=Window(back, ahead).full << (window.back - back),
        origin=window.back,
    )


def _reached(architecture: Architecture, seq_len: int, window: Window) -> int:
    """The steps of the window that reach the output; in closed form where causal leaves no hole."""
    near = near_window(architecture, seq_len)
    repeats = CONVOLUTIONS_PER_BLOCK * architecture.nb_stacks
    unbroken = unbroken_reach(architecture.kernel_size, architecture.dilations, repeats)
    whole = architecture.padding != "same" and unbroken >= near.steps
    return (near.full if whole else reach(architecture, near).inputs) << (window.back - near.back)


def unbroken_reach(kernel_size: int, dilations: Iterable[int], repeats: int) -> int:
    """Newest lags that a causal or valid network reaches without a hole, in closed form.

    `repeats` is convolutions per block times stacks. With the dilations sorted, each must be no longer than
    what the smaller ones reach already; the first one that is longer leaves the next lag blind. For one base
    b and c convolutions a level that is b ≤ 1 + c·(kernel_size − 1).

    >>> unbroken_reach(3, (1, 2, 4, 8), repeats=2)
    61
    >>> unbroken_reach(3, (1, 9), repeats=2)  # lag 5 is the first blind one
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
    """Positions of the ones in a bit set, ascending.

    >>> set_bits(0b10110)
    [1, 2, 4]
    """
    digits = bin(mask)[:1:-1]
    found = []
    position = digits.find("1")
    while position >= 0:
        found.append(position)
        position = digits.find("1", position + 1)
    return found
