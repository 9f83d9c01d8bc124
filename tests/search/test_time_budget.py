"""A run with a timeout ends soon after it, whatever is in training then."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tcn_search import SearchSettings, Study, Task, TrainingSettings
from tcn_search.search import time_budget
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.executor import Owner
from tcn_search.workers.trial import EpochReport, TrialJob, TrialOutcome
from tests.conftest import waves
from tests.study.synthetic import Synthetic

TASK = Task.from_arrays(*waves(24))
EPOCHS = 10


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.chdir(tmp_path)
    clock = Clock()
    monkeypatch.setattr(time_budget, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


class Slow(Synthetic):
    """Every epoch takes some seconds; a job's own time limit ends it in the middle of an epoch."""

    def __init__(self, clock: Clock, *seconds: float) -> None:
        super().__init__()
        self.clock = clock
        self.seconds = list(seconds)  # an epoch of each trial takes; the last one stays

    def _train(self, job: TrialJob, owner: Owner) -> TrialOutcome:
        seconds = self.seconds[min(job.number, len(self.seconds) - 1)]
        limit = math.inf if job.time_limit is None else self.clock.now + job.time_limit
        curve: list[dict[str, float]] = []
        for epoch in range(1, job.settings.epochs + 1):
            if self.clock.now + seconds > limit:
                self.clock.now = limit
                return self._ended(job, TrialStatus.TIMED_OUT, curve)
            self.clock.now += seconds
            curve.append({"val_loss": 1 / epoch, "loss": 0.5, "seconds": seconds})
            if not owner.keep_going(EpochReport(job.number, epoch, 1 / epoch, curve[-1])):
                return self._ended(job, TrialStatus.PRUNED, curve)
        return self._ended(job, TrialStatus.COMPLETE, curve)

    def _ended(
        self, job: TrialJob, status: TrialStatus, curve: list[dict[str, float]]
    ) -> TrialOutcome:
        return TrialOutcome(
            number=job.number,
            status=status,
            score=curve[-1]["val_loss"] if curve else None,
            best_epoch=len(curve),
            curve=curve,
        )


def run(clock: Clock, *seconds: float, timeout: float, **options: Any) -> tuple[Study, float]:
    """Run a study; return it with the seconds that the run took."""
    study = Study(
        "waves",
        TASK,
        training=TrainingSettings(epochs=EPOCHS),
        search=SearchSettings(pruner="none", warm_start=False),
    )
    started = clock.now
    study.run(
        50,
        executor=Slow(clock, *seconds),
        on_progress=lambda progress: None,
        timeout=timeout,
        **options,
    )
    assert study.ended_early == "the time is over"
    return study, clock.now - started


def test_a_trial_far_from_its_end_is_pruned_when_the_time_is_over(clock: Clock) -> None:
    study, seconds = run(clock, 1, 6, timeout=60)  # of the second trial, 8 epochs fit
    last = study.trials().iloc[-1]
    assert seconds == 64
    assert (last["ended"], last["epochs"], last["reason"]) == ("pruned", 9, "the time is over")
    assert last["score"] == pytest.approx(1 / 9)
    assert study.finished == 2
    assert study.best_trial == 0


def test_a_trial_near_its_end_may_be_completed(clock: Clock) -> None:
    study, seconds = run(clock, 1, 5.4, timeout=60)  # of the second trial, 9.3 epochs fit
    assert seconds == pytest.approx(64)
    assert list(study.trials()["ended"]) == ["complete", "complete"]


def test_a_long_epoch_is_ended_at_the_grace(clock: Clock) -> None:
    study, seconds = run(clock, 10, 70, timeout=200)
    assert seconds == 210  # a twentieth more
    last = study.trials().iloc[-1]
    assert (last["ended"], last["epochs"], last["reason"]) == ("pruned", 1, "the time is over")


def test_a_trial_without_an_epoch_is_tried_again_by_the_next_run(clock: Clock) -> None:
    study, _ = run(clock, 10, 1_000, timeout=200)
    assert study.status_counts() == {"complete": 1, "stale": 1, "waiting": 1}
    assert study.trials()["reason"][1] == "the time is over"
    study.run(2, executor=Slow(clock, 1), on_progress=lambda progress: None)
    frame = study.trials()
    assert list(frame["ended"]) == ["complete", "stale", "complete"]
    assert frame["learning_rate"][2] == frame["learning_rate"][1]


def test_the_first_complete_trial_is_waited_for(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="tcn_search")
    logging.getLogger("tcn_search").propagate = True
    study, seconds = run(clock, 30, timeout=60)
    assert seconds == 300
    assert study.status_counts() == {"complete": 1}
    lines = [record.message for record in caplog.records if record.name == "tcn_search"]
    assert lines.count("the time is over; the run ends with the first complete trial") == 1


def test_no_trial_starts_that_could_not_be_complete(clock: Clock) -> None:
    study, seconds = run(clock, 2, timeout=52)  # 17 seconds with the grace are left after two
    assert seconds == 40
    assert study.status_counts() == {"complete": 2}


def test_a_trial_timeout_is_told_from_the_end_of_the_run(clock: Clock) -> None:
    study, seconds = run(clock, 1, 12, timeout=100, trial_timeout=50)
    assert list(study.trials()["ended"]) == ["complete", "timed_out", "pruned"]
    assert seconds == pytest.approx(105, abs=5)


def test_a_run_without_a_timeout_has_no_limits(clock: Clock) -> None:
    study = Study("waves", TASK, training=TrainingSettings(epochs=EPOCHS))
    jobs = Slow(clock, 1_000)
    study.run(2, executor=jobs, on_progress=lambda progress: None)
    assert study.finished == 2
    assert study.ended_early == ""
