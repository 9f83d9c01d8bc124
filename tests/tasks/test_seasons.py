"""The season of a series, from the frequency of its times."""

from __future__ import annotations

import pandas as pd
import pytest

from tcn_search.errors import InputError
from tcn_search.tasks.seasons import season_of


@pytest.mark.parametrize(
    ("frequency", "season"),
    [
        ("min", 1440),
        ("10min", 144),
        ("15min", 96),
        ("h", 24),
        ("6h", 4),
        ("7h", 0),
        ("D", 7),
        ("B", 5),
        ("2D", 0),
        ("W", 52),
        ("MS", 12),
        ("ME", 12),
        ("QS", 4),
        ("YS", 0),
    ],
)
def test_the_season_follows_from_the_step(frequency: str, season: int) -> None:
    assert season_of(pd.date_range("2023-01-02", periods=60, freq=frequency)) == season


def test_a_given_season_counts_and_numbers_have_none() -> None:
    hours = pd.date_range("2024-01-01", periods=60, freq="h")
    assert season_of(hours, 168) == 168
    assert season_of(pd.RangeIndex(60)) == 0
    with pytest.raises(InputError, match="season must be an integer of at least 1. Received: 0"):
        season_of(hours, 0)
