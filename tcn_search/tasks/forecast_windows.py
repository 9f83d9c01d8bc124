"""Where each window of a forecast stands: its series and its time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


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

    Steps are numbers on one time grid, which all series share; step 0 is the first of any series.

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
        times: times of the grid's steps, up to the end of the test split.
        frequency: step of time in pandas' words, such as "h" or "MS"; a number as text where times
            are numbers.
        gap: steps between the training targets and the first validation target of a fold.
        sliding: whether folds train on as many steps as the last one; else on all earlier ones.
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
