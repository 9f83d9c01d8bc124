"""Features of the calendar: hour, weekday and month as points on a circle."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from tcn_search.arguments import one_of
from tcn_search.errors import InputError

# The share of the day, the week or the year that has passed.
_SHARES: dict[str, Callable[[pd.DatetimeIndex], pd.Index]] = {
    "hour": lambda times: (times.hour + times.minute / 60 + times.second / 3600) / 24,
    "weekday": lambda times: times.dayofweek / 7,
    "month": lambda times: (times.month - 1) / 12,
}
CALENDAR = tuple(_SHARES)


def require_calendar(features: Sequence[str]) -> None:
    """Raise an InputError for an unknown feature, or one that is named twice."""
    for feature in features:
        one_of("calendar", feature, CALENDAR)
    if len(set(features)) < len(features):
        raise InputError(f"calendar must name each feature once. Received: {list(features)}")


def calendar_features(times: pd.DatetimeIndex, features: Sequence[str]) -> np.ndarray:
    """Return sine and cosine of each feature, (times, 2 · features).

    The first hour of the day, Monday and January are at the angle 0.

    Args:
        times: of the clocks at the place of the series.
        features: "hour", "weekday", "month".

    >>> times = pd.DatetimeIndex(["2024-01-01 00:00", "2024-01-01 06:00"])
    >>> calendar_features(times, ["hour"]).round(6)
    array([[0., 1.],
           [1., 0.]])
    """
    columns = []
    for feature in features:
        angle = 2 * np.pi * _SHARES[feature](times).to_numpy("float64")
        columns += [np.sin(angle), np.cos(angle)]
    if not columns:
        return np.empty((len(times), 0))
    return np.stack(columns, axis=1)
