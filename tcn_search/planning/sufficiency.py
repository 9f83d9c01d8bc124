"""Decide whether a network covers the required context without blind spots.

Needs no filters, and is fast enough for 100,000 networks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tcn_search.planning.architecture import CONVOLUTIONS_PER_BLOCK, Architecture
from tcn_search.planning.coverage import (
    coverage,
    coverage_through_pool,
    sees_its_own_step,
    unbroken_reach,
)
from tcn_search.planning.reach import window_of
from tcn_search.planning.receptive_field import Span, covers


class Requirements(NamedTuple):
    """The required context, and the choices on which the rules of coverage depend.

    Without a required context (None) the output sees the sequence through a pool.
    """

    seq_len: int
    required_context: int | None
    padding: str
    use_skip_connections: bool = True

    @property
    def steps_of_one(self) -> int:
        """Number of steps that one step of the TCN must see, itself included."""
        return self.required_context or 1


def sufficient_stacks(
    kernel_size: int,
    dilations: Sequence[int],
    spans: Mapping[int, Span],
    requirements: Requirements,
) -> list[int]:
    """Return the numbers of stacks that suffice.

    Args:
        spans: span of the network for each number of stacks, ascending.
    """
    sufficient: list[int] = []
    for nb_stacks, span in spans.items():
        # Residual paths lead around a further stack, so with "same" it hides no step.
        is_certain = sufficient and requirements.padding == "same"
        if is_certain or suffices(kernel_size, dilations, nb_stacks, span, requirements):
            sufficient.append(nb_stacks)
    return sufficient


def suffices(
    kernel_size: int,
    dilations: Sequence[int],
    nb_stacks: int,
    span: Span,
    requirements: Requirements,
) -> bool:
    """Return whether a network covers the required context without blind spots and gives output.

    Uses a closed form where there is one, otherwise the exact bit set.

    Raises:
        InputError: the bit set would take too long.
    """
    required_context = requirements.required_context
    if required_context is None:
        return gives_output(span, requirements) and _pool_sees_all(
            kernel_size, dilations, nb_stacks, requirements
        )
    if not covers(span, required_context, requirements.padding):
        return False
    if not gives_output(span, requirements):
        return False
    if requirements.padding != "same":
        repeats = CONVOLUTIONS_PER_BLOCK * nb_stacks
        return unbroken_reach(kernel_size, dilations, repeats) >= required_context
    required = window_of(required_context, "same")
    if _unbroken_side(kernel_size, dilations, nb_stacks) > max(required.back, required.ahead):
        return True
    architecture = _architecture(kernel_size, dilations, nb_stacks, requirements)
    return not coverage(architecture, required_context, requirements.seq_len).blind_spot_count


def _pool_sees_all(
    kernel_size: int, dilations: Sequence[int], nb_stacks: int, requirements: Requirements
) -> bool:
    """Return whether every step of the sequence reaches some output step."""
    padding = requirements.padding
    skips = requirements.use_skip_connections
    if padding == "valid":
        # The first steps have no output of their own: later outputs must see them.
        repeats = CONVOLUTIONS_PER_BLOCK * nb_stacks
        look_back = (kernel_size - 1) * sum(dilations) * repeats
        if unbroken_reach(kernel_size, dilations, repeats) > look_back:
            return True
        if requirements.seq_len >= 2 * look_back:  # the farthest tap serves the first steps
            return True
    elif sees_its_own_step(kernel_size, dilations, padding, skips):
        return True
    architecture = _architecture(kernel_size, dilations, nb_stacks, requirements)
    return not coverage_through_pool(architecture, requirements.seq_len).blind_spot_count


def _architecture(
    kernel_size: int, dilations: Sequence[int], nb_stacks: int, requirements: Requirements
) -> Architecture:
    return Architecture(
        kernel_size=kernel_size,
        dilations=tuple(dilations),
        nb_stacks=nb_stacks,
        padding=requirements.padding,
        use_skip_connections=requirements.use_skip_connections,
    )


def _unbroken_side(kernel_size: int, dilations: Sequence[int], nb_stacks: int) -> int:
    """Return a lower bound of the steps that "same" reaches without a gap on its shorter side.

    The output step is included. Each side is reached at least as by a causal network with the taps
    of that side. A block whose taps lie evenly around the step has kernel_size − 1 of them on each
    side. With an even kernel this holds for even dilations, and dilation 1 has one tap less before
    the step. For an even kernel and other odd dilations the bound is 0.
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


def gives_output(span: Span, requirements: Requirements) -> bool:
    """Return whether the network has an output step: "valid" needs a whole receptive field."""
    return requirements.padding != "valid" or span.receptive_field <= requirements.seq_len


def unchecked_span(
    kernel_size: int, dilations: Sequence[int], nb_stacks: int, padding: str
) -> Span:
    """Return look-back and look-ahead as `Architecture.span` does, without checking arguments."""
    repeats = CONVOLUTIONS_PER_BLOCK * nb_stacks
    if padding != "same":
        return Span(repeats * (kernel_size - 1) * sum(dilations), 0)
    back = sum((kernel_size - 1) * dilation // 2 for dilation in dilations)
    return Span(repeats * back, repeats * ((kernel_size - 1) * sum(dilations) - back))
