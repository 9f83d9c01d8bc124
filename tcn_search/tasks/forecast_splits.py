"""Splits of series by time: the steps before which training, validation and test split end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tcn_search.errors import InputError
from tcn_search.formats.time_steps import TimeSteps, fixed_step

_ETT_MONTHS = (12, 4, 4)
_SPLITS = ("training", "validation", "test")


def split_ends(
    path: Path, steps: TimeSteps, count: int, parts: str | Sequence[float] | Sequence[str]
) -> tuple[int, int, int]:
    """Return the steps before which the three splits end, for all series.

    Args:
        path: file, for messages.
        steps: the time grid.
        count: number of its steps.
        parts: "ett", three shares, three numbers of steps, or the times at which validation and
            test split begin.
    """
    times = None if isinstance(parts, str) else [part for part in parts if isinstance(part, str)]
    if times:
        return _ends_by_times(path, steps, count, parts)
    if parts == "ett":
        sizes = _ett_sizes(path, steps)
    else:
        sizes = _sizes(parts, count)
    first, second, third = np.cumsum(sizes).tolist()
    if third > count + 1:  # shares may round up
        raise InputError(
            f"parts must fit into the {count} rows of {path}. Received: {third} rows in all"
        )
    return first, second, min(third, count)


def _ett_sizes(path: Path, steps: TimeSteps) -> list[int]:
    """Return the steps of 12, 4 and 4 months of 30 days."""
    if steps.is_numeric:
        raise InputError(
            f'parts = "ett" needs dates in the time column of {path}. Received: numbers'
        )
    step = fixed_step(steps.frequency)
    if step is None:
        raise InputError(
            f'parts = "ett" needs steps of equal length in {path}. Received: {steps.in_words}'
        )
    day = round(pd.Timedelta(days=1) / step)
    return [30 * day * months for months in _ETT_MONTHS]


def _sizes(parts: str | Sequence[float] | Sequence[str], rows: int) -> list[int]:
    """Return the rows of each split from three shares or three numbers of rows."""
    given = () if isinstance(parts, str) else parts
    numbers = [part for part in given if isinstance(part, int | float) and part > 0]
    if len(given) != 3 or len(numbers) != 3:
        raise InputError(
            "parts must be three shares, such as [0.7, 0.1, 0.2], three numbers of rows, the two "
            'times at which validation and test split begin, or "ett". '
            f"Received: {parts!r}"
        )
    if all(part < 1 for part in numbers):
        return [round(rows * part) for part in numbers]
    return [int(part) for part in numbers]


def _ends_by_times(
    path: Path, steps: TimeSteps, count: int, parts: str | Sequence[float] | Sequence[str]
) -> tuple[int, int, int]:
    """Return the ends of the splits from the times at which validation and test split begin."""
    try:
        begin = [pd.Timestamp(part) for part in parts]
    except (ValueError, TypeError) as error:
        raise InputError(
            'parts must be two times, such as ["2024-06-01", "2024-08-01"], at which validation '
            f"and test split begin. Received: {list(parts)!r}"
        ) from error
    if steps.is_numeric:
        raise InputError(f"Times in parts need dates in the time column of {path}.")
    grid = steps.times(0, count)
    ends = [int(np.searchsorted(grid, steps.on_grid(time), side="left")) for time in begin]
    if len(ends) != 2 or not 0 < ends[0] < ends[1] < count:
        raise InputError(
            "parts must be two times, the first earlier, between the first time of "
            f"{path}, {steps.zoned(grid[:1])[0]}, and the last, {steps.zoned(grid[-1:])[0]}. "
            f"Received: {list(parts)!r}"
        )
    return ends[0], ends[1], count


def require_room(
    path: Path, starts: Sequence[int], ends: Sequence[int], horizon: int, look_back: int
) -> None:
    """Raise an InputError if a split has fewer steps than the horizon after its look-back."""
    for split, start, end in zip(_SPLITS, starts, ends, strict=True):
        if end - start < horizon:
            raise InputError(
                f"The {split} split of {path} has too few rows for a horizon of {horizon}: "
                f"{max(0, end - start)} after the look-back of {look_back}. Give a smaller horizon "
                "or look_back, or other parts."
            )


def require_windows(
    path: Path, counts: Sequence[int], horizon: int, look_back: int, are_marked: bool
) -> None:
    """Raise an InputError if a split has no window, in any series."""
    for split, count in zip(_SPLITS, counts, strict=True):
        if not count:
            gaps = ""
            if are_marked:
                gaps = " without a gap in its horizon"
            raise InputError(
                f"The {split} split of {path} has no window: no series has {look_back} steps and "
                f"then a horizon of {horizon} in the split{gaps}. Use a shorter horizon or "
                'look_back, or other parts; or, for series of different times, align = "end".'
            )
