"""Times of clocks in a time zone: hours that happen twice, or never, when clocks are set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from tcn_search.errors import InputError
from tcn_search.formats.time_steps import fixed_step

_ONE_DAY = pd.Timedelta(days=1)
_ONE_HOUR = pd.Timedelta(hours=1)
_SUNDAY = 6
_MORNING = 5


def require_zone(timezone: str) -> None:
    """Raise an InputError for a time zone that does not exist."""
    try:
        ZoneInfo(timezone)
    except (ValueError, OSError, LookupError) as error:  # no such name, a folder, or no such file
        raise InputError(
            f'timezone must be a name such as "Europe/Berlin" or "UTC". Received: {timezone!r}'
        ) from error


def localise(
    path: Path, name: str, times: pd.DatetimeIndex, timezone: str, rows: Sequence[np.ndarray]
) -> pd.DatetimeIndex:
    """Return times of clocks in a time zone as times in UTC, without their zone.

    Where clocks are set back, an hour happens twice: of two equal times of a series, the first row
    is in summer time, the second in standard time. A time that stands once is in summer time.

    Args:
        path, name: file and column, for errors.
        times: times of all rows, without a zone.
        rows: the rows of each series, in the order of the file.

    Raises:
        InputError: a time does not exist, because clocks were set forward.
    """
    is_summer = np.ones(len(times), bool)
    values = times.to_numpy()
    for rows_of_series in rows:
        spacings = np.diff(values[rows_of_series])
        is_descending = (spacings < np.timedelta64(0)).sum() > len(spacings) / 2
        in_order = rows_of_series[::-1] if is_descending else rows_of_series
        is_summer[in_order] = ~pd.Index(values[in_order]).duplicated()
    zoned = times.tz_localize(timezone, ambiguous=is_summer, nonexistent="NaT")
    if zoned.hasnans:
        row = int(np.argmax(zoned.isna()))
        raise InputError(
            f"Times of column {name} of {path} must exist in the time zone {timezone}. Received: "
            f"{times[row]} in row {row + 1}, when clocks were set forward. Remove the row, or name "
            "the time zone in which the times were written."
        )
    return zoned.tz_convert("UTC").tz_localize(None)


def may_be_set_forward(before: object, after: object, frequency: str) -> bool:
    """Return whether an hour is missing in the night of a Sunday, as where clocks are set forward.

    Args:
        before, after: times of two successive rows.
        frequency: step of time.
    """
    if not isinstance(before, pd.Timestamp) or not isinstance(after, pd.Timestamp):
        return False
    step = fixed_step(frequency)
    is_night_of_sunday = before.dayofweek == _SUNDAY and after.hour < _MORNING
    return step is not None and is_night_of_sunday and after - before == step + _ONE_HOUR


def are_days(times: pd.DatetimeIndex, timezone: str) -> bool:
    """Return whether times in UTC all have the same time of day in a time zone.

    Their steps are then days of clocks, of which one has 23 hours and another 25.
    """
    local = times.tz_localize("UTC").tz_convert(timezone).tz_localize(None)
    clocks = local - local.normalize()
    return bool((clocks == clocks[0]).all() and (np.diff(times.unique()) >= _ONE_DAY / 2).all())


def local_times(times: pd.DatetimeIndex, timezone: str) -> pd.DatetimeIndex:
    """Return times in UTC as those of the clocks in a time zone."""
    return times.tz_localize("UTC").tz_convert(timezone).tz_localize(None)
