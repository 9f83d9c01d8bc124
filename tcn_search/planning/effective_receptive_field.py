"""Where the influence on an output step lies before training: the distribution of paths over lags.

A linear network at initialisation is looked at: every convolution averages over its taps, and a residual sum
gives the way around the convolutions as much weight as the way through them (an initialisation that keeps
variances does so). Luo et al. 2016 (arXiv 1701.04128, section 2) show that the share of paths is the expected
gradient; it piles up well inside the receptive field.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, repeat
from math import ceil
from operator import add, mul
from typing import NamedTuple

from tcn_search.planning.architecture import CONVOLUTIONS_PER_BLOCK, Architecture
from tcn_search.planning.receptive_field import left_padding

SHARE = 0.95
_MOST_CELLS = 4096
_FEWEST_CELLS = 256
_WORK = 2_000_000  # additions, a fraction of a second


@dataclass(frozen=True)
class PathDistribution:
    """Share of all paths that start at each lag; lags below 0 lie ahead of the output step.

    `shares[i]` belongs to the `cell` lags from `first_lag + i·cell` on. With `cell` = 1 it is exact; long
    receptive fields are gathered in cells, whose mean lag is kept exactly.
    """

    first_lag: int
    cell: int
    shares: tuple[float, ...]

    def quantile(self, share: float) -> int:
        """The smallest lag that has at least `share` of the paths at or before it."""
        for index, total in enumerate(accumulate(self.shares)):
            if total >= share * (1 - 1e-12):
                return self.first_lag + (index + 1) * self.cell - 1
        return self.first_lag + len(self.shares) * self.cell - 1

    def share_between(self, low: int, high: int) -> float:
        """Share of the paths that start at the lags `low` to `high`, both included."""
        first = max(0, ceil((low - self.first_lag) / self.cell))
        last = (high - self.first_lag) // self.cell
        return min(1.0, sum(self.shares[first : last + 1])) if last >= first else 0.0

    @property
    def mean_lag(self) -> float:
        """Mean lag of a path."""
        return self.first_lag + self.cell * sum(
            index * share for index, share in enumerate(self.shares)
        )


@dataclass(frozen=True)
class Effective:
    """The effective receptive field before training.

    `steps` of the newest input steps carry 95% of the paths, residual paths included; without them it is
    `steps_without_residuals`. With padding "same" it is the span between the 2.5% and the 97.5% quantile.
    `share_inside` of the paths start inside the sequence, the rest in padding.
    """

    steps: int
    steps_without_residuals: int
    share_inside: float
    paths: PathDistribution
    paths_without_residuals: PathDistribution


def effective(architecture: Architecture, seq_len: int) -> Effective:
    """Effective receptive field before training, for the output step read out of `seq_len` steps.

    >>> field = effective(Architecture(kernel_size=3, dilations=(1, 2, 4, 8, 16, 32, 64, 128)), seq_len=1000)
    >>> field.steps, field.steps_without_residuals
    (615, 794)
    """
    paths = path_distribution(architecture)
    chain = path_distribution(architecture, residual_paths=False)
    centred = architecture.padding == "same"
    oldest, newest = (seq_len // 2, seq_len // 2 + 1 - seq_len) if centred else (seq_len - 1, 0)
    return Effective(
        min(
            _steps(paths, centred), architecture.receptive_field
        ),  # cells may reach a little further
        min(_steps(chain, centred), architecture.receptive_field),
        paths.share_between(newest, oldest),
        paths,
        chain,
    )


def _steps(paths: PathDistribution, centred: bool) -> int:
    if not centred:
        return paths.quantile(SHARE) + 1
    tail = (1 - SHARE) / 2
    return paths.quantile(1 - tail) - paths.quantile(tail) + 1


def path_distribution(architecture: Architecture, residual_paths: bool = True) -> PathDistribution:
    """How the paths from input to output step are spread over lags.

    With residual paths the network is wired as it is, skip connections included; without, it is the plain
    chain of its dilated convolutions.
    """
    cell = _cell(architecture)
    use_skips = residual_paths and architecture.use_skip_connections
    x = _Line(0, [1.0])
    skips = _Line(0, [0.0])
    for dilation in architecture.dilations * architecture.nb_stacks:
        block = _block_lags(architecture.kernel_size, dilation, architecture.padding)
        if use_skips:
            # Each block doubles the variance of x, so an earlier skip output weighs half of the next.
            skips = _sum(skips, 0.5, _convolve(x, block, cell), cell)
        if residual_paths:
            block = {lag: weight / 2 for lag, weight in block.items()}
            block[0] = block.get(0, 0.0) + 0.5
        x = _convolve(x, block, cell)
    start, values = skips if use_skips else x
    total = sum(values)
    return PathDistribution(round(start), cell, tuple(value / total for value in values))


class _Line(NamedTuple):
    """Weights at the lags start, start + cell, start + 2·cell, ... The start may lie between two lags."""

    start: float
    values: list[float]


def _cell(architecture: Architecture) -> int:
    """Lags in one cell: 1 while that is quick, else so many that the work stays bounded."""
    convolutions = CONVOLUTIONS_PER_BLOCK * len(architecture.blocks)
    affordable = _WORK // (architecture.kernel_size * convolutions)
    cells = max(_FEWEST_CELLS, min(_MOST_CELLS, affordable))
    return -(-architecture.receptive_field // cells)


def _block_lags(kernel_size: int, dilation: int, padding: str) -> dict[int, float]:
    """Share of the paths through a block's convolutions at each lag: two averages, so a triangle."""
    oldest = CONVOLUTIONS_PER_BLOCK * left_padding((kernel_size - 1) * dilation, padding)
    ways = [min(tap, 2 * kernel_size - 2 - tap) + 1 for tap in range(2 * kernel_size - 1)]
    return {oldest - tap * dilation: count / kernel_size**2 for tap, count in enumerate(ways)}


