"""One trial: plain values in, a model built and trained, plain values out."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, Any

from tcn_search.custom_model.model_function import ModelFunction
from tcn_search.planning.architecture import Architecture
from tcn_search.settings import TrainingSettings
from tcn_search.trainers.deadline import Deadline
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.failures import status_of_error

if TYPE_CHECKING:
    from tcn_search.tasks.training_data import TrainingData
    from tcn_search.trainers.fit import Training


@dataclass(frozen=True)
class TrialJob:
    """What a worker is asked to do.

    Args:
        number: the trial's, from 0.
        architecture, settings: what to build and how to train it.
        objective, direction: the validation number that is the score, and "minimize" or "maximize".
        seed: of weights, shuffling and dropout.
        measure_latency: whether the trained model's time for one sequence is wanted too.
        time_limit: seconds after which the trial ends, timed out.
        model: a user's own function that builds the model, or None.
        max_params: most parameters of the built model; what has more ends as too large. None where that was
            known before.
    """

    number: int
    architecture: Architecture
    settings: TrainingSettings
    objective: str
    direction: str
    seed: int
    measure_latency: bool = False
    time_limit: float | None = None
    model: ModelFunction | None = None
    max_params: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON knows them."""
        return {
            **asdict(self),
            "architecture": self.architecture.to_dict(),
            "settings": self.settings.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrialJob:
        """The job that `to_dict` wrote."""
        model = values.get("model")
        return cls(
            **{
                **values,
                "model": None if model is None else ModelFunction(**model),
                "architecture": Architecture.from_dict(values["architecture"]),
                "settings": TrainingSettings.from_dict(values["settings"]),
            }
        )


@dataclass(frozen=True)
class EpochReport:
    """What a worker says after an epoch: its number, the trial's best value so far, and the epoch's numbers.

    In cross-validation epochs are counted through all folds, each as long as the settings say. In further folds
    `best` is None, and when one has ended another report follows, with the mean of all that have.
    """

    number: int
    epoch: int
    best: float | None
    numbers: dict[str, float]


@dataclass(frozen=True)
class TrialOutcome:
    """How a trial ended.

    `status` is complete, pruned, a limit (diverged, out of memory, timed out, unbuildable, too large),
    failed (an error in the code, in `reason`) or stale (its process died, or the run was stopped).
    `latency` is in milliseconds for one sequence, if it was asked for. In cross-validation `folds`
    has the score and best epoch of each finished fold, `score` and `best_epoch` are their means,
    and each row of `curve` has its "fold".
    """

    number: int
    status: TrialStatus
    score: float | None = None
    best_epoch: int = 0
    curve: list[dict[str, float]] = field(default_factory=list)
    parameters: int | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    reason: str = ""
    latency: float | None = None
    machine: str = ""
    folds: list[dict[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", TrialStatus(self.status))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as JSON knows them."""
        return {**asdict(self), "status": self.status.value}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrialOutcome:
        """Read what `to_dict` returned."""
        return cls(**values)


def run_trial(
    job: TrialJob, data: TrainingData, on_epoch: Callable[[EpochReport], bool]
) -> TrialOutcome:
    """Build and train the job's model, for each fold anew. An error ends this trial only, as part of its outcome."""
    import keras

    from tcn_search.workers.machine import machine

    started = time.perf_counter()
    trial = _Trial(job, on_epoch)
    for number in range(data.trainings):
        try:
            trial.train(data.split(number))
        except Exception as error:
            # Whatever a configuration makes Keras or its backend raise ends that trial, not the study.
            lines = str(error).strip().splitlines() or [""]
            trial.status = status_of_error(error, building=trial.building)
            trial.reason = f"{type(error).__name__}: {lines[0][:300]}"
        finally:
            keras.utils.clear_session(free_memory=False)
            gc.collect()
        if not trial.goes_on(data.trainings):
            break
    return trial.outcome(
        machine(), time.perf_counter() - started, cross_validated=data.folds is not None
    )


class _Trial:
    """The trainings of one trial, and what is known of it so far."""

    def __init__(self, job: TrialJob, on_epoch: Callable[[EpochReport], bool]) -> None:
        self.job = job
        self._on_epoch = on_epoch
        self.deadline = None if job.time_limit is None else Deadline(job.time_limit)
        self.status = TrialStatus.COMPLETE
        self.reason = ""
        self.parameters: int | None = None
        self.latency: float | None = None
        self.building = True
        self.build_seconds = 0.0
        self.trainings: list[Training] = []

    def train(self, split: TrainingData) -> None:
        """Train on one split, unless the model is too large."""
        import keras
        import numpy as np

        from tcn_search.models.build import build_model
        from tcn_search.tasks.kinds import Metric
        from tcn_search.trainers.fit import train
        from tcn_search.workers.latency import measure_latency

        job = self.job
        self.building = True
        started = time.perf_counter()
        keras.utils.set_random_seed(job.seed)
        own = None if job.model is None else job.model.load()
        model = build_model(job.architecture, split, job.settings, own)
        self.parameters = int(model.count_params())
        self.building = False
        self.build_seconds += time.perf_counter() - started
        if job.max_params is not None and self.parameters > job.max_params:
            self.status = TrialStatus.TOO_LARGE
            self.reason = (
                f"{self.parameters:,} parameters are more than the {job.max_params:,} allowed"
            )
            return
        training = train(
            model,
            split,
            job.settings,
            Metric(job.objective, job.direction),
            self._report,
            deadline=self.deadline,
        )
        self.trainings.append(training)
        self.status = training.status
        if training.status is TrialStatus.TIMED_OUT:
            self.reason = f"the limit is {job.time_limit:g} s"
        if job.measure_latency and training.status is TrialStatus.COMPLETE and self.latency is None:
            self.latency = measure_latency(model, np.asarray(split.validation.X[:1]))

    def _report(self, epoch: int, best: float, numbers: dict[str, float]) -> bool:
        """After an epoch. In further folds there is nothing new until one has ended."""
        finished = len(self.trainings)
        epoch += finished * self.job.settings.epochs
        return self._ask(EpochReport(self.job.number, epoch, None if finished else best, numbers))

    def _ask(self, report: EpochReport) -> bool:
        """Whether to go on. How long the owner takes to answer is not the trial's time."""
        with nullcontext() if self.deadline is None else self.deadline.held():
            return self._on_epoch(report)

    def goes_on(self, trainings: int) -> bool:
        """After a training, of so many: whether the next is wanted. A further fold is reported first."""
        finished = len(self.trainings)
        if self.status is TrialStatus.COMPLETE and 1 < finished < trainings:
            epoch = finished * self.job.settings.epochs
            if not self._ask(EpochReport(self.job.number, epoch, self._score(), {})):
                self.status = TrialStatus.PRUNED
        return self.status is TrialStatus.COMPLETE

    def _counted(self) -> list[Training]:
        """The trainings that came to their end, or the first one if none did."""
        return [
            one for one in self.trainings if one.status is TrialStatus.COMPLETE
        ] or self.trainings[:1]

    def _score(self) -> float:
        return fmean(training.score for training in self._counted())

    def outcome(self, machine: str, seconds: float, cross_validated: bool) -> TrialOutcome:
        if not self.trainings:
            return TrialOutcome(
                self.job.number,
                self.status,
                parameters=self.parameters,
                reason=self.reason,
                machine=machine,
            )
        score = self._score()
        counted = self._counted()
        curve = [
            {"fold": fold, **numbers} if cross_validated else numbers
            for fold, training in enumerate(self.trainings, start=1)
            for numbers in training.curve
        ]
        phases = {
            phase: sum(training.seconds[phase] for training in self.trainings)
            for phase in self.trainings[0].seconds
        }
        return TrialOutcome(
            self.job.number,
            self.status,
            score=None if math.isnan(score) else score,
            best_epoch=round(fmean(training.best_epoch for training in counted)),
            curve=curve,
            parameters=self.parameters,
            seconds={"build": self.build_seconds, **phases, "total": seconds},
            latency=self.latency,
            reason=self.reason,
            machine=machine,
            folds=[
                {"score": training.score, "best_epoch": training.best_epoch}
                for training in counted
                if cross_validated and training.status is TrialStatus.COMPLETE
            ],
        )
