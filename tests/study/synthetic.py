"""An executor that trains nothing, and a small space: instant, deterministic studies."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import optuna

from tcn_search import SearchSpace
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.executor import Owner
from tcn_search.workers.trial import EpochReport, TrialJob, TrialOutcome

# Ends of trials that have no curve.
_WITHOUT_CURVE = ("failed", "stale", "out_of_memory", "timed_out", "unbuildable", "too_large")


def loss_of(job: TrialJob, epoch: int) -> float:
    """Return a loss that falls with the epochs.

    Its limit is smallest for a learning rate near 2e-3 and many filters.
    """
    floor = (
        abs(math.log10(job.settings.learning_rate / 2e-3)) + 1 / job.architecture.level_filters[0]
    )
    return floor + 1 / epoch


def small_space(**changes: Any) -> SearchSpace:
    """Return a space of a few networks, without any range of real numbers."""
    values = {
        "nb_filters": [4, 8],
        "kernel_size": 3,
        "levels": 3,
        "nb_stacks": 1,
        "padding": "causal",
        "norm": "none",
        "use_skip_connections": True,
        "readout": "last",
        "dropout_rate": 0.0,
        "learning_rate": [1e-3, 2e-3],
    }
    return SearchSpace(**{**values, **changes})


class Synthetic:
    """Executor whose trials have the losses of `loss_of`.

    Args:
        statuses: how some trials end, by their turn in this run; the others are complete.
        interrupt_at: turn, from 1, at which Ctrl-C is pressed after one epoch.
        folds: of the outcomes; 0: not cross-validated.
    """

    def __init__(
        self,
        statuses: dict[int, str] | None = None,
        interrupt_at: int | None = None,
        folds: int = 0,
    ) -> None:
        self.statuses = statuses or {}
        self.interrupt_at = interrupt_at
        self.folds = folds
        self.jobs: list[TrialJob] = []
        self.closed = False

    def run(self, owner: Owner) -> None:
        while (job := owner.next_job()) is not None:
            self.jobs.append(job)
            if len(self.jobs) == self.interrupt_at:
                owner.keep_going(_report(job, epoch=1, numbers={}))
                raise KeyboardInterrupt
            owner.finish(self._train(job, owner))

    def _train(self, job: TrialJob, owner: Owner) -> TrialOutcome:
        status = self.statuses.get(len(self.jobs) - 1, "complete")
        if status in _WITHOUT_CURVE:
            return TrialOutcome(
                number=job.number, status=TrialStatus(status), reason=f"{status} on purpose"
            )
        curve: list[dict[str, float]] = []
        for epoch in range(1, job.settings.epochs + 1):
            curve.append({"val_loss": loss_of(job, epoch), "loss": 0.5, "seconds": 0.01})
            if status == "diverged":
                return TrialOutcome(number=job.number, status=TrialStatus.DIVERGED, curve=curve)
            if not owner.keep_going(_report(job, epoch, curve[-1])):
                return self._outcome(job, TrialStatus.PRUNED, curve)
        return self._outcome(job, TrialStatus.COMPLETE, curve)

    def _outcome(
        self, job: TrialJob, status: TrialStatus, curve: list[dict[str, float]]
    ) -> TrialOutcome:
        score = curve[-1]["val_loss"]
        best_epoch = len(curve)
        if self.folds:
            curve = [{"fold": fold, **row} for fold in range(1, self.folds + 1) for row in curve]
        latency = None
        if job.measure_latency:
            latency = float(len(job.architecture.dilations))
        return TrialOutcome(
            number=job.number,
            status=status,
            score=score,
            best_epoch=best_epoch,
            curve=curve,
            parameters=100,
            seconds={"build": 0.1, "total": 0.01 * len(curve)},
            latency=latency,
            folds=[{"score": score, "best_epoch": best_epoch}] * self.folds,
        )

    def close(self) -> None:
        self.closed = True


def _report(job: TrialJob, epoch: int, numbers: dict[str, float]) -> EpochReport:
    return EpochReport(number=job.number, epoch=epoch, best=loss_of(job, epoch), numbers=numbers)


def epochs_of_pruning(pruner: optuna.pruners.BasePruner, reported: Iterable[int]) -> set[int]:
    """Return the epochs at which trials are pruned.

    Each trial reports a random value, the same after each of the `reported` epochs.
    """
    study = optuna.create_study(pruner=pruner)
    epochs = list(reported)
    pruned = set()
    for value in [0.0, *np.random.default_rng(0).uniform(size=120)]:
        trial = study.ask()
        for epoch in epochs:
            trial.report(value, epoch)
            if trial.should_prune():
                pruned.add(epoch)
                break
        study.tell(trial, value)
    return pruned