def _convolve(line: _Line, lags: dict[int, float], cell: int) -> _Line:
    """Move the line by each lag and add up. With cells, mean and variance of the lags are kept."""
    low, shifts = (min(lags), lags) if cell == 1 else _in_cells(lags, cell)
    first = min(shifts)
    found = [0.0] * (len(line.values) + max(shifts) - first)
    for shift, weight in shifts.items():
        _add_scaled(found, shift - first, line.values, weight)
    return _Line(line.start + low, found)


def _in_cells(lags: dict[int, float], cell: int) -> tuple[float, dict[int, float]]:
    """Lag of the first shift, and the weights of the shifts, in cells around the mean lag."""
    mean = sum(lag * weight for lag, weight in lags.items())
    variance = sum((lag - mean) ** 2 * weight for lag, weight in lags.items())
    if variance <= cell**2:
        side = variance / cell**2 / 2
        return mean - cell, {-1: side, 0: 1 - 2 * side, 1: side}
    shifts: dict[int, float] = {}
    for lag, weight in lags.items():
        index, rest = divmod((lag - mean) / cell, 1)
        shifts[int(index)] = shifts.get(int(index), 0.0) + weight * (1 - rest)
        shifts[int(index) + 1] = shifts.get(int(index) + 1, 0.0) + weight * rest
    return mean + cell * min(shifts), shifts


def _sum(first: _Line, first_weight: float, second: _Line, cell: int) -> _Line:
    """`first` scaled, plus `second` put between the cells of `first` that it falls between."""
    index, rest = (
        divmod((second.start - first.start) / cell, 1)
        if cell > 1
        else (second.start - first.start, 0)
    )
    at = int(index)
    low = min(0, at)
    high = max(len(first.values), at + len(second.values) + 1)
    found = [0.0] * (high - low)
    _add_scaled(found, -low, first.values, first_weight)
    _add_scaled(found, at - low, second.values, 1 - rest)
    if rest:
        _add_scaled(found, at - low + 1, second.values, rest)
    return _Line(first.start + low * cell, found)


def _add_scaled(target: list[float], at: int, values: Sequence[float], weight: float) -> None:
    end = at + len(values)
    target[at:end] = map(add, target[at:end], map(mul, values, repeat(weight)))
