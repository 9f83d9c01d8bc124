"""Run a search on workers that train in virtual time, while the search itself takes real time.

The study's process is a queue with one server: it does one thing at a time, which takes the seconds
that a clock measures around the call. A worker that asks for a job, reports an epoch or ends a
trial waits until the process is free, and then until it has its answer, as real workers do. So the
time at which the last trial ends is that of a study on as many machines, without the time that
messages need between them.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

from tcn_search.trial_status import TrialStatus
from tcn_search.workers.executor import Owner
from tcn_search.workers.trial import EpochReport, TrialJob, TrialOutcome


class Training(NamedTuple):
    """A training that is not executed: its validation losses, and the seconds of an epoch."""

    losses: Sequence[float]
    seconds_an_epoch: float


@dataclass
class Trace:
    """What a trial took: virtual seconds of its worker, and real ones of the study's process.

    Args:
        job: of the trial.
        seconds_an_epoch: in virtual time.
        epochs: that the trial was trained.
        costs: seconds of the study's process for the job, for each epoch, and for the outcome.
        score: best loss of a complete trial; None of others.
    """

    job: TrialJob
    seconds_an_epoch: float
    epochs: int = 0
    score: float | None = None
    costs: list[float] = field(default_factory=list)


class _Worker:
    """A worker: it asks for a job, reports its epochs, sends the outcome, and asks again."""

    def __init__(self) -> None:
        self.trace: Trace | None = None
        self._curve: list[dict[str, float]] = []
        self._losses: list[float] = []
        self._is_stopped = False

    def send(self, owner: Owner, train: Callable[[TrialJob], Training]) -> float | None:
        """Send the next message; return the seconds to the one after it, or None without a job."""
        if self.trace is None:
            return self._ask(owner, train)
        if self._losses and not self._is_stopped:
            return self._report(owner, self.trace)
        self._finish(owner, self.trace)
        self.trace = None
        return 0.0

    def _ask(self, owner: Owner, train: Callable[[TrialJob], Training]) -> float | None:
        job = owner.next_job()
        if job is None:
            return None
        training = train(job)
        self.trace = Trace(job, training.seconds_an_epoch)
        self._losses = list(training.losses)
        self._curve = []
        self._is_stopped = False
        return training.seconds_an_epoch

    def _report(self, owner: Owner, trace: Trace) -> float:
        loss = self._losses.pop(0)
        self._curve.append({"val_loss": loss, "seconds": trace.seconds_an_epoch})
        trace.epochs += 1
        best = min(row["val_loss"] for row in self._curve)
        report = EpochReport(trace.job.number, trace.epochs, best, self._curve[-1])
        self._is_stopped = not owner.keep_going(report)
        if self._is_stopped or not self._losses:
            return 0.0
        return trace.seconds_an_epoch

    def _finish(self, owner: Owner, trace: Trace) -> None:
        losses = [row["val_loss"] for row in self._curve]
        status = TrialStatus.PRUNED
        if not self._is_stopped:
            status = TrialStatus.COMPLETE
            trace.score = min(losses)
        owner.finish(
            TrialOutcome(
                number=trace.job.number,
                status=status,
                score=min(losses),
                best_epoch=losses.index(min(losses)) + 1,
                curve=self._curve,
                seconds={"total": trace.epochs * trace.seconds_an_epoch},
            )
        )


class VirtualWorkers:
    """An executor with any number of workers, in virtual time.

    Args:
        workers: number of trainings at the same time.
        train: gives the training of a job.
        clock: gives the seconds that the study's process has spent; read around each of its calls.

    Attributes:
        seconds: virtual time from the first question for a job to the last recorded outcome.
        busy: seconds of it in which the study's process worked.
        traces: of the trials, in the order in which they were handed out.
    """

    def __init__(
        self, workers: int, train: Callable[[TrialJob], Training], clock: Callable[[], float]
    ) -> None:
        self.seconds = 0.0
        self.busy = 0.0
        self.traces: list[Trace] = []
        self._workers = workers
        self._train = train
        self._clock = clock

    def run(self, owner: Owner) -> None:
        order = count()  # of messages that arrive at the same time
        messages = [(0.0, next(order), _Worker()) for _ in range(self._workers)]
        idle: list[_Worker] = []
        while messages:
            arrival, _, worker = heapq.heappop(messages)
            trace = worker.trace
            started = self._clock()
            wait = worker.send(owner, self._train)
            cost = self._clock() - started
            self.busy += cost
            self.seconds = max(self.seconds, arrival) + cost
            if trace is None and worker.trace is not None:
                trace = worker.trace
                self.traces.append(trace)
                if idle:  # there may be a job for another one too
                    heapq.heappush(messages, (self.seconds, next(order), idle.pop()))
            if trace is not None:
                trace.costs.append(cost)
            if wait is None:
                idle.append(worker)
            else:
                heapq.heappush(messages, (self.seconds + wait, next(order), worker))

    def close(self) -> None:
        """Nothing is held."""

    @property
    def training_seconds(self) -> float:
        """Virtual seconds of all trainings together."""
        return sum(trace.epochs * trace.seconds_an_epoch for trace in self.traces)


class RecordedOwner:
    """Hand out the trials of an earlier run again, each with its epochs and its costs.

    Args:
        traces: of that run.

    Attributes:
        now: seconds of the study's process so far: the clock of `VirtualWorkers`.
    """

    def __init__(self, traces: Iterable[Trace]) -> None:
        self.now = 0.0
        self._waiting = list(traces)[::-1]
        self._running: dict[int, tuple[Trace, list[float]]] = {}

    @property
    def needs_executor(self) -> bool:
        return bool(self._waiting)

    def next_job(self) -> TrialJob | None:
        if not self._waiting:
            return None
        trace = self._waiting.pop()
        costs = trace.costs[::-1]
        self._running[trace.job.number] = (trace, costs)
        self.now += costs.pop()
        return trace.job

    def keep_going(self, report: EpochReport) -> bool:
        trace, costs = self._running[report.number]
        self.now += costs.pop()
        return report.epoch < trace.epochs

    def finish(self, outcome: TrialOutcome) -> None:
        _, costs = self._running.pop(outcome.number)
        self.now += costs.pop()


def replayed(traces: Sequence[Trace], workers: int, factor: float) -> VirtualWorkers:
    """Repeat a run with trainings that take `factor` times as long.

    The trials, their order, their epochs and the seconds of the study's process are those of the
    run.
    """
    owner = RecordedOwner(traces)
    trainings = {
        trace.job.number: Training([0.0] * trace.epochs, factor * trace.seconds_an_epoch)
        for trace in traces
    }
    executor = VirtualWorkers(
        workers, train=lambda job: trainings[job.number], clock=lambda: owner.now
    )
    executor.run(owner)
    return executor
