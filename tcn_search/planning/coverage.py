"""Which of the steps inside the receptive field are really reached, and which are blind spots."""

from __future__ import annotations

from dataclasses import dataclass

from tcn_search.planning.architecture import CONVOLUTIONS_PER_BLOCK, Architecture
from tcn_search.planning.receptive_field import covers, offsets_mask


@dataclass(frozen=True)
class Coverage:
    """What one output step of an architecture sees of the required context.

    `mask` is a bit set: bit i is the input step at offset i − look_back from the output step.
    """

    look_back: int
    look_ahead: int
    required_context: int
    covers: bool
    mask: int
    wanted: int

    @property
    def receptive_field(self) -> int:
        """Steps from the farthest back to the farthest ahead."""
        return self.look_back + 1 + self.look_ahead

    @property
    def blind_spot_count(self) -> int:
        """Steps of the required context, inside the receptive field, that no path reaches."""
        return (self.wanted & ~self.mask).bit_count()

    @property
    def blind_spots(self) -> tuple[int, ...]:
        """Those steps as offsets from the output step: −3 is three steps back."""
        return tuple(position - self.look_back for position in set_bits(self.wanted & ~self.mask))


def coverage(architecture: Architecture, required_context: int) -> Coverage:
    """Exact coverage of `required_context` steps by `architecture`.

    Blind spots are looked for where the task needs to see: causal and valid, the newest
    min(receptive field, required context) steps; `same`, read at step T // 2, the T // 2 steps back and the
    T − 1 − T // 2 ahead.
    """
    span = architecture.span
    mask = offsets_mask(
        architecture.kernel_size,
        architecture.dilations,
        architecture.nb_stacks,
        CONVOLUTIONS_PER_BLOCK,
        padding=architecture.padding,
        use_skip_connections=architecture.use_skip_connections,
    )
    if architecture.padding == "same":
        back = min(span.look_back, required_context // 2)
        ahead = min(span.look_ahead, required_context - 1 - required_context // 2)
    else:
        back, ahead = min(span.look_back, required_context - 1), 0
    wanted = ((1 << (back + 1 + ahead)) - 1) << (span.look_back - back)
    return Coverage(
        look_back=span.look_back,
        look_ahead=span.look_ahead,
        required_context=required_context,
        covers=covers(span, required_context, architecture.padding),
        mask=mask,
        wanted=wanted,
    )


def set_bits(mask: int) -> list[int]:
    """Positions of the ones in a bit set, ascending.

    >>> set_bits(0b10110)
    [1, 2, 4]
    """
    digits = bin(mask)[:1:-1]
    found, position = [], digits.find("1")
    while position >= 0:
        found.append(position)
        position = digits.find("1", position + 1)
    return found
