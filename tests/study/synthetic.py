"""An executor that trains nothing: instant, deterministic, and able to die."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import optuna

from tcn_search.workers.executor import Owner
from tcn_search.workers.trial import EpochReport, TrialJob, TrialOutcome


def loss_of(job: TrialJob, epoch: int) -> float:
    """Falls with the epochs, towards a value that a learning rate near 2e-3 and more filters make small."""
    floor = (
        abs(math.log10(job.settings.learning_rate / 2e-3)) + 1 / job.architecture.level_filters[0]
    )
    return floor + 1 / epoch


class Synthetic:
    """Answers every job with `loss_of`. `endings` says how some trials end, by their turn in this run."""

    def __init__(
        self, endings: dict[int, str] | None = None, interrupt_at: int | None = None, folds: int = 0
    ) -> None:
        self.endings, self.interrupt_at, self.folds = endings or {}, interrupt_at, folds
        self.jobs: list[TrialJob] = []
        self.closed = False

    def run(self, owner: Owner) -> None:
        while (job := owner.next_job()) is not None:
            self.jobs.append(job)
            if len(self.jobs) == self.interrupt_at:
                owner.keep_going(EpochReport(job.number, 1, loss_of(job, 1), {}))
                raise KeyboardInterrupt
            owner.finish(self._train(job, owner))

    def _train(self, job: TrialJob, owner: Owner) -> TrialOutcome:
        ending = self.endings.get(len(self.jobs) - 1, "complete")
        if ending in ("failed", "stale", "out_of_memory", "timed_out", "unbuildable"):
            return TrialOutcome(job.number, ending, reason=f"{ending} on purpose")
        curve: list[dict[str, float]] = []
        for epoch in range(1, job.settings.epochs + 1):
            curve.append({"val_loss": loss_of(job, epoch), "loss": 0.5, "seconds": 0.01})
            if ending == "diverged":
                return TrialOutcome(job.number, "diverged", curve=curve)
            if not owner.keep_going(EpochReport(job.number, epoch, loss_of(job, epoch), curve[-1])):
                return self._outcome(job, "pruned", curve)
        return self._outcome(job, "complete", curve)

    def _outcome(self, job: TrialJob, ended: str, curve: list[dict[str, float]]) -> TrialOutcome:
        return TrialOutcome(
            job.number,
            ended,
            curve[-1]["val_loss"],
            len(curve),
            curve,
            100,
            {"build": 0.1, "total": 0.01 * len(curve)},
            latency=float(len(job.architecture.dilations)) if job.measure_latency else None,
            folds=[{"score": curve[-1]["val_loss"], "best_epoch": len(curve)}] * self.folds,
        )

    def close(self) -> None:
        self.closed = True


def epochs_of_pruning(pruner: optuna.pruners.BasePruner, reported: Iterable[int]) -> set[int]:
    """Where trials end that report a random value, the same after each of these epochs."""
    study, reported, pruned = optuna.create_study(pruner=pruner), list(reported), set()
    for value in [0.0, *np.random.default_rng(0).uniform(size=120)]:
        trial = study.ask()
        for epoch in reported:
            trial.report(value, epoch)
            if trial.should_prune():
                pruned.add(epoch)
                break
        study.tell(trial, value)
    return pruned
