"""How long an epoch of a final training takes, by the times of its trial."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from tcn_search import SearchSettings, Study, Task
from tcn_search.study.final_trainings import _final_seconds
from tcn_search.study.training_time import seconds_an_epoch
from tests.conftest import waves
from tests.study.synthetic import small_space


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


@pytest.mark.parametrize(
    ("folds", "fraction", "expected"),
    # Of 200 sequences, a trial trains on 160: as the training split, or in each of five folds.
    [(1, 1.0, 1.25), (1, 0.5, 2.5), (5, 1.0, 1.25), (5, 0.5, 2.5)],
)
def test_rows_of_a_fold_and_of_a_part(
    folds: int, fraction: float, expected: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    search = SearchSettings(folds=folds, fraction=fraction)
    study = Study("waves", Task.from_arrays(*waves(200)), small_space(), search=search)
    handle = SimpleNamespace(
        task=study.task,
        training_data=study.training_data,
        records=lambda: {0: record([1.0])},
    )
    plan = SimpleNamespace(refit=True, seconds_an_epoch={0: 1.0})
    assert _final_seconds(handle, plan) == {0: pytest.approx(expected, rel=0.02)}
