"""Final trainings that take no time: an executor with made-up scores, and models of one word."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest

from tcn_search.errors import InputError
from tcn_search.evaluation import selection, winner_scores
from tcn_search.evaluation.member_scores import MemberScores
from tcn_search.models import ensemble
from tcn_search.study.handle import StudyHandle
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.executor import Owner
from tcn_search.workers.job_data import JobData
from tcn_search.workers.trial import EpochReport, TrialJob, TrialOutcome


class MadeUp:
    """An executor whose trainings have made-up scores and save models that `load` reads.

    Args:
        score: of a job; NaN: it diverges in its first epoch.
        statuses: how the jobs of some turns end, from 0.
        stop_at: turn at which Ctrl-C is pressed.
        epochs: how many a training takes.
    """

    def __init__(
        self,
        score: Callable[[TrialJob], float] = lambda job: 1 / (job.seed + 1),
        statuses: dict[int, TrialStatus] | None = None,
        stop_at: int | None = None,
        epochs: int = 2,
    ) -> None:
        self.score = score
        self.statuses = statuses or {}
        self.stop_at = stop_at
        self.epochs = epochs
        self.jobs: list[TrialJob] = []
        self.closed = False

    @property
    def finals(self) -> list[int]:
        """Seeds of the final trainings, in their order."""
        return [job.seed for job in self.jobs if job.data is not JobData.TRIAL]

    @property
    def reruns(self) -> list[int]:
        """Seeds of the re-runs, in their order."""
        return [job.seed for job in self.jobs if job.data is JobData.TRIAL]

    def run(self, owner: Owner) -> None:
        while (job := owner.next_job()) is not None:
            if len(self.jobs) == self.stop_at:
                raise KeyboardInterrupt
            self.jobs.append(job)
            for epoch in range(1, self.epochs + 1):
                owner.keep_going(EpochReport(job.number, epoch, best=None, numbers={}))
            owner.finish(self._outcome(job))

    def _outcome(self, job: TrialJob) -> TrialOutcome:
        status = self.statuses.get(len(self.jobs) - 1)
        if status is not None:
            return TrialOutcome(job.number, status, reason="on purpose")
        score = self.score(job)
        row = {"loss": 1.0, "val_loss": score, "val_accuracy": score, "seconds": 0.5}
        if math.isnan(score):
            return TrialOutcome(job.number, TrialStatus.DIVERGED, curve=[row])
        if job.model_files:
            write_model(Path(job.model_files[0]), job.seed)
        return TrialOutcome(
            number=job.number,
            status=TrialStatus.COMPLETE,
            score=score,
            best_epoch=self.epochs,
            curve=[row] * self.epochs,
        )

    def close(self) -> None:
        self.closed = True


class Model:
    """A model that can be saved, and nothing else."""

    def __init__(self, seeds: Collection[int]) -> None:
        self.seeds = tuple(seeds)

    def save(self, file: Path) -> None:
        write_model(Path(file), *self.seeds)


def write_model(file: Path, *seeds: int) -> None:
    """Write a file that is taken for a model of these seeds."""
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("seeds", " ".join(map(str, seeds)))


def load(file: Path) -> Model:
    """Read the model that a file holds."""
    try:
        with zipfile.ZipFile(file) as archive:
            return Model([int(seed) for seed in archive.read("seeds").split()])
    except zipfile.BadZipFile as error:
        raise InputError("damaged") from error


def use_made_up_models(monkeypatch: pytest.MonkeyPatch) -> list[list[tuple[int, ...]]]:
    """Let `best` load, join and score models of `MadeUp`; seed N has a test score of N / 10.

    Returns:
        A list that gets the seeds of the models of each scoring.
    """
    scored: list[list[tuple[int, ...]]] = []

    def score(
        models: list[Model], spec: Any, split: Any, watch: Any = None, averaged: Any = None
    ) -> MemberScores:
        scored.append([model.seeds for model in models])
        return MemberScores([sum(model.seeds) / 10 for model in models], 0.75)

    def keep_all(
        models: list[Model], best_first: Any, spec: Any, split: Any, settings: Any
    ) -> tuple[list[int], float | None]:
        return list(range(len(models))), score(models, spec, split).ensemble

    def make_ensemble(models: list[Model], spec: Any) -> Model:
        return Model([seed for model in models for seed in model.seeds])

    monkeypatch.setattr(winner_scores, "score_members", score)
    monkeypatch.setattr(selection, "worth_averaging", keep_all)
    monkeypatch.setattr(ensemble, "make_ensemble", make_ensemble)
    monkeypatch.setattr(StudyHandle, "load_model", lambda handle, file: load(Path(file)))
    return scored
