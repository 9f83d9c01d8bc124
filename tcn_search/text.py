"""Numbers and lists in the text of messages."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice


def counted(count: int, noun: str) -> str:
    """Return a number with its noun, which is regular, in the singular or the plural.

    >>> counted(1, "step"), counted(2_000, "step")
    ('1 step', '2,000 steps')
    """
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun}s"


def listed(values: Iterable[object], most: int) -> str:
    """Return values separated by commas, with an ellipsis after `most` of them.

    >>> listed(range(9), most=8), listed(["X", "y"], most=2)
    ('0, 1, 2, 3, 4, 5, 6, 7, ...', 'X, y')
    """
    shown = [str(value) for value in islice(values, most + 1)]
    if len(shown) > most:
        shown[most] = "..."
    return ", ".join(shown)


def minutes(seconds: float) -> str:
    """Format a time for people.

    >>> minutes(40), minutes(200), minutes(7_500)
    ('40 s', '3 min', '2 h 05 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    whole = round(seconds / 60)
    if whole < 60:
        return f"{whole} min"
    return f"{whole // 60} h {whole % 60:02d} min"
