"""Texts of lags and of numbers of bytes."""

from __future__ import annotations

from collections.abc import Sequence


def lags_as_text(runs: Sequence[tuple[int, int]], most: int) -> str:
    """Return runs of (nearest, farthest) offsets as text. Lags ahead of the output have a plus.

    Args:
        most: number of runs to write out.

    >>> lags_as_text([(-1, -1), (-3, -3), (-6, -8)], most=6)
    'lags 1, 3, 6 to 8'
    """
    shown = [_lag_run(nearest, farthest) for nearest, farthest in runs[:most]]
    if len(runs) > most:
        shown.append("…")
    return "lags " + ", ".join(shown)


def _lag_run(nearest: int, farthest: int) -> str:
    if nearest == farthest:
        return _lag(nearest)
    return f"{_lag(nearest)} to {_lag(farthest)}"


def _lag(offset: int) -> str:
    if offset > 0:
        return f"+{offset}"
    return str(-offset)


def bytes_as_text(number: float) -> str:
    """Return a number of bytes with its unit, such as "1.7 MB"."""
    if number < 1000:
        return f"{number:.0f} B"
    for unit in ("kB", "MB", "GB"):
        number /= 1000
        if number < 1000:
            return f"{number:.1f} {unit}"
    return f"{number / 1000:.1f} TB"
