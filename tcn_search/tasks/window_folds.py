"""Folds of a forecast: a backtest with rolling origin, in which no training looks ahead."""

from __future__ import annotations

import numpy as np

from tcn_search.errors import InputError
from tcn_search.tasks.folds import HELD_OUT, KEPT, LEFT_OUT
from tcn_search.tasks.forecast_windows import ForecastWindows


def make_window_folds(number: int, windows: ForecastWindows) -> np.ndarray:
    """Return the role of each window in each fold, (folds, windows of both splits) int8.

    All series are split at the same time, the origin of a fold. The first fold holds out the
    validation split; each further one begins as many steps earlier. A window is held out if all its
    targets lie in the steps of the fold, without the gap at their end. It is kept to train on if
    all of them lie before the origin and the gap, so that no horizon overlaps one that is held out.

    Expanding folds train on all such windows; sliding ones on those within as many steps as the
    oldest fold has before its origin.

    Args:
        number: folds.
        windows: places of the windows of training and validation split.

    Raises:
        InputError: a fold would have no window to train on, or none that is held out.
    """
    first = np.concatenate([windows.train.first_target, windows.validation.first_target])
    end_of_targets = first + windows.horizon
    origin = windows.ends[0]
    size = windows.ends[1] - origin
    oldest = origin - (number - 1) * size
    roles = np.full((number, len(first)), LEFT_OUT, dtype="int8")
    for fold, row in enumerate(roles):
        start = origin - fold * size
        is_kept = end_of_targets <= start - windows.gap
        if windows.sliding:
            is_kept &= first >= start - oldest + first.min()
        row[is_kept] = KEPT
        end = start + size - windows.gap
        row[(first >= start) & (end_of_targets <= end)] = HELD_OUT
        if not (row == KEPT).any() or not (row == HELD_OUT).any():
            raise InputError(
                f"folds = {number} of {size} steps each leaves fold {fold + 1} too few windows: "
                f"{(row == KEPT).sum()} to train on, {(row == HELD_OUT).sum()} held out. Give at "
                f"most {fold} folds, or a smaller validation split (parts) or gap."
            )
    return roles
