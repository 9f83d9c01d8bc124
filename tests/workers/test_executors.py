"""The contract of executors, run over both of them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tcn_search import Architecture, Task, TrainingSettings
from tcn_search.workers.executor import Executor, InProcessExecutor
from tcn_search.workers.process_executor import ProcessExecutor
from tcn_search.workers.shared_data import read_training_data, write_training_data
from tcn_search.workers.slots import WorkerSlot
from tcn_search.workers.trial import EpochReport, TrialJob, TrialOutcome
from tests.conftest import waves

TASK = Task.from_arrays(*waves(24), X_test=waves(6, seed=9)[0], y_test=waves(6, seed=9)[1])
JOB = TrialJob(
    number=0,
    architecture=Architecture(nb_filters=4, kernel_size=2, dilations=(1, 2)),
    settings=TrainingSettings(epochs=3, batch_size=8),
    objective="val_loss",
    direction="minimize",
    seed=1,
)
BROKEN = replace(JOB, number=1, architecture=replace(JOB.architecture, activation="nothing"))
DIVERGING = replace(JOB, number=2, settings=TrainingSettings(epochs=3, learning_rate=1e30))


class Scripted:
    """An owner with a fixed list of jobs."""

    def __init__(self, jobs: list[TrialJob], stop_at: int = 99, kill_at: int = 99) -> None:
        self.jobs = list(jobs)
        self.stop_at, self.kill_at = stop_at, kill_at
        self.reports: list[EpochReport] = []
        self.outcomes: dict[int, TrialOutcome] = {}
        self.kill = lambda: None

    def next_job(self) -> TrialJob | None:
        return self.jobs.pop(0) if self.jobs else None

    def keep_going(self, report: EpochReport) -> bool:
        self.reports.append(report)
        if report.epoch == self.kill_at:
            self.kill_at = 99
            self.kill()
        return report.epoch < self.stop_at

    def finish(self, outcome: TrialOutcome) -> None:
        assert outcome.number not in self.outcomes
        self.outcomes[outcome.number] = outcome


@pytest.fixture(scope="module", params=["this process", "a process of its own"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    made: Executor = (
        InProcessExecutor(TASK.training)
        if request.param == "this process"
        else ProcessExecutor(TASK.training)
    )
    yield made
    made.close()


def process_ids(executor: ProcessExecutor) -> list[int]:
    return [worker._process.pid for worker in executor._workers]


def test_jobs_are_trained_and_reported_epoch_by_epoch(executor: Executor) -> None:
    owner = Scripted([JOB, replace(JOB, number=5)])
    executor.run(owner)
    assert [(report.number, report.epoch) for report in owner.reports] == [
        (n, e) for n in (0, 5) for e in (1, 2, 3)
    ]
    outcome = owner.outcomes[0]
    assert outcome.status == "complete"
    assert outcome.score == min(epoch["val_loss"] for epoch in outcome.curve)
    # four convolutions (kernel 2; the first of 2 channels), one match, the head
    assert outcome.parameters == (2 * 2 * 4 + 4) + 3 * (2 * 4 * 4 + 4) + (2 * 4 + 4) + (4 * 2 + 2)
    assert outcome.seconds["total"] >= outcome.seconds["build"] > 0
    assert {"compile", "training", "validation"} < set(outcome.seconds)
    assert outcome.machine.count(",") == 3
    np.testing.assert_allclose(outcome.score, owner.outcomes[5].score, rtol=1e-5)


def test_the_owner_can_stop_a_trial(executor: Executor) -> None:
    owner = Scripted([JOB, replace(JOB, number=1)], stop_at=2)
    executor.run(owner)
    assert [(outcome.status, len(outcome.curve)) for outcome in owner.outcomes.values()] == [
        ("pruned", 2)
    ] * 2


def test_a_broken_or_diverging_trial_ends_alone(executor: Executor) -> None:
    owner = Scripted([BROKEN, DIVERGING, JOB])
    executor.run(owner)
    assert [owner.outcomes[number].status for number in (1, 2, 0)] == [
        "unbuildable",
        "diverged",
        "complete",
    ]
    assert (
        "activation must be the name of a Keras activation. Received: 'nothing'"
        in owner.outcomes[1].reason
    )


def test_a_trial_over_its_time_ends_between_two_batches(executor: Executor) -> None:
    owner = Scripted([replace(JOB, time_limit=1e-3), replace(JOB, number=1, time_limit=600.0)])
    executor.run(owner)
    outcome = owner.outcomes[0]
    assert (outcome.status, outcome.curve, outcome.score) == ("timed_out", [], None)
    assert outcome.reason == "the limit is 0.001 s"
    assert owner.outcomes[1].status == "complete"


def test_a_job_survives_its_dictionary() -> None:
    assert TrialJob.from_dict(JOB.to_dict()) == JOB


def test_a_worker_cannot_read_the_test_part(tmp_path: Path) -> None:
    write_training_data(TASK.training, tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "X_train.npy",
        "X_validation.npy",
        "spec.json",
        "y_train.npy",
        "y_validation.npy",
    ]
    read = read_training_data(tmp_path)
    assert read.spec == TASK.spec
    assert isinstance(read.train.X, np.memmap)
    np.testing.assert_array_equal(read.train.X, TASK.train.X)
    np.testing.assert_array_equal(read.validation.y, TASK.validation.y)


def test_a_killed_worker_loses_its_trial_only_and_is_replaced() -> None:
    executor = ProcessExecutor(TASK.training)
    owner = Scripted([JOB, replace(JOB, number=1)], kill_at=2)
    owner.kill = lambda: os.kill(process_ids(executor)[0], signal.SIGKILL)
    try:
        executor.run(owner)
    finally:
        executor.close()
    assert owner.outcomes[0].status == "stale"
    assert owner.outcomes[0].reason.startswith("its process ended with code -9")
    assert owner.outcomes[1].status == "complete"


def test_two_workers_train_at_the_same_time_and_are_recycled() -> None:
    executor = ProcessExecutor(TASK.training, [WorkerSlot(), WorkerSlot()], trials_per_process=1)
    owner = Scripted([replace(JOB, number=number) for number in range(3)])
    seen: set[int] = set()

    def finish(outcome: TrialOutcome) -> None:
        seen.update(process_ids(executor))
        Scripted.finish(owner, outcome)

    owner.finish = finish  # type: ignore[method-assign]
    executor.run(owner)
    alive = process_ids(executor)
    executor.close()
    assert {outcome.status for outcome in owner.outcomes.values()} == {"complete"}
    assert len(seen) == 3
    for process in alive:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


@pytest.mark.slow
def test_what_a_trial_has_said_in_time_counts_however_late_it_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The owner is away, for longer than all trials' limits, while the first reports and the second ends."""
    monkeypatch.setattr("tcn_search.workers.process_executor.GRACE_SECONDS", 0.0)
    executor = ProcessExecutor(TASK.training, [WorkerSlot(), WorkerSlot()])
    warm = Scripted([replace(JOB, number=number) for number in (0, 1)])
    executor.run(warm)
    limit = 6.0
    owner = Scripted([replace(JOB, number=number, time_limit=limit) for number in (2, 3)])
    was_away: list[int] = []

    def keep_going(report: EpochReport) -> bool:
        if not was_away:
            was_away.append(report.number)
            time.sleep(limit + 1)
        return True

    owner.keep_going = keep_going  # type: ignore[method-assign]
    try:
        executor.run(owner)
    finally:
        executor.close()
    assert {outcome.status for outcome in owner.outcomes.values()} == {"complete"}


