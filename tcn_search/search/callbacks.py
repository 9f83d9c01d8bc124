"""Callbacks of a run: a user's code that is told of each epoch and of each trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tcn_search.arguments import received
from tcn_search.errors import InputError
from tcn_search.logs import LOGGER
from tcn_search.planning.architecture import Architecture
from tcn_search.search.running_trial import RunningTrial
from tcn_search.settings import TrainingSettings
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.trial import EpochReport, TrialOutcome


@dataclass(frozen=True)
class TrialProgress:
    """A trial after an epoch, or at its end.

    Attributes:
        study: name of the study.
        trial: number of the trial, from 0.
        status: `running` after an epoch; at the end how the trial ended.
        architecture: the network that is trained.
        settings: how it is trained.
        hyperparameters: values of the sampled hyperparameters by name.
        objective: name of the score, such as "val_loss".
        direction: "minimize" or "maximize".
        epoch: number of the last epoch, from 1, through all folds; 0 if there was none.
        numbers: loss, metrics and seconds of this epoch.
        score: best value of the objective so far; in cross-validation the mean over finished folds;
            None if there is none.
        outcome: at the end, with learning curve, parameters, seconds and reason; None before.
    """

    study: str
    trial: int
    status: TrialStatus
    architecture: Architecture
    settings: TrainingSettings
    hyperparameters: Mapping[str, Any]
    objective: str
    direction: str
    epoch: int = 0
    numbers: Mapping[str, float] = field(default_factory=dict)
    score: float | None = None
    outcome: TrialOutcome | None = None


class TrialCallback:
    """Base class of callbacks of `Study.run`; override one of its methods or both.

    They are called in the process of the run, which waits for them, one trial after the other. An
    error in a callback is logged once, with the trial; the trial and the run go on, and this
    callback is not called again in this run. Ctrl-C inside of one stops the run as anywhere else.
    """

    def on_epoch(self, progress: TrialProgress) -> None:
        """Do something after an epoch of a trial; nothing by default."""

    def on_trial(self, progress: TrialProgress) -> None:
        """Do something after a trial, when its result is stored; nothing by default."""


class Callbacks:
    """Calls the callbacks of a run.

    Args:
        callbacks: `TrialCallback`s, or other objects with both of its methods.
        study: name of the study.

    Raises:
        InputError: an entry lacks a method.
    """

    def __init__(self, callbacks: Sequence[TrialCallback], study: str) -> None:
        if not isinstance(callbacks, list | tuple):
            raise InputError(
                f"callbacks must be a list of ts.TrialCallback. Received: {received(callbacks)}"
            )
        for callback in callbacks:
            methods = [getattr(callback, name, None) for name in ("on_epoch", "on_trial")]
            if isinstance(callback, type) or not all(map(callable, methods)):
                raise InputError(
                    "callbacks must be objects with the methods on_epoch and on_trial, such as "
                    f"ts.TrialCallback(). Received: {received(callback)}"
                )
        self._callbacks = list(callbacks)
        self._study = study

    def on_epoch(self, running: RunningTrial, report: EpochReport) -> None:
        """Tell of an epoch."""
        if self._callbacks:
            progress = self._progress(
                running,
                status=TrialStatus.RUNNING,
                epoch=report.epoch,
                numbers=dict(report.numbers),
                score=running.score,
            )
            self._call("on_epoch", progress)

    def on_trial(self, running: RunningTrial, outcome: TrialOutcome) -> None:
        """Tell of the end of a trial."""
        if self._callbacks:
            numbers = dict(outcome.curve[-1]) if outcome.curve else {}
            progress = self._progress(
                running,
                status=outcome.status,
                epoch=len(outcome.curve),
                numbers=numbers,
                score=outcome.score,
                outcome=outcome,
            )
            self._call("on_trial", progress)

    def _progress(self, running: RunningTrial, **values: Any) -> TrialProgress:
        job = running.job
        return TrialProgress(
            study=self._study,
            trial=job.number,
            architecture=job.architecture,
            settings=job.settings,
            hyperparameters=dict(running.trial.params),
            objective=job.objective,
            direction=job.direction,
            **values,
        )

    def _call(self, method: str, progress: TrialProgress) -> None:
        for callback in list(self._callbacks):
            try:
                getattr(callback, method)(progress)
            except Exception as error:  # a user's code can raise any exception
                self._callbacks.remove(callback)
                LOGGER.warning(
                    "%s.%s failed at trial %d and is not called again in this run: %s: %s",
                    type(callback).__name__,
                    method,
                    progress.trial,
                    type(error).__name__,
                    error,
                )
