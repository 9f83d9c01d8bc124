"""Numbers, lists and sentences in the text of messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


def joined(parts: Sequence[str]) -> str:
    """Return parts as a list within a sentence.

    >>> joined(["8 complete", "7 pruned", "1 diverged"]), joined(["8 complete"])
    ('8 complete, 7 pruned and 1 diverged', '8 complete')
    """
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def sentence(text: str) -> str:
    """Return a text with a capital letter and a full stop.

    >>> sentence("the winner is better"), sentence("Longer ones may be better.")
    ('The winner is better.', 'Longer ones may be better.')
    """
    text = text[:1].upper() + text[1:]
    if text.endswith((".", "!", "?", ":")):
        return text
    return f"{text}."


def time_left(seconds: float, *, is_last: bool) -> str:
    """Format the estimated time that is left, of at least a second until everything has ended.

    Args:
        is_last: whether everything has ended that was counted.

    >>> time_left(200, is_last=False), time_left(0.2, is_last=False), time_left(0, is_last=True)
    ('3 min left', '1 s left', '')
    """
    if is_last and seconds < 1:
        return ""
    return f"{minutes(max(1.0, seconds))} left"


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