@pytest.mark.slow
def test_a_trial_that_hangs_is_killed_and_its_worker_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tcn_search.workers.process_executor.GRACE_SECONDS", 1.0)
    executor = ProcessExecutor(TASK.training)
    owner = Scripted([replace(JOB, time_limit=30.0), replace(JOB, number=1)], kill_at=1)
    owner.kill = lambda: os.kill(process_ids(executor)[0], signal.SIGSTOP)
    try:
        executor.run(owner)
    finally:
        executor.close()
    assert owner.outcomes[0].status == "timed_out"
    assert (
        owner.outcomes[0].reason == "the limit is 30 s; it did not stop, so its process was killed"
    )
    assert owner.outcomes[1].status == "complete"


@pytest.mark.slow
def test_a_worker_without_memory_ends_its_trial_and_is_replaced() -> None:
    weights_of_terabytes = replace(JOB.architecture, nb_filters=300_000, kernel_size=8)
    huge = replace(JOB, number=5, architecture=weights_of_terabytes)
    executor, owner, seen = ProcessExecutor(TASK.training), Scripted([huge, JOB]), list[int]()
    owner.kill_at, owner.kill = 1, lambda: seen.extend(process_ids(executor))
    try:
        executor._hand_out_jobs(owner)
        (first,) = process_ids(executor)
        executor.run(owner)
    finally:
        executor.close()
    assert owner.outcomes[5].status == "out_of_memory"
    assert "[8,300000,300000]" in owner.outcomes[5].reason
    assert owner.outcomes[0].status == "complete"
    assert len(seen) == 1
    assert seen != [first]
