"""Studies on workers that train in virtual time: who waits for whom, and for how long."""

from __future__ import annotations

from dataclasses import replace

import pytest
from owner_time import Clock, Parts
from simulate_workers import simulate
from simulation_report import medians
from virtual_workers import Training, VirtualWorkers, replayed

import tcn_search as ts
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.trial import EpochReport, TrialJob, TrialOutcome

JOB = TrialJob(
    number=0,
    architecture=ts.Architecture(nb_filters=4, kernel_size=2, dilations=(1, 2)),
    settings=ts.TrainingSettings(),
    objective="val_loss",
    direction="minimize",
    seed=0,
)


class CountedTrials:
    """An owner of a number of trials whose every call takes the same seconds."""

    def __init__(self, trials: int, seconds: float, last_epoch: int = 99) -> None:
        self.now = 0.0
        self.outcomes: list[TrialOutcome] = []
        self._numbers = iter(range(trials))
        self._seconds = seconds
        self._last_epoch = last_epoch

    @property
    def needs_executor(self) -> bool:
        return True

    def next_job(self) -> TrialJob | None:
        number = next(self._numbers, None)
        if number is None:
            return None
        self.now += self._seconds
        return replace(JOB, number=number)

    def keep_going(self, report: EpochReport) -> bool:
        self.now += self._seconds
        return report.epoch < self._last_epoch

    def finish(self, outcome: TrialOutcome) -> None:
        self.now += self._seconds
        self.outcomes.append(outcome)


def run(owner: CountedTrials, workers: int, epochs: int, seconds: float) -> VirtualWorkers:
    executor = VirtualWorkers(
        workers,
        train=lambda job: Training([1.0] * epochs, seconds),
        clock=lambda: owner.now,
    )
    executor.run(owner)
    return executor


@pytest.mark.parametrize(
    ("trials", "workers", "rounds"), [(10, 1, 10), (10, 3, 4), (9, 3, 3), (3, 8, 1)]
)
def test_a_search_without_cost_takes_its_trainings(trials: int, workers: int, rounds: int) -> None:
    owner = CountedTrials(trials, seconds=0.0)
    executor = run(owner, workers, epochs=2, seconds=3.0)
    assert executor.seconds == rounds * 6.0
    assert executor.busy == 0.0
    assert executor.training_seconds == trials * 6.0
    assert sorted(outcome.number for outcome in owner.outcomes) == list(range(trials))


def test_trainings_that_are_short_wait_for_the_search() -> None:
    owner = CountedTrials(40, seconds=1.0)
    executor = run(owner, workers=20, epochs=1, seconds=0.5)
    assert executor.busy == 40 * 3  # a job, an epoch and an outcome each
    assert executor.seconds == executor.busy


def test_a_single_worker_waits_for_each_answer() -> None:
    executor = run(CountedTrials(5, seconds=1.0), workers=1, epochs=2, seconds=10.0)
    assert executor.seconds == 5 * (4 * 1.0 + 2 * 10.0)
    assert [len(trace.costs) for trace in executor.traces] == [4] * 5


def test_a_stopped_trial_is_pruned_and_frees_its_worker() -> None:
    owner = CountedTrials(4, seconds=0.0, last_epoch=1)
    executor = run(owner, workers=2, epochs=5, seconds=1.0)
    assert {outcome.status for outcome in owner.outcomes} == {TrialStatus.PRUNED}
    assert executor.seconds == 2.0
    assert {trace.score for trace in executor.traces} == {None}


def test_a_run_is_repeated_with_longer_trainings() -> None:
    executor = run(CountedTrials(30, seconds=0.5), workers=4, epochs=3, seconds=2.0)
    again = replayed(executor.traces, workers=4, factor=1.0)
    assert (again.seconds, again.busy) == (executor.seconds, executor.busy)
    longer = replayed(executor.traces, workers=4, factor=100.0)
    assert longer.busy == executor.busy
    assert longer.seconds > 50 * executor.seconds


def test_seconds_are_counted_for_the_part_that_spends_them() -> None:
    now = 0.0

    def spend(seconds: float) -> None:
        nonlocal now
        now += seconds

    parts = Parts(lambda: now)
    store = parts._timed("storage", spend)

    def ask() -> None:
        spend(1.0)
        store(10.0)
        spend(2.0)

    spend(5.0)  # outside of both
    parts._timed("loop", ask)()
    assert parts.seconds["loop"] == 3.0
    assert parts.seconds["storage"] == 10.0


def test_the_clock_advances() -> None:
    clock = Clock()
    before = clock()
    sum(range(100_000))
    assert clock() > before


def test_a_small_study_is_simulated() -> None:
    result = simulate("memory", "random", workers=3, seed=0, trials=8)
    assert result["trials"] == 8
    assert result["milliseconds_a_trial"]["loop"] > 0
    assert 0.2 <= result["lowest_loss"] <= result["loss_after"]["1000"] < 1.1
    assert result["wall"]["600"]["seconds"] > 9 * result["wall"]["60"]["seconds"]
    assert medians([result], lambda row: row["trials"]) == {3: 8}
