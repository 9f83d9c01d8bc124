"""Train one trial: a `TrialJob` in, a model built and trained, a `TrialOutcome` out."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from tcn_search.custom_model.model_function import ModelFunction
from tcn_search.planning.architecture import Architecture
from tcn_search.settings import TrainingSettings
from tcn_search.trainers.deadline import Deadline
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.failures import status_of_error
from tcn_search.workers.job_data import JobData
from tcn_search.workers.model_files import save_model

if TYPE_CHECKING:
    from tcn_search.tasks.training_data import TrainingData
    from tcn_search.trainers.fit import Training


@dataclass(frozen=True)
class TrialJob:
    """A trial, or a final training, that a worker is to train.

    Args:
        number: the trial's number, from 0.
        architecture: the architecture to build.
        settings: how to train it.
        objective: name of the validation metric that is the score, such as "val_loss".
        direction: "minimize" or "maximize".
        seed: seed of weights, shuffling and dropout.
        measure_latency: whether to measure the trained model's time for one sequence.
        time_limit: seconds after which the trial ends, timed out; None: no limit.
        model: the function that builds a custom model, or None.
        max_params: largest number of parameters of the built model; a trial with more ends as too
            large. None if the number was checked before.
        data: on which it trains.
        model_files: where the trained model is saved: in the first of these files that can be
            written. Empty: it is not saved.
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
    data: JobData = JobData.TRIAL
    model_files: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return {
            **asdict(self),
            "architecture": self.architecture.to_dict(),
            "settings": self.settings.to_dict(),
            "data": self.data.value,
            "model_files": list(self.model_files),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrialJob:
        """Read what `to_dict` returned."""
        model = values.get("model")
        if model is not None:
            model = ModelFunction(**model)
        return cls(
            **{
                **values,
                "model": model,
                "architecture": Architecture.from_dict(values["architecture"]),
                "settings": TrainingSettings.from_dict(values["settings"]),
                "data": JobData(values.get("data", JobData.TRIAL)),
                "model_files": tuple(values.get("model_files", ())),
            }
        )


@dataclass(frozen=True)
class EpochReport:
    """Report of a worker after an epoch.

    In cross-validation, epochs are counted through all folds, each as long as the settings say.
    From the second fold on, `best` is None; after such a fold another report follows, with the mean
    of all finished folds.

    Args:
        number: the trial's number.
        epoch: the epoch's number, from 1.
        best: the trial's best value so far.
        numbers: loss, metrics and seconds of the epoch.
    """

    number: int
    epoch: int
    best: float | None
    numbers: dict[str, float]


@dataclass(frozen=True)
class TrialOutcome:
    """Outcome of a trial.

    Args:
        number: the trial's number.
        status: complete, pruned, a limit (diverged, out of memory, timed out, unbuildable, too
            large), failed (an error in the code) or stale (its process died, or the run was
            stopped).
        score: best value of the objective; in cross-validation the mean over finished folds; None
            if there is no value, or it is NaN.
        best_epoch: epoch of the score, from 1; in cross-validation the mean, rounded.
        curve: numbers of each epoch; in cross-validation each row has its "fold".
        parameters: number of parameters of the model.
        seconds: "build", those of `Training.seconds`, and "total".
        reason: text of the error, or of the limit.
        latency: milliseconds for one sequence, if it was measured.
        machine: host, device, backend and versions.
        folds: "score" and "best_epoch" of each finished fold.
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
        """Return plain values that JSON can hold."""
        return {**asdict(self), "status": self.status.value}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrialOutcome:
        """Read what `to_dict` returned."""
        return cls(**values)


def run_trial(
    job: TrialJob, data: TrainingData, on_epoch: Callable[[EpochReport], bool]
) -> TrialOutcome:
    """Build and train the job's model, for each fold anew, and return the outcome.

    An error ends this trial only, and becomes part of its outcome.

    Args:
        job: the trial.
        data: training data of the study, with folds for cross-validation.
        on_epoch: called after each epoch; returns False to stop the trial.
    """
    import keras

    from tcn_search.workers.machine_description import describe_machine

    started = time.perf_counter()
    trial = _Trial(job, on_epoch)
    data = job.data.of(data)
    for number in range(data.trainings):
        try:
            trial.train(data.for_training(number))
        except Exception as error:
            # An error of Keras or its backend ends the trial, not the study.
            lines = str(error).strip().splitlines() or [""]
            trial.status = status_of_error(error, building=trial.building)
            trial.reason = f"{type(error).__name__}: {lines[0][:300]}"
        finally:
            keras.utils.clear_session(free_memory=False)
            gc.collect()
        if not trial.needs_another_training(data.trainings):
            break
    return trial.outcome(
        machine=describe_machine(),
        seconds=time.perf_counter() - started,
        cross_validated=data.folds is not None,
    )


class _Trial:
    """The trainings of one trial, with its status and measurements so far."""

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
        """Build a model and train it on the data of one training, unless it is too large."""
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
        model_fn = None if job.model is None else job.model.load()
        model = build_model(job.architecture, split, job.settings, model_fn)
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
            on_epoch=self._report_epoch,
            deadline=self.deadline,
        )
        self.trainings.append(training)
        self.status = training.status
        if job.model_files and training.kept_epoch:
            save_model(model, [Path(file) for file in job.model_files])
        if training.status is TrialStatus.TIMED_OUT:
            self.reason = f"the limit is {job.time_limit:g} s"
        if job.measure_latency and training.status is TrialStatus.COMPLETE and self.latency is None:
            self.latency = measure_latency(model, np.asarray(split.validation.X[:1]))

    def _report_epoch(self, epoch: int, best: float, numbers: dict[str, float]) -> bool:
        """Report an epoch of the current training; return whether to go on."""
        finished = len(self.trainings)
        return self._keep_going(
            EpochReport(
                number=self.job.number,
                epoch=epoch + finished * self.job.settings.epochs,
                best=best if finished == 0 else None,
                numbers=numbers,
            )
        )

    def _keep_going(self, report: EpochReport) -> bool:
        """Report an epoch; return whether to go on. Time limits do not run meanwhile."""
        with nullcontext() if self.deadline is None else self.deadline.paused():
            return self._on_epoch(report)

    def needs_another_training(self, trainings: int) -> bool:
        """Return whether to go on after a training; report a fold from the second one on.

        Args:
            trainings: number of trainings of the whole trial.
        """
        finished = len(self.trainings)
        if self.status is TrialStatus.COMPLETE and 1 < finished < trainings:
            report = EpochReport(
                number=self.job.number,
                epoch=finished * self.job.settings.epochs,
                best=self._score(),
                numbers={},
            )
            if not self._keep_going(report):
                self.status = TrialStatus.PRUNED
        return self.status is TrialStatus.COMPLETE

    def _scored_trainings(self) -> list[Training]:
        """Return the complete trainings, or the first one if none is complete."""
        complete = [
            training for training in self.trainings if training.status is TrialStatus.COMPLETE
        ]
        return complete or self.trainings[:1]

    def _score(self) -> float:
        """Return the best score; of a final training, the score of the weights that it keeps."""
        if self.job.data is not JobData.TRIAL:
            return self.trainings[0].kept_score
        return fmean(training.score for training in self._scored_trainings())

    def _epoch(self) -> int:
        """Return the epoch of the score."""
        if self.job.data is not JobData.TRIAL:
            return self.trainings[0].kept_epoch
        return round(fmean(training.best_epoch for training in self._scored_trainings()))

    def outcome(self, machine: str, seconds: float, cross_validated: bool) -> TrialOutcome:
        """Return the outcome of the trial.

        Args:
            machine: description of the machine.
            seconds: duration of the whole trial.
            cross_validated: whether the task has folds.
        """
        if not self.trainings:
            return TrialOutcome(
                number=self.job.number,
                status=self.status,
                parameters=self.parameters,
                reason=self.reason,
                machine=machine,
            )
        score = self._score()
        scored = self._scored_trainings()
        curve: list[dict[str, float]] = []
        for fold, training in enumerate(self.trainings, start=1):
            for numbers in training.curve:
                curve.append({"fold": fold, **numbers} if cross_validated else numbers)
        phases = {
            phase: sum(training.seconds[phase] for training in self.trainings)
            for phase in self.trainings[0].seconds
        }
        return TrialOutcome(
            number=self.job.number,
            status=self.status,
            score=None if math.isnan(score) else score,
            best_epoch=self._epoch(),
            curve=curve,
            parameters=self.parameters,
            seconds={"build": self.build_seconds, **phases, "total": seconds},
            latency=self.latency,
            reason=self.reason,
            machine=machine,
            folds=[
                {"score": training.score, "best_epoch": training.best_epoch}
                for training in scored
                if cross_validated and training.status is TrialStatus.COMPLETE
            ],
        )
