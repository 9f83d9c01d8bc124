"""Whether a network suffices, before its filters are known, quick enough for 100,000 of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tcn_search.planning.architecture import CONVOLUTIONS_PER_BLOCK, Architecture
from tcn_search.planning.coverage import coverage, unbroken_reach
from tcn_search.planning.reach import window_of
from tcn_search.planning.receptive_field import Span, covers


class Need(NamedTuple):
    """What the sequences ask of a network."""

    seq_len: int
    required_context: int
    padding: str
    use_skip_connections: bool = True


def sufficient_stacks(
    kernel_size: int, dilations: Sequence[int], reached: Mapping[int, Span], need: Need
) -> list[int]:
    """Those of the ascending numbers of stacks in `reached` that suffice."""
    good: list[int] = []
    for nb_stacks, span in reached.items():
        # Residual paths lead around a further stack, so with `same` nothing is lost by one.
        if (good and need.padding == "same") or suffices(
            kernel_size, dilations, nb_stacks, span, need
        ):
            good.append(nb_stacks)
    return good


def suffices(
    kernel_size: int, dilations: Sequence[int], nb_stacks: int, reached: Span, need: Need
) -> bool:
    """Whether a network covers the required context without blind spots, and can run at this length.

    Closed form where there is one; otherwise the exact bit set.
    """
    if not covers(reached, need.required_context, need.padding) or not fits(reached, need):
        return False
    repeats = CONVOLUTIONS_PER_BLOCK * nb_stacks
    if need.padding != "same":
        return unbroken_reach(kernel_size, dilations, repeats) >= need.required_context
    wanted = window_of(need.required_context, "same")
    if _unbroken_side(kernel_size, dilations, nb_stacks) > max(wanted.back, wanted.ahead):
        return True
    architecture = Architecture(
        kernel_size=kernel_size,
        dilations=tuple(dilations),
        nb_stacks=nb_stacks,
        padding=need.padding,
        use_skip_connections=need.use_skip_connections,
    )
    return not coverage(architecture, need.required_context, need.seq_len).blind_spot_count


def _unbroken_side(kernel_size: int, dilations: Sequence[int], nb_stacks: int) -> int:
    """Steps that "same" reaches without a hole on the shorter side at least, the output step included.

    Each side is reached at least as by a causal network with that side's taps. A block whose taps lie evenly
    around the step has kernel_size − 1 of them on a side; with an even kernel that is so where the dilation is
    even, and dilation 1 has one less before the step. Other odd dilations are not counted on.
    """
    even_kernel = kernel_size % 2 == 0
    if even_kernel and (1 not in dilations or any(d % 2 and d > 1 for d in dilations)):
        return 0
    reached = 1
    for dilation in sorted(dilations):
        if dilation > reached:
            break
        one_less = even_kernel and dilation == 1
        reached += nb_stacks * (kernel_size - 1 - one_less) * dilation
    return reached


def fits(reached: Span, need: Need) -> bool:
    """Whether the network gives any output at this length: `valid` needs a whole receptive field."""
    return need.padding != "valid" or reached.receptive_field <= need.seq_len


def reach_of(kernel_size: int, dilations: Sequence[int], nb_stacks: int, padding: str) -> Span:
    """How far back and ahead the network sees: `Architecture.span` without its checks."""
    repeats = CONVOLUTIONS_PER_BLOCK * nb_stacks
    if padding != "same":
        return Span(repeats * (kernel_size - 1) * sum(dilations), 0)
    back = sum((kernel_size - 1) * dilation // 2 for dilation in dilations)
    return Span(repeats * back, repeats * ((kernel_size - 1) * sum(dilations) - back))
