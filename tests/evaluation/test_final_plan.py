"""Final trainings within a time limit: whole rounds of re-runs, and fewer epochs."""

from __future__ import annotations

import math

import pytest

from tcn_search.evaluation.final_plan import FinalPlan
from tcn_search.planning.architecture import Architecture
from tcn_search.search.final_settings import FinalSettings
from tcn_search.search.trial_record import Candidate
from tcn_search.settings import TrainingSettings


def plan_of(seconds_an_epoch: float = 2.0, folds: int = 1) -> FinalPlan:
    """Return a plan of 3 candidates with 10 epochs, and 5 final trainings of 40 epochs."""
    settings = TrainingSettings(epochs=10)
    candidates = [Candidate(trial, Architecture(), settings) for trial in range(3)]
    return FinalPlan(
        candidates=candidates,
        trial_runs=[],
        rerun_seeds=[10, 11],
        seeds=[20, 21, 22, 23, 24],
        final=FinalSettings(),
        epochs=40,
        refit=True,
        ensemble=True,
        folds=folds,
        seconds_an_epoch=dict.fromkeys(range(3), seconds_an_epoch),
        final_seconds_an_epoch=dict.fromkeys(range(3), 1.25 * seconds_an_epoch),
    )


@pytest.mark.parametrize(
    ("seconds", "workers", "rounds"),
    [
        (math.inf, 1, 2),
        (120, 1, 2),  # a round is 3 trainings of 10 epochs of 2 seconds
        (119, 1, 1),
        (59, 1, 0),
        (60, 2, 2),
        (40, 8, 2),  # no more than 3 at the same time
        (39, 8, 1),
    ],
)
def test_re_runs_within_a_time_are_whole_rounds(seconds: float, workers: int, rounds: int) -> None:
    plan = plan_of().reruns_within(seconds, workers)
    assert plan.rerun_seeds == [10, 11][:rounds]
    assert len(plan.reruns()) == 3 * rounds


@pytest.mark.parametrize(
    ("seconds", "kept", "rounds"), [(1, 1, 1), (59, 1, 1), (60, 1, 2), (1, 2, 2)]
)
def test_re_runs_that_are_kept_take_no_time(seconds: float, kept: int, rounds: int) -> None:
    plan = plan_of().reruns_within(seconds, 1, kept_rounds=kept)
    assert plan.rerun_seeds == [10, 11][:rounds]


def test_folds_count_as_trainings() -> None:
    assert plan_of(folds=4).reruns_within(479, 1).rerun_seeds == [10]
    assert plan_of(folds=4).reruns_within(480, 1).rerun_seeds == [10, 11]


@pytest.mark.parametrize(
    ("seconds", "workers", "epochs", "count"),
    [
        (math.inf, 1, 40, 5),
        (500, 1, 40, 5),  # 5 trainings of 40 epochs of 2.5 seconds
        (250, 1, 33, 3),
        (300, 2, 40, 5),  # in 3 rounds
        (299, 2, 39, 5),
        (200, 2, 26, 5),  # two thirds of 40
        (199, 2, 39, 4),
        (133, 2, 40, 2),
        (75, 2, 30, 2),
        (75, 1, 15, 2),
        (49, 1, 19, 1),  # two do not have the epochs of a trial
        (49, 2, 19, 2),
        (20, 2, 8, 2),  # not even one round has them
        (1, 2, 1, 2),
    ],
)
def test_final_trainings_within_a_time_are_fewer_and_then_shorter(
    seconds: float, workers: int, epochs: int, count: int
) -> None:
    plan = plan_of().finals_within([0, 1], seconds, workers)
    trainings = plan.finals([0, 1])
    assert {training.candidate.settings.epochs for training in trainings} == {epochs}
    assert [training.seed for training in trainings] == [20, 21, 22, 23, 24][:count]


@pytest.mark.parametrize(("left", "count"), [(0, 2), (94, 2), (95, 4), (1_000, 5)])
def test_time_that_the_re_runs_did_not_take_is_for_more_trainings(left: float, count: int) -> None:
    plan = plan_of().finals_within([0, 1], 49, 2, left)
    assert (plan.epochs, len(plan.seeds)) == (19, count)


def test_where_the_time_of_an_epoch_is_unknown_nothing_is_left_out() -> None:
    plan = plan_of(seconds_an_epoch=0)
    assert plan.reruns_within(1, 1) == plan
    assert plan.finals_within([0], 1, 1) == plan
