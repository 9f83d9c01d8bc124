"""Ranges of integers as people write them: 5, [2, 4], range(2, 9), "2-8", "2,3", "1-4,8"."""

from __future__ import annotations

from tcn_search.arguments import at_most, positive_integer, positive_integers, received
from tcn_search.errors import InputError
from tcn_search.limits import most

_LONGEST_NUMBER = 4300  # digits that Python reads as an integer


def integers(name: str, value: object) -> tuple[int, ...]:
    """The integers of at least 1 that `value` stands for, ascending and each once.

    Args:
        name: what errors call it.
        value: an integer, a list or range of them, or text: "2-8" has both ends, commas join.

    Raises:
        InputError: no integer at all, one below 1, or text that is no range.

    >>> integers("levels", "1-4,8")
    (1, 2, 3, 4, 8)
    """
    if isinstance(value, str):
        return tuple(
            sorted({number for part in value.split(",") for number in _part(name, part, value)})
        )
    if hasattr(value, "__index__") and not hasattr(value, "__len__"):
        return (positive_integer(name, value),)
    if isinstance(value, range) and not value:
        raise InputError(
            f"{name} is an empty range. Received: {value!r}. The end of a range is not part of it."
        )
    return tuple(sorted(set(positive_integers(name, value))))


def _part(name: str, part: str, whole: str) -> range:
    low, dash, high = part.strip().partition("-")
    if not low.isdecimal() or (dash and not high.isdecimal()):
        raise InputError(
            f'{name} must be integers of at least 1, such as 4, "2,3" or "2-8". Received: {received(whole)}'
        )
    first = _number(name, low)
    last = _number(name, high or low)
    if first < 1:
        raise InputError(f"{name} must be integers of at least 1. Received: {received(whole)}")
    if last < first:
        raise InputError(
            f"{name} is an empty range, {first} to {last}. Write the smaller end first."
        )
    return range(first, last + 1)


def _number(name: str, digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise InputError(f"{name} must be at most {most(name):,}. Received: {len(digits):,} digits")
    return at_most(name, int(digits))


def dilation_list(name: str, text: str) -> tuple[int, ...]:
    """Dilations in the order given, repeats kept.

    >>> dilation_list("dilations", "1,2,4,2")
    (1, 2, 4, 2)
    """
    try:
        values = [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(
            f'{name} must be integers of at least 1 and commas, such as "1,2,4,8". Received: {received(text)}'
        ) from None
    return positive_integers(name, values)
