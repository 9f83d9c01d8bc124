"""The season of a series: after how many steps its pattern repeats."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tcn_search.arguments import positive_integer

_DAY = pd.Timedelta(days=1)
# Days of a step, from and to, and the steps of its season.
_LONGER_STEPS = ((7, 7, 52), (28, 31, 12), (89, 92, 4))


def season_of(time: pd.Index, given: int | None = None) -> int:
    """Return the steps of a season: a day for shorter steps, a week for days, a year for longer.

    Args:
        time: times of the rows in their order.
        given: what the user says; returned as it is.

    Returns:
        The number of steps; 0 where it is not known, as for numbers in place of dates.

    Raises:
        InputError: `given` is no integer of at least 1.

    >>> season_of(pd.date_range("2024-01-01", periods=9, freq="15min"))
    96
    >>> season_of(pd.date_range("2024-01-01", periods=9, freq="MS"))
    12
    """
    if given is not None:
        return positive_integer("season", given)
    if not isinstance(time, pd.DatetimeIndex) or len(time) < 3:
        return 0
    steps = np.diff(time.tz_localize(None).to_numpy())
    step = pd.Timedelta(np.median(steps))
    if step <= pd.Timedelta(0):
        return 0
    if step < _DAY:
        return round(_DAY / step) if _DAY % step == pd.Timedelta(0) else 0
    if step == _DAY:
        has_weekends = bool((time.dayofweek >= 5).any())
        return 7 if has_weekends or len(time) < 7 else 5
    days = step / _DAY
    for least, most, season in _LONGER_STEPS:
        if least <= days <= most:
            return season
    return 0
