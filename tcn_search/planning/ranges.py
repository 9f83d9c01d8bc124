"""Read ranges of integers: 5, [2, 4], range(2, 9), "2-8", "2,3", "1-4,8"."""

from __future__ import annotations

from tcn_search.arguments import at_most, positive_integer, positive_integers, received
from tcn_search.errors import InputError
from tcn_search.limits import MOST_ENTRIES, most

_MOST_DIGITS = 4300  # Python refuses to convert longer text to an integer


def integers(name: str, value: object) -> tuple[int, ...]:
    """Return the integers that `value` stands for, ascending and without repeats.

    Args:
        name: name of the argument in error texts.
        value: an integer, a list or a range of integers, or text. "2-8" includes both ends; commas
            join numbers and ranges.

    Raises:
        InputError: there is no integer, an integer is below 1 or above its limit, or the text is no
            range.

    >>> integers("levels", "1-4,8")
    (1, 2, 3, 4, 8)
    """
    if isinstance(value, str):
        numbers: set[int] = set()
        for part in value.split(","):
            numbers.update(_range_of(name, part, value))
        return tuple(sorted(numbers))
    if hasattr(value, "__index__") and not hasattr(value, "__len__"):
        return (positive_integer(name, value),)
    if isinstance(value, range) and not value:
        raise InputError(
            f"{name} is an empty range. Received: {value!r}. The end of a range is not part of it."
        )
    return tuple(sorted(set(positive_integers(name, value))))


def _range_of(name: str, part: str, whole: str) -> range:
    """Return the range that a number or two numbers with a dash stand for."""
    low, dash, high = part.strip().partition("-")
    if not low.isdecimal() or (dash and not high.isdecimal()):
        raise InputError(
            f'{name} must be integers of at least 1, such as 4, "2,3" or "2-8". '
            f"Received: {received(whole)}"
        )
    first = _number(name, low)
    last = _number(name, high or low)
    if first < 1:
        raise InputError(f"{name} must be integers of at least 1. Received: {received(whole)}")
    if last < first:
        raise InputError(
            f"{name} is an empty range, {first} to {last}. Write the smaller end first."
        )
    if last - first >= MOST_ENTRIES:
        raise InputError(
            f"{name} must be a range of at most {MOST_ENTRIES:,} integers. "
            f"Received: {received(whole)}"
        )
    return range(first, last + 1)


def _number(name: str, digits: str) -> int:
    """Return decimal digits as an integer, if it is within the limit of its name."""
    if len(digits) > _MOST_DIGITS:
        raise InputError(f"{name} must be at most {most(name):,}. Received: {len(digits):,} digits")
    return at_most(name, int(digits))


def dilation_list(name: str, text: str) -> tuple[int, ...]:
    """Return the dilations of a text such as "1,2,4,8", in the order given and with repeats.

    >>> dilation_list("dilations", "1,2,4,2")
    (1, 2, 4, 2)
    """
    try:
        values = [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(
            f'{name} must be integers of at least 1 and commas, such as "1,2,4,8". '
            f"Received: {received(text)}"
        ) from None
    return positive_integers(name, values)
