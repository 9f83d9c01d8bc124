"""Windows of series with the steps that follow them, and the series and time of each window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from tcn_search.tasks.training_data import SplitData

MOST_COPIED = 1 << 26  # numbers in copied training windows: 256 MiB


@dataclass(frozen=True, eq=False)
class WindowPlaces:
    """Places of the windows of one split, in their order.

    Attributes:
        series: (n,) number of the series.
        first_target: (n,) step of the first target, on the time grid of all series.
    """

    series: np.ndarray
    first_target: np.ndarray


@dataclass(frozen=True, eq=False)
class ForecastWindows:
    """Places of all windows of a forecast, and the series that they were taken from.

    Steps are numbers on one grid, which all series share. It is that of time, whose step 0 is the
    first of any series, unless series are aligned at their ends.

    Attributes:
        horizon: steps that a window predicts.
        ids: names of the series; ("",) for a table with a column for each series.
        targets: names of the columns that are predicted.
        train, validation, test: places of the windows of each split.
        ends: steps before which the targets of training, validation and test split end.
        starts: for each series, the step of its first row.
        values: for each series, its targets (steps, targets) in its own units, of all splits; NaN
            where a value is missing.
        offset, scale: (series, targets): a target of `Task.train.y` times `scale` plus `offset` is
            in the units of the series; so is a prediction.
        times: times of the steps of the time grid, with their zone, up to the last of any series.
        shifts: for each series, what is added to its steps to make them steps of the time grid.
        frequency: step of time in pandas' words, such as "h" or "MS"; a number as text where times
            are numbers.
        gap: steps between the training targets and the first validation target of a fold.
        sliding: whether each fold trains on as many steps as the oldest; else on all earlier ones.
    """

    horizon: int
    ids: tuple[str, ...]
    targets: tuple[str, ...]
    train: WindowPlaces
    validation: WindowPlaces
    test: WindowPlaces
    ends: tuple[int, int, int]
    starts: tuple[int, ...]
    values: tuple[np.ndarray, ...]
    offset: np.ndarray
    scale: np.ndarray
    times: pd.Index
    shifts: tuple[int, ...]
    frequency: str
    gap: int = 0
    sliding: bool = False

    def in_units(self, targets: np.ndarray, series: np.ndarray) -> np.ndarray:
        """Return targets or predictions (n, horizon · targets) in the units of their series.

        Args:
            targets: of windows, standardised by series in a long table.
            series: (n,) number of the series of each window.

        Returns:
            (n, horizon, targets) float64.
        """
        steps = targets.reshape(len(targets), self.horizon, -1).astype("float64")
        return np.asarray(steps * self.scale[series][:, None] + self.offset[series][:, None])


class WindowSource(NamedTuple):
    """A series from which windows are taken.

    Attributes:
        start: step of its first row on the time grid.
        inputs: (steps, channels) float32.
        targets: (steps, targets) float32.
        is_usable: (steps,) whether a step may be the first target of a window.
    """

    start: int
    inputs: np.ndarray
    targets: np.ndarray
    is_usable: np.ndarray


def usable_steps(
    missing: np.ndarray, uses_later: np.ndarray, horizon: int, masks: bool
) -> np.ndarray:
    """Return whether each step may be the first target of a window, (steps,) booleans.

    It may not if the step before it was interpolated: that value depends on a later one. Nor may it
    if a target is missing and gaps are masked.

    Args:
        missing: (steps, targets) whether there was no value.
        uses_later: (steps,) whether a value was interpolated.
        masks: whether gaps are masked.
    """
    usable = np.ones(len(missing), bool)
    usable[1:] &= ~uses_later[:-1]
    if masks:
        counts = np.concatenate([[0], np.cumsum(missing.any(axis=1))])
        ends = np.minimum(np.arange(len(missing)) + horizon, len(missing))
        usable &= counts[ends] == counts[:-1]
    return usable


def first_targets(
    source: WindowSource, look_back: int, horizon: int, begin: int, end: int
) -> np.ndarray:
    """Return the steps of a series at which the targets of a window begin, counted in the series.

    Args:
        begin, end: steps of the time grid between which all targets of the split lie.
    """
    first = max(begin - source.start, look_back)
    last = min(end - source.start, len(source.targets)) - horizon
    steps = np.arange(first, last + 1)
    return steps[source.is_usable[steps]] if len(steps) else steps


def stride_for(counts: int, values: int, most: int = MOST_COPIED) -> int:
    """Return the smallest stride with which copied windows hold at most `most` numbers.

    Args:
        counts: number of windows of stride 1.
        values: numbers in each window.
    """
    return max(1, -(-counts * values // most))


def are_copied(firsts: Sequence[np.ndarray]) -> bool:
    """Return whether windows are copies: those of several series, or at different distances."""
    filled = [steps for steps in firsts if len(steps)]
    return len(filled) > 1 or any(len(np.unique(np.diff(steps))) > 1 for steps in filled)


def take_windows(
    sources: Sequence[WindowSource], firsts: Sequence[np.ndarray], look_back: int, horizon: int
) -> tuple[SplitData, WindowPlaces]:
    """Return windows with the `horizon` steps after each: X (n, look_back, C), y (n, horizon · K).

    Windows of a single series at equal distances are views; others are copies.

    Args:
        firsts: for each series, the steps at which the targets begin, counted in the series.
    """
    places = WindowPlaces(
        series=np.repeat(np.arange(len(sources)), [len(steps) for steps in firsts]),
        first_target=np.concatenate(
            [source.start + steps for source, steps in zip(sources, firsts, strict=True)]
        ),
    )
    pairs = [(source, steps) for source, steps in zip(sources, firsts, strict=True) if len(steps)]
    if len(pairs) == 1:
        return _windows_of(*pairs[0], look_back, horizon), places
    count = len(places.series)
    channels = sources[0].inputs.shape[1]
    X = np.empty((count, look_back, channels), "float32")
    y = np.empty((count, horizon * sources[0].targets.shape[1]), "float32")
    row = 0
    for source, steps in pairs:
        windows = _windows_of(source, steps, look_back, horizon)
        X[row : row + len(steps)] = windows.X
        y[row : row + len(steps)] = windows.y
        row += len(steps)
    return SplitData(X, y), places


def _windows_of(source: WindowSource, steps: np.ndarray, look_back: int, horizon: int) -> SplitData:
    """Return the windows of one series, X as a view if the steps are at equal distances."""
    view = np.lib.stride_tricks.sliding_window_view
    X = view(source.inputs, look_back, axis=0).transpose(0, 2, 1)
    y = view(source.targets, horizon, axis=0).transpose(0, 2, 1)
    distances = np.unique(np.diff(steps))
    chosen: slice | np.ndarray = steps
    if len(distances) < 2:
        stride = int(distances[0]) if len(distances) else 1
        chosen = slice(int(steps[0]), int(steps[-1]) + 1, stride)
        X = X[chosen.start - look_back : chosen.stop - look_back : stride]
    else:
        X = X[steps - look_back]
    y = y[chosen]
    return SplitData(X, y.reshape(len(y), -1))
