"""Find the smallest changes with which an architecture suffices, each verified exactly."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

from tcn_search.errors import InputError
from tcn_search.planning.architecture import CONVOLUTIONS_PER_BLOCK, Architecture
from tcn_search.planning.coverage import unbroken_reach
from tcn_search.planning.reach import MOST_BITS
from tcn_search.planning.receptive_field import covers
from tcn_search.planning.sufficiency import Requirements, suffices, unchecked_span

_LARGEST_KERNEL = 64
_MOST_STACKS = 16
_MOST_LEVELS = 64
_MOST_TRIES = 2048


class Change(NamedTuple):
    """A change in words, and the architecture after it."""

    text: str
    architecture: Architecture


def smallest_changes(architecture: Architecture, requirements: Requirements) -> list[Change]:
    """Return the fewest further levels, the smallest kernel and the fewest stacks that suffice.

    >>> short = Architecture(kernel_size=6, dilations=(1, 2, 4, 8))
    >>> [change.text for change in smallest_changes(short, Requirements(300, 300, "causal"))]
    ['add one level (dilation 16)', 'kernel 11', '2 stacks']
    """
    changes = [
        _more_levels(architecture, requirements),
        _larger_kernel(architecture, requirements),
        _more_stacks(architecture, requirements),
    ]
    return [change for change in changes if change is not None]


def spare_reduction(architecture: Architecture, requirements: Requirements) -> Change | None:
    """Return a smaller network that suffices, or None.

    Drops as many of the levels with the longest dilations as possible; if none can be dropped,
    takes the smallest kernel that suffices.
    """
    kept = list(architecture.dilations)
    dropped: list[int] = []
    while len(kept) > 1 and len(dropped) < _most_tries(architecture, requirements):
        longest = max(kept)
        kept.remove(longest)
        if not _suffices(architecture, requirements, dilations=tuple(kept)):
            break
        dropped.append(longest)
    if dropped:
        remaining = list(architecture.dilations)
        for dilation in dropped:
            remaining.remove(dilation)
        reduced = _with(architecture, dilations=tuple(remaining))
        return Change(_levels_text("drop", sorted(dropped)), reduced)
    for kernel_size in _smaller_kernels(architecture, requirements):
        if _suffices(architecture, requirements, kernel_size=kernel_size):
            return Change(f"kernel {kernel_size}", _with(architecture, kernel_size=kernel_size))
    return None


def _smaller_kernels(architecture: Architecture, requirements: Requirements) -> range:
    """Return the kernel sizes to try, ascending, from the smallest that reaches far enough."""
    dilations = architecture.dilations
    nb_stacks = architecture.nb_stacks
    padding = architecture.padding
    repeats = CONVOLUTIONS_PER_BLOCK * nb_stacks

    def is_far_enough(kernel_size: int) -> bool:
        span = unchecked_span(kernel_size, dilations, nb_stacks, padding)
        if not covers(span, requirements.steps_of_one, padding):
            return False
        if padding == "same":
            return True
        return unbroken_reach(kernel_size, dilations, repeats) >= requirements.steps_of_one

    sizes = range(1, architecture.kernel_size)
    first = bisect_left(sizes, True, key=is_far_enough)
    return sizes[first : first + _most_tries(architecture, requirements)]


def _most_tries(architecture: Architecture, requirements: Requirements) -> int:
    """Return how many networks may be tried: fewer if each needs long bit sets."""
    if requirements.padding != "same":
        return _MOST_TRIES
    blocks = len(architecture.dilations) * architecture.nb_stacks
    return min(_MOST_TRIES, max(1, MOST_BITS // (blocks * requirements.seq_len)))


def next_dilation(dilations: tuple[int, ...]) -> int:
    """Return the dilation of a further level: the next power, or twice the longest dilation.

    >>> next_dilation((1, 3, 9)), next_dilation((1, 2, 3))
    (27, 6)
    """
    if len(dilations) > 1 and dilations[0] < dilations[1] and not dilations[1] % dilations[0]:
        base = dilations[1] // dilations[0]
        if all(later == earlier * base for earlier, later in pairwise(dilations)):
            return dilations[-1] * base
    return 2 * max(dilations)


def _more_levels(architecture: Architecture, requirements: Requirements) -> Change | None:
    """Return the fewest further levels that suffice; gaps are closed before the field grows."""
    added: list[int] = []
    dilations = architecture.dilations
    for _ in range(min(_MOST_LEVELS, _most_tries(architecture, requirements))):
        gap = _shortest_gap(architecture, dilations, requirements)
        if gap is None:
            added.append(next_dilation(dilations))
            dilations = (*dilations, added[-1])
        else:
            added.append(gap)
            dilations = tuple(sorted((*dilations, gap)))
        if _suffices(architecture, requirements, dilations=dilations):
            return Change(_levels_text("add", added), _with(architecture, dilations=dilations))
        span = unchecked_span(
            architecture.kernel_size, dilations, architecture.nb_stacks, requirements.padding
        )
        if requirements.padding == "valid" and span.receptive_field > requirements.seq_len:
            return None
    return None


def _shortest_gap(
    architecture: Architecture, dilations: tuple[int, ...], requirements: Requirements
) -> int | None:
    """Return the dilation that closes the gap nearest to the output step, or None without gaps."""
    if architecture.kernel_size == 1:
        return None
    repeats = CONVOLUTIONS_PER_BLOCK * architecture.nb_stacks
    reached = unbroken_reach(architecture.kernel_size, dilations, repeats)
    whole = 1 + repeats * (architecture.kernel_size - 1) * sum(dilations)
    if requirements.padding == "same":
        if reached < whole and 1 not in dilations:
            return 1
        return None
    if reached < min(whole, requirements.steps_of_one):
        return reached
    return None


def _larger_kernel(architecture: Architecture, requirements: Requirements) -> Change | None:
    sizes = range(architecture.kernel_size + 1, _LARGEST_KERNEL + 1)
    return _first_that_suffices(
        architecture, requirements, "kernel_size", sizes, lambda size: f"kernel {size}"
    )


def _more_stacks(architecture: Architecture, requirements: Requirements) -> Change | None:
    numbers = range(architecture.nb_stacks + 1, _MOST_STACKS + 1)
    return _first_that_suffices(
        architecture, requirements, "nb_stacks", numbers, lambda number: f"{number} stacks"
    )


def _first_that_suffices(
    architecture: Architecture,
    requirements: Requirements,
    argument: str,
    values: range,
    text_of: Callable[[int], str],
) -> Change | None:
    """Return the change of one argument to the first value that suffices, or None."""
    for value in values[: _most_tries(architecture, requirements)]:
        if _suffices(architecture, requirements, **{argument: value}):
            return Change(text_of(value), _with(architecture, **{argument: value}))
    return None


def _suffices(architecture: Architecture, requirements: Requirements, **change: object) -> bool:
    try:
        changed = _with(architecture, **change)
        return suffices(
            changed.kernel_size, changed.dilations, changed.nb_stacks, changed.span, requirements
        )
    except InputError:  # above the limits of an architecture, or its bit sets take too long
        return False


def _with(architecture: Architecture, **change: object) -> Architecture:
    """Return the architecture with arguments changed.

    Filters per level become one number, their maximum: the number of levels may change, and filters
    do not affect coverage.
    """
    filters = architecture.nb_filters
    if not isinstance(filters, int):
        filters = max(filters)
    return Architecture.from_dict({**architecture.to_dict(), "nb_filters": filters, **change})


def _levels_text(verb: str, dilations: list[int]) -> str:
    if len(dilations) == 1:
        return f"{verb} one level (dilation {dilations[0]})"
    shown = [str(dilation) for dilation in dilations]
    if len(shown) > 4:
        shown = [*shown[:2], "…", shown[-1]]
    return f"{verb} {len(dilations)} levels (dilations {', '.join(shown)})"
