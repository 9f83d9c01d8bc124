"""How long an epoch of a final training takes, by the times of its trial."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tcn_search.study.training_time import seconds_an_epoch


def record(seconds: list[float], **phases: float) -> SimpleNamespace:
    curve = [{"loss": 1.0, "seconds": each} for each in seconds]
    return SimpleNamespace(outcome=SimpleNamespace(curve=curve, seconds=phases))


@pytest.mark.parametrize(
    ("row_ratio", "validates", "expected"),
    [
        (1.0, True, 4.0),
        (13.0, True, 40.0),  # 3 of 4 seconds are training: 39 and 1
        (13.0, False, 39.0),
        (1.0, False, 3.0),
    ],
)
def test_only_training_grows_with_the_rows(
    row_ratio: float, validates: bool, expected: float
) -> None:
    trial = record([9.0, 4.0, 4.0], training=30.0, validation=10.0)
    assert seconds_an_epoch(trial, row_ratio, validates) == pytest.approx(expected)


def test_without_the_phases_all_of_it_grows() -> None:
    assert seconds_an_epoch(record([2.0]), 3.0) == 6.0


def test_what_is_not_known_is_zero() -> None:
    assert seconds_an_epoch(SimpleNamespace(outcome=None)) == 0.0
    assert seconds_an_epoch(record([], training=1.0)) == 0.0
