"""The step of time is inferred with and without gaps, stated in words, and continued."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tcn_search.errors import InputError
from tcn_search.formats.time_steps import TimeSteps, infer_steps
from tcn_search.formats.time_zones import localise


def inferred(times: pd.Index) -> TimeSteps:
    return infer_steps(times, np.diff(times.to_numpy()))


GRIDS = [
    ("h", "1 hour"),
    ("15min", "15 minutes"),
    ("D", "1 day"),
    ("W-TUE", "7 days"),
    ("MS", "1 month"),
    ("ME", "1 month"),
    ("3MS", "3 months"),
    ("B", "1 business day"),
]


@pytest.mark.parametrize(("frequency", "words"), GRIDS)
@pytest.mark.parametrize("missing", [[], [3], [5, 6, 11]])
def test_steps_are_found_in_spite_of_gaps(frequency: str, words: str, missing: list[int]) -> None:
    grid = pd.date_range("2024-01-01", periods=40, freq=frequency)
    kept = np.delete(np.arange(40), missing)
    steps = inferred(grid[kept])
    np.testing.assert_array_equal(steps.positions(grid[kept]), kept)
    assert steps.in_words == words or (steps.in_words, words) == ("1 quarter", "3 months")
    pd.testing.assert_index_equal(steps.times(38, 2), grid[38:], check_names=False)
    later = pd.date_range(grid[0], periods=45, freq=frequency)
    pd.testing.assert_index_equal(steps.times(40, 5), later[40:], check_names=False)


def test_times_between_two_steps_have_no_position() -> None:
    steps = TimeSteps(pd.Timestamp("2024-01-01"), "h")
    times = pd.DatetimeIndex(["2024-01-01 01:00", "2024-01-01 01:30", "2023-12-31"])
    assert steps.positions(times).tolist() == [1, -1, -1]
    assert TimeSteps(0.0, "2").positions(pd.Index([4, 5, -2])).tolist() == [2, -1, -1]


def test_numbers_may_be_rounded_and_have_gaps() -> None:
    numbers = pd.Index(np.delete((np.arange(100) / 30).round(3), [4, 5]))
    steps = infer_steps(numbers, np.diff(numbers), rounding=1e-3)
    assert steps.positions(numbers).tolist() == np.delete(np.arange(100), [4, 5]).tolist()
    assert float(steps.frequency) == pytest.approx(1 / 30, rel=1e-3)
    assert infer_steps(pd.Index([3, 5, 9]), np.array([2, 4])).times(2, 2).tolist() == [7, 9]


ZONE = "Europe/Berlin"
BACK = pd.date_range("2024-10-26 22:00", periods=8, freq="h")  # in UTC: 00:00, 01:00, 02:00, 02:00


def berlin(utc: pd.DatetimeIndex) -> pd.DatetimeIndex:
    return utc.tz_localize("UTC").tz_convert(ZONE).tz_localize(None)


@pytest.mark.parametrize("order", [1, -1])
def test_the_hour_that_happens_twice_is_told_apart(order: int) -> None:
    utc = BACK[::order]
    local = berlin(utc)
    assert local.duplicated().sum() == 1
    found = localise(Path("own.csv"), "date", local, ZONE, [np.arange(len(local))])
    pd.testing.assert_index_equal(found, utc, check_names=False, exact="equiv")


def test_each_series_has_its_own_hour_that_happens_twice() -> None:
    utc = BACK.append(BACK)
    rows = [np.arange(8), np.arange(8, 16)]
    found = localise(Path("own.csv"), "date", berlin(utc), ZONE, rows)
    assert found.tolist() == utc.tolist()


def test_an_hour_that_never_was_is_refused() -> None:
    times = pd.date_range("2024-03-31 00:00", periods=5, freq="h")
    with pytest.raises(InputError) as error:
        localise(Path("own.csv"), "date", times, ZONE, [np.arange(5)])
    assert str(error.value) == (
        "Times of column date of own.csv must exist in the time zone Europe/Berlin. Received: "
        "2024-03-31 02:00:00 in row 3, when clocks were set forward. Remove the row, or name the "
        "time zone in which the times were written."
    )
