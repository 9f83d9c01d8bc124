"""The contract of executors, checked for all of them; what only worker processes do."""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from tcn_search import Architecture, Task, TrainingSettings
from tcn_search.errors import InputError
from tcn_search.workers.executor import Executor, InProcessExecutor
from tcn_search.workers.process_executor import ProcessExecutor
from tcn_search.workers.ray_executor import RayExecutor
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


class ListOwner:
    """An owner with a fixed list of jobs."""

    def __init__(self, jobs: list[TrialJob], stop_at: int = 99, kill_at: int = 99) -> None:
        self.jobs = list(jobs)
        self.stop_at = stop_at
        self.kill_at = kill_at
        self.reports: list[EpochReport] = []
        self.outcomes: dict[int, TrialOutcome] = {}
        self.kill = lambda: None

    @property
    def needs_executor(self) -> bool:
        return bool(self.jobs)

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


@pytest.fixture(
    scope="module",
    params=["this process", "worker process", pytest.param("Ray", marks=pytest.mark.slow)],
)
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    executor: Executor
    if request.param == "this process":
        executor = InProcessExecutor(TASK.training)
    elif request.param == "worker process":
        executor = ProcessExecutor(TASK.training)
    else:
        pytest.importorskip("ray", reason="needs pip install 'tcn-search[ray]'")
        executor = RayExecutor(workers=1).workers_for(TASK.training, keras.backend.backend())
    yield executor
    executor.close()


def process_ids(executor: ProcessExecutor) -> list[int]:
    return [worker._process.pid for worker in executor._workers]


def test_jobs_are_trained_and_reported_epoch_by_epoch(executor: Executor) -> None:
    owner = ListOwner([JOB, replace(JOB, number=5)])
    executor.run(owner)
    assert [(report.number, report.epoch) for report in owner.reports] == [
        (number, epoch) for number in (0, 5) for epoch in (1, 2, 3)
    ]
    outcome = owner.outcomes[0]
    assert outcome.status == "complete"
    assert outcome.score == min(epoch["val_loss"] for epoch in outcome.curve)
    # four convolutions (kernel 2; the first of 2 channels), one 1×1 convolution, the head
    assert outcome.parameters == (2 * 2 * 4 + 4) + 3 * (2 * 4 * 4 + 4) + (2 * 4 + 4) + (4 * 2 + 2)
    assert outcome.seconds["total"] >= outcome.seconds["build"] > 0
    assert {"compile", "training", "validation"} < set(outcome.seconds)
    assert outcome.machine.count(",") == 3
    np.testing.assert_allclose(outcome.score, owner.outcomes[5].score, rtol=1e-5)


def test_the_owner_can_stop_a_trial(executor: Executor) -> None:
    owner = ListOwner([JOB, replace(JOB, number=1)], stop_at=2)
    executor.run(owner)
    assert [(outcome.status, len(outcome.curve)) for outcome in owner.outcomes.values()] == [
        ("pruned", 2)
    ] * 2


def test_an_unbuildable_or_diverging_trial_does_not_end_the_run(executor: Executor) -> None:
    owner = ListOwner([BROKEN, DIVERGING, JOB])
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


def test_a_trial_over_its_time_limit_ends_between_two_batches(executor: Executor) -> None:
    owner = ListOwner([replace(JOB, time_limit=1e-3), replace(JOB, number=1, time_limit=600.0)])
    executor.run(owner)
    outcome = owner.outcomes[0]
    assert (outcome.status, outcome.curve, outcome.score) == ("timed_out", [], None)
    assert outcome.reason == "the limit is 0.001 s"
    assert owner.outcomes[1].status == "complete"


def test_a_job_is_the_same_after_its_dictionary() -> None:
    assert TrialJob.from_dict(JOB.to_dict()) == JOB


def test_a_worker_cannot_read_the_test_split(tmp_path: Path) -> None:
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


def test_a_worker_that_cannot_be_started_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: object, **options: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    executor = ProcessExecutor(TASK.training)
    monkeypatch.setattr("tcn_search.workers.process_executor.subprocess.Popen", refused)
    with pytest.raises(InputError) as caught:
        executor.run(ListOwner([JOB]))
    executor.close()
    assert str(caught.value) == (
        "A worker process cannot be started: Too many open files. Fewer workers need less: "
        "--workers 1 (workers=1)."
    )


def test_a_file_named_like_a_module_of_python_hides_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "statistics.py").write_text("raise SystemExit('the wrong module')")
    monkeypatch.chdir(tmp_path)
    executor = ProcessExecutor(TASK.training)
    owner = ListOwner([replace(JOB, settings=TrainingSettings(epochs=1))])
    executor.run(owner)
    executor.close()
    assert owner.outcomes[0].status == "complete", owner.outcomes[0].reason


def test_the_trial_of_a_killed_worker_is_stale_and_the_worker_is_replaced() -> None:
    executor = ProcessExecutor(TASK.training)
    owner = ListOwner([JOB, replace(JOB, number=1)], kill_at=2)
    owner.kill = lambda: os.kill(process_ids(executor)[0], signal.SIGKILL)
    try:
        executor.run(owner)
    finally:
        executor.close()
    assert owner.outcomes[0].status == "stale"
    assert owner.outcomes[0].reason.startswith("its process ended with code -9")
    assert owner.outcomes[1].status == "complete"


def test_two_workers_train_at_the_same_time_and_are_replaced() -> None:
    executor = ProcessExecutor(TASK.training, [WorkerSlot(), WorkerSlot()], trials_per_process=1)
    owner = ListOwner([replace(JOB, number=number) for number in range(3)])
    processes: set[int] = set()

    def finish(outcome: TrialOutcome) -> None:
        processes.update(process_ids(executor))
        ListOwner.finish(owner, outcome)

    owner.finish = finish  # type: ignore[method-assign]
    executor.run(owner)
    alive = process_ids(executor)
    executor.close()
    assert {outcome.status for outcome in owner.outcomes.values()} == {"complete"}
    assert len(processes) == 3
    for process in alive:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


@pytest.mark.slow
def test_time_in_the_owner_does_not_count_against_trials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While the first trial reports and the second ends, the owner is busy beyond their limits."""
    monkeypatch.setattr("tcn_search.workers.process_executor.GRACE_SECONDS", 0.0)
    executor = ProcessExecutor(TASK.training, [WorkerSlot(), WorkerSlot()])
    executor.run(ListOwner([replace(JOB, number=number) for number in (0, 1)]))  # starts workers
    limit = 6.0
    owner = ListOwner([replace(JOB, number=number, time_limit=limit) for number in (2, 3)])
    slept_for: list[int] = []

    def keep_going(report: EpochReport) -> bool:
        if not slept_for:
            slept_for.append(report.number)
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
    owner = ListOwner([replace(JOB, time_limit=30.0), replace(JOB, number=1)], kill_at=1)
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
    weights_of_terabytes = replace(JOB.architecture, nb_filters=65_536, kernel_size=512)
    huge = replace(JOB, number=5, architecture=weights_of_terabytes)
    executor = ProcessExecutor(TASK.training)
    owner = ListOwner([huge, JOB], kill_at=1)
    processes: list[int] = []
    owner.kill = lambda: processes.extend(process_ids(executor))
    try:
        executor._hand_out_jobs(owner)
        (first,) = process_ids(executor)
        executor.run(owner)
    finally:
        executor.close()
    assert owner.outcomes[5].status == "out_of_memory"
    assert "[512,65536,65536]" in owner.outcomes[5].reason
    assert owner.outcomes[0].status == "complete"
    assert len(processes) == 1
    assert processes != [first]
