"""Train one trial: a `TrialJob` in, a model built and trained, a `TrialOutcome` out."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from tcn_search.baselines.contender_names import TCN
from tcn_search.trainers.deadline import Deadline
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.failures import status_of_error
from tcn_search.workers.job_data import JobData
from tcn_search.workers.model_files import save_model
from tcn_search.workers.trial import EpochReport, TrialJob, TrialOutcome

if TYPE_CHECKING:
    import keras

    from tcn_search.tasks.training_data import TrainingData
    from tcn_search.trainers.fit import Training


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
        self.building = False
        self.build_seconds = 0.0
        self.trainings: list[Training] = []

    def train(self, split: TrainingData) -> None:
        """Build a model and train it on the data of one training, unless it is too large."""
        import keras
        import numpy as np

        from tcn_search.tasks.kinds import Metric
        from tcn_search.trainers.fit import train
        from tcn_search.workers.latency import measure_latency

        job = self.job
        # The configuration is not the cause where a user's file cannot be imported.
        model_fn = None if job.model is None else job.model.load()
        self.building = True
        started = time.perf_counter()
        keras.utils.set_random_seed(job.seed)
        model = _build(job, split, model_fn)
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
        if job.model_files and training.is_usable:
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
        starts = [training.start for training in self.trainings]
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
            start=starts if any(starts) else [],
        )


def _build(job: TrialJob, split: TrainingData, model_fn: Callable[..., Any] | None) -> keras.Model:
    """Build the network of a job."""
    if job.contender != TCN:
        from tcn_search.baselines.build import build_contender

        return build_contender(job.contender, job.parameters, split, job.settings)
    from tcn_search.models.build import build_model

    return build_model(job.architecture, split, job.settings, model_fn)
