"""Conformal intervals: quantiles of a forecast from its errors on the validation split.

Where a model has no quantiles of its own, those of its errors on windows that it was not trained on
are added to its forecast, for each step and each series (split conformal prediction; Vovk et al.
2005, Stankevičiūtė et al. 2021). A quantile of n errors is taken at the rank ⌈(n + 1) · level⌉, for
levels up to .5 at ⌊(n + 1) · level⌋, so that an interval holds at least the stated share of values
that are exchangeable with those of the validation split. Later values of a series that changes are
not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tcn_search.errors import InputError

# Levels that are stored with a model; levels between them are interpolated.
LEVELS = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
DEFAULT_LEVELS = (0.1, 0.5, 0.9)
_DIGITS = 5  # of a stored number


@dataclass(frozen=True)
class ErrorQuantiles:
    """Quantiles of a model's errors (truth − forecast), by step and series.

    Attributes:
        levels: increasing.
        values: (levels, outputs) in the units of the series; outputs are ordered by time.
        windows: number of windows that they are of.
    """

    levels: list[float]
    values: list[list[float]]
    windows: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as JSON knows them."""
        return asdict(self)

    def at(self, level: float) -> np.ndarray:
        """Return the quantile (outputs,) of a level, interpolated between the stored ones.

        Raises:
            InputError: the level lies outside the stored ones.
        """
        if not self.levels[0] <= level <= self.levels[-1]:
            raise InputError(
                f"A quantile must lie between {self.levels[0]:g} and {self.levels[-1]:g}, the "
                f"levels that the model's intervals were computed for. Received: {level:g}"
            )
        values = np.asarray(self.values)
        position = float(np.interp(level, self.levels, np.arange(len(self.levels))))
        below = math.floor(position)
        above = math.ceil(position)
        share = position - below
        quantile: np.ndarray = values[below] * (1 - share) + values[above] * share
        return quantile


def error_quantiles(errors: np.ndarray, levels: Sequence[float] = LEVELS) -> ErrorQuantiles:
    """Return the conformal quantiles of errors (n, outputs), NaN where there is no truth.

    >>> error_quantiles(np.arange(99.0)[:, None], [0.1, 0.9]).values
    [[9.0], [89.0]]
    """
    count = len(errors)
    values = []
    for level in levels:
        rank = math.floor((count + 1) * level + 1e-9)
        if level > 0.5:
            rank = math.ceil((count + 1) * level - 1e-9)
        share = (min(max(rank, 1), count) - 1) / max(1, count - 1)
        quantile = np.nanquantile(errors, share, axis=0, method="nearest")
        values.append([float(f"{number:.{_DIGITS}g}") for number in np.nan_to_num(quantile)])
    return ErrorQuantiles(levels=list(levels), values=values, windows=count)
