"""The smallest changes that make an architecture see what it must, each tried out exactly."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

from tcn_search.errors import InputError
from tcn_search.planning.architecture import CONVOLUTIONS_PER_BLOCK, Architecture
from tcn_search.planning.coverage import unbroken_reach
from tcn_search.planning.reach import MOST_BITS
from tcn_search.planning.receptive_field import covers
from tcn_search.planning.sufficiency import Need, reach_of, suffices

_MOST_KERNEL = 64
_MOST_STACKS = 16
_MOST_LEVELS = 64
_MOST_TRIES = 2048


class Change(NamedTuple):
    """One change, in words, and the architecture that it leads to."""

    text: str
    architecture: Architecture


def changes(architecture: Architecture, need: Need) -> list[Change]:
    """The smallest number of further levels, the smallest kernel and the fewest stacks that suffice.

    >>> short = Architecture(kernel_size=6, dilations=(1, 2, 4, 8))
    >>> [change.text for change in changes(short, Need(300, 300, "causal"))]
    ['add one level (dilation 16)', 'kernel 11', '2 stacks']
    """
    found = [
        _more_levels(architecture, need),
        _larger_kernel(architecture, need),
        _more_stacks(architecture, need),
    ]
    return [change for change in found if change is not None]


def smaller(architecture: Architecture, need: Need) -> Change | None:
    """The network without its longest levels, or with a smaller kernel; None if nothing is spare."""
    kept = list(architecture.dilations)
    dropped: list[int] = []
    while len(kept) > 1 and len(dropped) < _most_tries(architecture, need):
        longest = max(kept)
        kept.remove(longest)
        if not _suffices(architecture, need, dilations=tuple(kept)):
            break
        dropped.append(longest)
    if dropped:
        remaining = list(architecture.dilations)
        for dilation in dropped:
            remaining.remove(dilation)
        text = f"{_levels('drop', sorted(dropped))}"
        return Change(text, _changed(architecture, dilations=tuple(remaining)))
    for kernel_size in _smaller_kernels(architecture, need):
        if _suffices(architecture, need, kernel_size=kernel_size):
            return Change(f"kernel {kernel_size}", _changed(architecture, kernel_size=kernel_size))
    return None


def _smaller_kernels(architecture: Architecture, need: Need) -> range:
    """Kernel sizes to try, ascending, from the smallest that reaches far enough."""
    dilations = architecture.dilations
    nb_stacks = architecture.nb_stacks
    padding = architecture.padding
    repeats = CONVOLUTIONS_PER_BLOCK * nb_stacks

    def reaches(kernel_size: int) -> bool:
        reached = reach_of(kernel_size, dilations, nb_stacks, padding)
        if padding == "same" or not covers(reached, need.required_context, padding):
            return covers(reached, need.required_context, padding)
        return unbroken_reach(kernel_size, dilations, repeats) >= need.required_context

    sizes = range(1, architecture.kernel_size)
    first = bisect_left(sizes, True, key=reaches)
    return sizes[first : first + _most_tries(architecture, need)]


def _most_tries(architecture: Architecture, need: Need) -> int:
    """Changes that are tried one after another: fewer where each traces long bit sets."""
    if need.padding != "same":
        return _MOST_TRIES
    blocks = len(architecture.dilations) * architecture.nb_stacks
    return min(_MOST_TRIES, max(1, MOST_BITS // (blocks * need.seq_len)))


def next_dilation(dilations: tuple[int, ...]) -> int:
    """The dilation that a further level would have: the series goes on, or the longest is doubled.

    >>> next_dilation((1, 3, 9)), next_dilation((1, 2, 3))
    (27, 6)
    """
    if len(dilations) > 1 and dilations[0] < dilations[1] and not dilations[1] % dilations[0]:
        base = dilations[1] // dilations[0]
        if all(later == earlier * base for earlier, later in pairwise(dilations)):
            return dilations[-1] * base
    return 2 * max(dilations)


def _more_levels(architecture: Architecture, need: Need) -> Change | None:
    added: list[int] = []
    dilations = architecture.dilations
    for _ in range(min(_MOST_LEVELS, _most_tries(architecture, need))):
        gap = _shortest_gap(architecture, dilations, need)
        new = gap if gap is not None else next_dilation(dilations)
        dilations = tuple(sorted((*dilations, new))) if gap is not None else (*dilations, new)
        added.append(new)
        if _suffices(architecture, need, dilations=dilations):
            return Change(_levels("add", added), _changed(architecture, dilations=dilations))
        reached = reach_of(
            architecture.kernel_size, dilations, architecture.nb_stacks, need.padding
        )
        if need.padding == "valid" and reached.receptive_field > need.seq_len:
            return None
    return None


def _shortest_gap(architecture: Architecture, dilations: tuple[int, ...], need: Need) -> int | None:
    """The dilation that closes the gap nearest to the output step, where dilations leave one."""
    if architecture.kernel_size == 1:
        return None
    repeats = CONVOLUTIONS_PER_BLOCK * architecture.nb_stacks
    reached = unbroken_reach(architecture.kernel_size, dilations, repeats)
    whole = 1 + repeats * (architecture.kernel_size - 1) * sum(dilations)
    if need.padding == "same":
        return 1 if reached < whole and 1 not in dilations else None
    return reached if reached < min(whole, need.required_context) else None


def _larger_kernel(architecture: Architecture, need: Need) -> Change | None:
    sizes = range(architecture.kernel_size + 1, _MOST_KERNEL + 1)
    return _first(architecture, need, "kernel_size", sizes, lambda size: f"kernel {size}")


def _more_stacks(architecture: Architecture, need: Need) -> Change | None:
    numbers = range(architecture.nb_stacks + 1, _MOST_STACKS + 1)
    return _first(architecture, need, "nb_stacks", numbers, lambda number: f"{number} stacks")


def _first(
    architecture: Architecture, need: Need, name: str, values: range, words: Callable[[int], str]
) -> Change | None:
    tried = values[: _most_tries(architecture, need)]
    found: Iterator[int] = (
        value for value in tried if _suffices(architecture, need, **{name: value})
    )
    value = next(found, None)
    return None if value is None else Change(words(value), _changed(architecture, **{name: value}))


def _suffices(architecture: Architecture, need: Need, **change: object) -> bool:
    try:
        changed = _changed(architecture, **change)
        return suffices(
            changed.kernel_size, changed.dilations, changed.nb_stacks, changed.span, need
        )
    except InputError:  # larger than any network is, or too large to be traced
        return False


def _changed(architecture: Architecture, **change: object) -> Architecture:
    """The architecture with one argument changed. Filters do not matter here: one number stands for all."""
    filters = (
        architecture.nb_filters
        if isinstance(architecture.nb_filters, int)
        else max(architecture.nb_filters)
    )
    return Architecture.from_dict({**architecture.to_dict(), "nb_filters": filters, **change})


def _levels(verb: str, dilations: list[int]) -> str:
    if len(dilations) == 1:
        return f"{verb} one level (dilation {dilations[0]})"
    shown = [str(dilation) for dilation in dilations]
    if len(shown) > 4:
        shown = [*shown[:2], "…", shown[-1]]
    return f"{verb} {len(dilations)} levels (dilations {', '.join(shown)})"
