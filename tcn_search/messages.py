"""Lists and counts in messages to the user."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice


def join_first(values: Collection[object], most: int) -> str:
    """Return the first `most` values, separated by commas; an ellipsis stands for the others.

    >>> join_first([1, 2], most=3), join_first("abcd", most=3)
    ('1, 2', 'a, b, c, ...')
    """
    joined = ", ".join(str(value) for value in islice(values, most))
    if len(values) > most:
        joined += ", ..."
    return joined


def counted(count: int, noun: str) -> str:
    """Return a number with its noun, in the singular or the plural.

    >>> counted(1, "step"), counted(1_200, "step")
    ('1 step', '1,200 steps')
    """
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun}s"
