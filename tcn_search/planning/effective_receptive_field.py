"""Effective receptive field before training: the distribution of paths over lags.

The model is a linear network at initialisation: every convolution averages over its taps, and a
residual sum gives the path around the convolutions the same weight as the path through them, as an
initialisation that keeps variances does. Luo et al. 2016 (arXiv 1701.04128, section 2) show that
the share of paths at a lag is the expected gradient; most of it lies well inside the receptive
field.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, repeat
from math import ceil
from operator import add, mul
from typing import NamedTuple

from tcn_search.planning.architecture import CONVOLUTIONS_PER_BLOCK, Architecture
from tcn_search.planning.reach import window_of
from tcn_search.planning.receptive_field import left_padding

SHARE = 0.95
_MOST_CELLS = 4096
_FEWEST_CELLS = 256
_MOST_ADDITIONS = 2_000_000  # a fraction of a second


@dataclass(frozen=True)
class PathDistribution:
    """Share of all paths that start at each lag. Lags below 0 lie ahead of the output step.

    `shares[i]` is the share of the `cell` lags from `first_lag + i·cell` on. With `cell` = 1 the
    shares are exact. Long receptive fields are summed in cells, which keep the mean lag but for
    less than a cell.
    """

    first_lag: int
    cell: int
    shares: tuple[float, ...]

    def quantile(self, share: float) -> int:
        """Return the smallest lag with at least `share` of the paths at lags up to it."""
        for index, total in enumerate(accumulate(self.shares)):
            if total >= share * (1 - 1e-12):
                return self.first_lag + (index + 1) * self.cell - 1
        return self.first_lag + len(self.shares) * self.cell - 1

    def share_between(self, low: int, high: int) -> float:
        """Return the share of the paths that start at the lags `low` to `high`, both included."""
        first = max(0, ceil((low - self.first_lag) / self.cell))
        last = (high - self.first_lag) // self.cell
        if last < first:
            return 0.0
        return min(1.0, sum(self.shares[first : last + 1]))


@dataclass(frozen=True)
class EffectiveReceptiveField:
    """The effective receptive field before training.

    Attributes:
        steps: number of newest input steps at which 95% of the paths start, residual paths
            included. With padding "same" the steps from the 2.5% to the 97.5% quantile.
        steps_without_residuals: the same without residual paths.
        share_inside: share of the paths that start inside the sequence; the others start in
            padding.
        paths, paths_without_residuals: the distributions.
    """

    steps: int
    steps_without_residuals: int
    share_inside: float
    paths: PathDistribution
    paths_without_residuals: PathDistribution


def effective_before_training(architecture: Architecture, seq_len: int) -> EffectiveReceptiveField:
    """Return the effective receptive field of the output step of a sequence of `seq_len` steps.

    >>> architecture = Architecture(kernel_size=3, dilations=(1, 2, 4, 8, 16, 32, 64, 128))
    >>> field = effective_before_training(architecture, seq_len=1000)
    >>> field.steps, field.steps_without_residuals
    (615, 794)
    """
    paths = path_distribution(architecture)
    paths_without_residuals = path_distribution(architecture, residual_paths=False)
    window = window_of(seq_len, architecture.padding)
    return EffectiveReceptiveField(
        steps=_steps(paths, architecture),
        steps_without_residuals=_steps(paths_without_residuals, architecture),
        share_inside=paths.share_between(-window.ahead, window.back),
        paths=paths,
        paths_without_residuals=paths_without_residuals,
    )


def _steps(paths: PathDistribution, architecture: Architecture) -> int:
    """Return the number of steps at which 95% of the paths start."""
    if architecture.padding == "same":
        tail = (1 - SHARE) / 2
        steps = paths.quantile(1 - tail) - paths.quantile(tail) + 1
    else:
        steps = paths.quantile(SHARE) + 1
    return min(steps, architecture.receptive_field)  # the last cell may extend beyond it


def path_distribution(architecture: Architecture, residual_paths: bool = True) -> PathDistribution:
    """Return the distribution over lags of the paths from the input to the output step.

    Args:
        residual_paths: count the paths of the whole network, skip connections included. If False,
            only those through the chain of its dilated convolutions.
    """
    cell = _lags_per_cell(architecture)
    use_skips = residual_paths and architecture.use_skip_connections
    x = _Weights(0, [1.0])
    skips = _Weights(0, [0.0])
    for dilation in architecture.dilations * architecture.nb_stacks:
        block = _block_lags(architecture.kernel_size, dilation, architecture.padding)
        if use_skips:
            # Each block doubles the variance of x: a skip output has half the weight of the next.
            skips = _weighted_sum(skips, 0.5, _convolve(x, block, cell), cell)
        if residual_paths:
            block = {lag: weight / 2 for lag, weight in block.items()}
            block[0] = block.get(0, 0.0) + 0.5
        x = _convolve(x, block, cell)
    output = x
    if use_skips:
        output = skips
    first_lag = round(output.start)
    span = architecture.span
    before = max(0, ceil((-span.look_ahead - first_lag) / cell))
    after = max(before, (span.look_back - first_lag) // cell) + 1
    values = output.values[before:after]
    # Cells may reach beyond the receptive field, but no path does.
    values[0] += sum(output.values[:before])
    values[-1] += sum(output.values[after:])
    total = sum(values)
    shares = tuple(value / total for value in values)
    return PathDistribution(first_lag + before * cell, cell, shares)


class _Weights(NamedTuple):
    """Weights at the lags start, start + cell, start + 2·cell, ...

    The start may lie between two lags.
    """

    start: float
    values: list[float]


def _lags_per_cell(architecture: Architecture) -> int:
    """Return the number of lags in a cell: 1 if exact weights are fast, else more."""
    convolutions = CONVOLUTIONS_PER_BLOCK * len(architecture.blocks)
    affordable = _MOST_ADDITIONS // (architecture.kernel_size * convolutions)
    cells = max(_FEWEST_CELLS, min(_MOST_CELLS, affordable))
    return -(-architecture.receptive_field // cells)


def _block_lags(kernel_size: int, dilation: int, padding: str) -> dict[int, float]:
    """Return the share of the paths through a block's convolutions at each lag.

    Two averages over the taps make a triangle.
    """
    oldest = CONVOLUTIONS_PER_BLOCK * left_padding((kernel_size - 1) * dilation, padding)
    ways = [min(tap, 2 * kernel_size - 2 - tap) + 1 for tap in range(2 * kernel_size - 1)]
    return {oldest - tap * dilation: count / kernel_size**2 for tap, count in enumerate(ways)}


def _convolve(weights: _Weights, lags: dict[int, float], cell: int) -> _Weights:
    """Return the sum of the weights shifted by each lag.

    With cells of several lags, mean and variance of the lags are kept.
    """
    if cell == 1:
        first_lag: float = min(lags)
        shifts = lags
    else:
        first_lag, shifts = _in_cells(lags, cell)
    first = min(shifts)
    values = [0.0] * (len(weights.values) + max(shifts) - first)
    for shift, share in shifts.items():
        _add_scaled(values, shift - first, weights.values, share)
    return _Weights(weights.start + first_lag, values)


def _in_cells(lags: dict[int, float], cell: int) -> tuple[float, dict[int, float]]:
    """Return the lag of the first cell, and the weight of each cell by its number.

    Cells are counted from the mean lag.
    """
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


def _weighted_sum(first: _Weights, factor: float, second: _Weights, cell: int) -> _Weights:
    """Return `factor` · `first` + `second`.

    A value of `second` whose lag lies between two cells of `first` is shared between them.
    """
    cells, rest = divmod((second.start - first.start) / cell, 1)
    offset = int(cells)
    low = min(0, offset)
    high = max(len(first.values), offset + len(second.values) + 1)
    values = [0.0] * (high - low)
    _add_scaled(values, -low, first.values, factor)
    _add_scaled(values, offset - low, second.values, 1 - rest)
    if rest:
        _add_scaled(values, offset - low + 1, second.values, rest)
    return _Weights(first.start + low * cell, values)


def _add_scaled(target: list[float], at: int, values: Sequence[float], weight: float) -> None:
    """Add `weight` · `values` to `target` in place, from the position `at` on."""
    end = at + len(values)
    target[at:end] = map(add, target[at:end], map(mul, values, repeat(weight)))
