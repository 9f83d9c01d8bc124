"""Mean and spread of a number over several final trainings."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence


def mean_and_spread(values: Sequence[float]) -> tuple[float, float]:
    """Return mean and sample standard deviation of the values that are not NaN.

    The mean of no value, and the deviation of fewer than two, is NaN.
    """
    numbers = [value for value in values if not math.isnan(value)]
    mean = math.nan
    deviation = math.nan
    if numbers:
        mean = statistics.fmean(numbers)
    if len(numbers) > 1:
        deviation = statistics.stdev(numbers)
    return mean, deviation


def with_spread(values: Sequence[float]) -> str:
    """Format mean, sample standard deviation and every value.

    NaN, the value of a training that diverged, is listed as "diverged" and not averaged.

    >>> with_spread([0.86, 0.88, 0.87])
    '0.87 ± 0.01 (0.86, 0.88, 0.87)'
    >>> with_spread([math.nan, 0.88])
    '0.88 (diverged, 0.88)'
    """
    mean, deviation = mean_and_spread(values)
    text = f"{mean:.4g}"
    if not math.isnan(deviation):
        text += f" ± {deviation:.2g}"
    listed = ("diverged" if math.isnan(value) else f"{value:.4g}" for value in values)
    return f"{text} ({', '.join(listed)})"
