"""Ask-and-tell loop: sample trials, dispatch them to workers, record outcomes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import optuna
from optuna.trial import TrialState

from tcn_search.errors import InputError, LeaseError
from tcn_search.logs import LOGGER
from tcn_search.planning.architecture import Architecture
from tcn_search.search.callbacks import Callbacks, TrialCallback
from tcn_search.search.configuration_text import configuration_text
from tcn_search.search.definition import Definition
from tcn_search.search.grid import grid_points
from tcn_search.search.progress import Progress, ShownTrials
from tcn_search.search.queue import EnqueuedTrial, TrialQueue
from tcn_search.search.retries import enqueue_again
from tcn_search.search.running_trial import TIME_IS_OVER, RunningTrial
from tcn_search.search.stopping import BadTrials, Patience
from tcn_search.search.suggestions import Suggestion, Suggestions
from tcn_search.search.time_budget import TimeBudget
from tcn_search.search.trial_record import (
    EPOCH,
    PLANNED,
    RETRY_OF,
    TrialRecord,
    best_score,
    read_record,
    store_outcome,
)
from tcn_search.search.trial_values import objective_values
from tcn_search.search.warm_start import stored_start
from tcn_search.storage.connection import STORAGE_ERRORS
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.trial import EpochReport, TrialJob, TrialOutcome


class Proposals(Protocol):
    """Another search engine, which proposes trials and is told how they ended."""

    def __iter__(self) -> Iterator[EnqueuedTrial]:
        """Propose trials until there is nothing more to try."""

    def tell(self, name: str | None, score: float | None) -> None:
        """Tell the engine that a proposed trial has ended; the score is None if it has none."""


class Search:
    """One run of a study. It is the `Owner` that an executor works for.

    Args:
        study: Optuna's study, with its sampler and pruner.
        definition: of the study.
        records: of the trials so far.
        trials: number of finished trials that the study has in the end.
        timeout: seconds after which no further trial starts; see `_may_go_on` for those in
            training.
        on_progress: called after each epoch and each trial.
        trial_timeout: seconds after which a trial is timed out.
        patience: stop after this many finished trials in a row without improvement.
        require_ownership: raises an error if another process has taken over the study.
        proposals: another search engine that proposes the trials.
        callbacks: told of each epoch and each trial, after `on_progress`.
    """

    def __init__(
        self,
        study: optuna.Study,
        definition: Definition,
        records: Sequence[TrialRecord],
        trials: int,
        timeout: float | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        trial_timeout: float | None = None,
        patience: int | None = None,
        require_ownership: Callable[[], None] = lambda: None,
        proposals: Proposals | None = None,
        callbacks: Sequence[TrialCallback] = (),
    ) -> None:
        self.stop_reason = ""  # why the search stopped before its last trial
        self._study = study
        self._definition = definition
        self._wanted = trials
        self._on_progress = on_progress
        self._trial_timeout = trial_timeout
        self._most_without_improvement = patience
        self._require_ownership = require_ownership
        self._proposals = proposals
        self._callbacks = Callbacks(callbacks, study.study_name)
        self._objectives = definition.objectives
        self._objective = definition.objective
        finished = [record for record in records if record.is_finished]
        self._finished = len(finished)
        self._finished_in_this_run = 0
        self._best = best_score(records, self._objective.direction)
        self._shown = ShownTrials.of(definition, records)
        self._patience = Patience(self._objectives, finished)
        any_success = any(record.status.is_success for record in records)
        self._bad_trials = BadTrials(any_success)
        self._running: dict[int, RunningTrial] = {}
        self._suggestions = Suggestions(study, definition, self._make_queue(), records)
        self._time = TimeBudget(timeout)
        self._waits = False  # after the time, for the first complete trial
        self._shortest = 0.0  # seconds of a complete trial of this run; 0: there is none

    def _make_queue(self) -> TrialQueue:
        if self._proposals is not None:
            reason = "KerasTuner has nothing more to try"
            return TrialQueue(self._study, self._proposals, only=reason)
        if self._definition.search.sampler == "grid":
            points = grid_points(self._definition.task_space(), self._definition.search.seed)
            return TrialQueue(self._study, points, only="every point of the grid has been tried")
        return TrialQueue(self._study, stored_start(self._study).trials)

    @property
    def needs_executor(self) -> bool:
        """Whether a further trial is to start."""
        return self._finished + len(self._running) < self._wanted and not self._is_over()

    def next_job(self) -> TrialJob | None:
        """Return the next trial to train, or None; see `Suggestions`."""
        if not self.needs_executor:
            return None
        self._require_ownership()
        suggestion = self._suggestions.next(bool(self._running), self._is_over)
        self.stop_reason = self.stop_reason or self._suggestions.stop_reason
        if suggestion is None:
            return None
        running = self._start(suggestion)
        self._running[running.job.number] = running
        return running.job

    def _start(self, suggestion: Suggestion) -> RunningTrial:
        definition = self._definition
        number = suggestion.trial.number
        self._suggestions.trained.add(number, suggestion.architecture, suggestion.settings)
        max_params = None
        if definition.model is not None:  # known of other models before they are built
            max_params = definition.constraints.max_params
        time_limit = self._trial_timeout
        left = self._time.left_with_grace
        ends_with_run = (
            left is not None
            and self._best is not None
            and (time_limit is None or left < time_limit)
        )
        job = TrialJob(
            number=number,
            architecture=suggestion.architecture,
            settings=suggestion.settings,
            objective=self._objective.name,
            direction=self._objective.direction,
            seed=definition.seed_of(number),
            measure_latency=any(metric.name == "latency" for metric in self._objectives),
            time_limit=left if ends_with_run else time_limit,
            model=definition.model,
            max_params=max_params,
        )
        return RunningTrial(
            trial=suggestion.trial,
            job=job,
            epochs=suggestion.settings.epochs * definition.search.folds,
            started=self._time.spent,
            ends_with_run=ends_with_run,
        )

    def _is_over(self) -> bool:
        left = self._time.left_with_grace
        if left is not None and (self._time.is_over or left < self._shortest):
            self.stop_reason = TIME_IS_OVER
        waited = self._patience.without_improvement
        if self._most_without_improvement is not None and waited >= self._most_without_improvement:
            self.stop_reason = f"no better trial among the last {waited}"
        return bool(self.stop_reason)

    def keep_going(self, report: EpochReport) -> bool:
        """Report the score so far and ask the pruner. False stops the trial.

        In the epochs of a further fold the score is not new, so that the pruner is not asked.
        """
        self._require_ownership()
        running = self._running[report.number]
        running.epoch = report.epoch
        if report.best is not None:
            running.score = report.best
        running.numbers = report.numbers or running.numbers
        self._show()
        self._callbacks.on_epoch(running, report)
        # After the last epoch there is nothing left to save: the trial is complete.
        is_last = running.epoch >= running.epochs
        if len(self._objectives) > 1:  # pruners take one objective only
            running.trial.set_user_attr(EPOCH, report.epoch)
        elif report.best is not None:
            running.trial.report(report.best, report.epoch)
            if not is_last and running.trial.should_prune():
                return False
        return is_last or self._may_go_on(running)

    def _may_go_on(self, running: RunningTrial) -> bool:
        """Return whether the time of the run allows another epoch of a trial.

        When it is over, a trial goes on only if it will be complete within the grace, or if the
        study has no complete trial yet.
        """
        left = self._time.left_with_grace
        if left is None or not self._time.is_over:
            return True
        if self._best is None:
            if not self._waits:
                LOGGER.info("%s; the run ends with the first complete trial", TIME_IS_OVER)
            self._waits = True
            return True
        running.was_ended = running.seconds_to_the_end(self._time.spent) > left
        return not running.was_ended

    def finish(self, outcome: TrialOutcome) -> None:
        """Record an outcome. A stale trial is enqueued again once, and is not counted till then."""
        self._require_ownership()
        self._require_folds(outcome)
        running = self._running.pop(outcome.number)
        trial = running.trial
        job = running.job
        outcome = running.ended(outcome)
        status = outcome.status
        is_retried = status is TrialStatus.STALE and RETRY_OF not in trial.user_attrs
        if status is TrialStatus.COMPLETE:
            seconds = self._time.spent - running.started
            self._shortest = min(self._shortest or seconds, seconds)
        configuration = configuration_text(job.architecture, job.settings)
        if status is TrialStatus.COMPLETE:
            self._shown.count(outcome, configuration)
        self._set_constraint(trial, outcome)  # before the result, by which stale trials are ended
        store_outcome(trial, outcome, job.settings)
        if status.is_error:
            self._suggestions.trained.discard(trial.number)
            self._study.tell(trial, state=TrialState.FAIL)
            if is_retried:
                enqueue_again(self._study, read_record(self._study, trial.number))
        else:
            self._tell(trial, outcome, job.architecture)
        if self._proposals is not None and not is_retried:
            score = outcome.score if status is TrialStatus.COMPLETE else None
            self._proposals.tell(trial.user_attrs.get(PLANNED), score)
        self._show(outcome, configuration)
        self._callbacks.on_trial(running, outcome)
        if status.is_success:
            self._bad_trials.add_success()
        elif not is_retried and outcome.reason != TIME_IS_OVER:
            self._bad_trials.add(outcome)

    def _require_folds(self, outcome: TrialOutcome) -> None:
        """Raise an InputError if a custom executor was given other data than the study's."""
        folds = self._definition.search.folds
        wanted = folds if folds > 1 else 0
        if outcome.status is not TrialStatus.COMPLETE or len(outcome.folds) == wanted:
            return
        if folds > 1:
            what = f"without the study's {folds} folds"
        else:
            what = "with folds, which the study does not have"
        raise InputError(f"The executor trained {what}: give it study.training_data.")

    def _set_constraint(self, trial: optuna.Trial, outcome: TrialOutcome) -> None:
        most = self._definition.constraints.max_params
        if outcome.status is TrialStatus.TOO_LARGE and outcome.parameters and most:
            trial.set_constraint("max_params", outcome.parameters / most - 1)
        elif outcome.status.is_limit:
            trial.set_constraint(outcome.status.value, 1.0)

    def _tell(self, trial: optuna.Trial, outcome: TrialOutcome, architecture: Architecture) -> None:
        """Tell Optuna and the patience how a trial ended."""
        values = None
        if outcome.status is TrialStatus.COMPLETE:
            assert outcome.score is not None
            values = objective_values(self._definition, outcome, architecture)
            self._study.tell(trial, values)
            if self._best is None or self._objective.better(outcome.score, self._best):
                self._best = outcome.score
        else:
            self._study.tell(trial, state=TrialState.PRUNED)
        if outcome.status.counts_as_finished:
            self._patience.count(values)
            self._finished += 1
            self._finished_in_this_run += 1

    def abandon(self) -> None:
        """End the run early: record running trials as stale and enqueue them again.

        Where another process has taken over the study, or the storage cannot be reached, that is
        left to the next run.
        """
        running = self._running
        self._running = {}
        try:
            self._require_ownership()
            for number, each in running.items():
                reason = "the study was stopped"
                store_outcome(each.trial, TrialOutcome(number, TrialStatus.STALE, reason=reason))
                self._study.tell(each.trial, state=TrialState.FAIL)
                enqueue_again(self._study, read_record(self._study, number))
        except (LeaseError, optuna.exceptions.UpdateFinishedTrialError, *STORAGE_ERRORS):
            return

    def _show(self, outcome: TrialOutcome | None = None, configuration: str = "") -> None:
        if self._on_progress is None:
            return
        running = self._running.items()
        progress = Progress(
            finished=self._finished,
            wanted=self._wanted,
            running={number: each.epoch for number, each in running},
            best=self._best,
            seconds_left=self._seconds_left(),
            configuration=configuration,
            best_trial=self._shown.best,
            running_texts={number: self._shown.running(each) for number, each in running},
        )
        if outcome is not None:
            progress = progress._replace(trial=outcome.number, text=self._shown.ended(outcome))
        self._on_progress(progress)

    def _seconds_left(self) -> float | None:
        if not self._finished_in_this_run:
            return None
        seconds_a_trial = self._time.spent / self._finished_in_this_run
        left = seconds_a_trial * (self._wanted - self._finished)
        if self._time.left is not None:
            left = min(left, self._time.left)
        return max(0.0, left)
