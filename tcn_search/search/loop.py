"""The owner of the search: asks Optuna for trials, hands out jobs, tells what became of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any, Protocol

import optuna
from optuna.trial import TrialState

from tcn_search.errors import InputError, LeaseLost
from tcn_search.planning.architecture import Architecture
from tcn_search.search.definition import Definition
from tcn_search.search.grid import grid_points
from tcn_search.search.objectives import objective_values
from tcn_search.search.progress import Progress
from tcn_search.search.queue import Plan, stored_trials
from tcn_search.search.retries import EPOCHS, RETRY_OF, queue_again
from tcn_search.search.stopping import Patience, ended_well, give_up_after
from tcn_search.search.warm_start import PlannedTrial
from tcn_search.space.constraints import infeasible
from tcn_search.storage.connection import STORAGE_ERRORS
from tcn_search.tasks.kinds import Metric
from tcn_search.workers.failures import ERRORS, LIMITS, UNTRAINED
from tcn_search.workers.trial import EpochReport, TrialJob, TrialOutcome

INFEASIBLE_IN_A_ROW = 2_000
PATIENCE_WITH_A_SAMPLER = (
    20  # infeasible proposals in a row, after which others are drawn at random
)


def is_finished(trial: optuna.trial.FrozenTrial) -> bool:
    """COMPLETE, or PRUNED in training: what counts against the number of trials asked for."""
    if trial.state is TrialState.COMPLETE:
        return True
    ended = trial.user_attrs.get("result", {}).get("ended", "unbuildable")
    return trial.state is TrialState.PRUNED and ended not in UNTRAINED


class Proposals(Protocol):
    """Another search engine: gives trials, and is told what became of them."""

    def __iter__(self) -> Iterator[PlannedTrial]:
        """Until it has nothing more to try."""

    def tell(self, attributes: Mapping[str, Any], score: float | None) -> None:
        """The end of the trial with these user attributes, and its score if it has one."""


class Search:
    """One run of a study. It is the `Owner` that an executor talks to."""

    def __init__(
        self,
        study: optuna.Study,
        definition: Definition,
        trials: int,
        timeout: float | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        trial_timeout: float | None = None,
        patience: int | None = None,
        require_ownership: Callable[[], None] = lambda: None,
        proposals: Proposals | None = None,
    ) -> None:
        self.ended = ""  # why the search stopped before its last trial
        self._trial_timeout = trial_timeout
        self._require_ownership = require_ownership
        self._study = study
        self._definition = definition
        self._wanted = trials
        self._space = definition.task_space()
        self._objectives = definition.objectives
        self._objective = definition.objective
        self._on_progress = on_progress
        self._running: dict[int, optuna.Trial] = {}
        self._jobs: dict[int, TrialJob] = {}
        self._epochs: dict[int, int] = {}
        recorded = study.get_trials(deepcopy=False)
        self._finished = sum(map(is_finished, recorded))
        self._here = 0
        self._best = _best_score(recorded, self._objective)
        self._patience = Patience(
            self._objectives, [trial for trial in recorded if is_finished(trial)]
        )
        self._most_without_improvement = patience
        self._proposals = proposals
        self._plan = self._make_plan()
        self._started = time.monotonic()
        self._deadline = None if timeout is None else self._started + timeout
        self._bad: list[TrialOutcome] = []
        self._any_good = any(ended_well(trial) for trial in recorded)

    def _make_plan(self) -> Plan:
        if self._proposals is not None:
            return Plan(self._study, self._proposals, only="KerasTuner has nothing more to try")
        if self._definition.search.sampler == "grid":
            points = grid_points(self._space, self._definition.search.seed)
            return Plan(self._study, points, only="every point of the grid has been tried")
        return Plan(self._study, stored_trials(self._study))

    def next_job(self) -> TrialJob | None:
        """Ask until a feasible trial comes: infeasible ones are pruned with a constraint, unbuilt."""
        if self._finished + len(self._running) >= self._wanted or self._is_over():
            return None
        self._require_ownership()
        sampler = self._study.sampler
        try:
            return self._next_feasible()
        except ImportError as error:  # a sampler may import what it needs as late as this
            raise InputError(
                f"sampler {self._definition.search.sampler!r} needs a package that is missing: {error}"
            ) from error
        finally:
            self._study.sampler = sampler

    def _next_feasible(self) -> TrialJob | None:
        for infeasible_before in range(INFEASIBLE_IN_A_ROW):
            if not self._plan.prepare():
                if not self._running:  # one of them may be lost, and then it is tried again
                    self.ended = self._plan.only
                return None
            if infeasible_before == PATIENCE_WITH_A_SAMPLER:
                seed = self._definition.search.seed + len(self._study.get_trials(deepcopy=False))
                self._study.sampler = optuna.samplers.RandomSampler(seed=seed)
            trial = self._study.ask()
            architecture, settings = self._space.suggest(trial)
            trial.set_user_attr("architecture", architecture.to_dict())
            if self._is_feasible(trial, architecture):
                self._running[trial.number] = trial
                self._jobs[trial.number] = self._job(trial, architecture, settings)
                self._epochs[trial.number] = 0
                return self._jobs[trial.number]
            if self._is_over():
                return None
        raise InputError(
            f"{INFEASIBLE_IN_A_ROW:,} suggestions in a row were infeasible. Loosen the constraints of the study, or "
            f'use receptive_field = "narrow".'
        )

    def _job(
        self, trial: optuna.Trial, architecture: Architecture, settings: dict[str, Any]
    ) -> TrialJob:
        definition = self._definition
        training = replace(definition.training, **settings)
        return TrialJob(
            number=trial.number,
            architecture=architecture,
            settings=replace(training, epochs=trial.user_attrs.get(EPOCHS, training.epochs)),
            objective=self._objective.name,
            direction=self._objective.direction,
            seed=definition.seed_of(trial.number),
            measure_latency=any(metric.name == "latency" for metric in self._objectives),
            time_limit=self._trial_timeout,
            model=definition.model,
            max_params=None if definition.model is None else definition.constraints.max_params,
        )

    def _is_over(self) -> bool:
        if self._deadline is not None and time.monotonic() >= self._deadline:
            self.ended = "the time is over"
        waited = self._patience.without_improvement
        if self._most_without_improvement is not None and waited >= self._most_without_improvement:
            self.ended = f"no better trial among the last {waited}"
        return bool(self.ended)

    def _is_feasible(self, trial: optuna.Trial, architecture: Architecture) -> bool:
        """Prune the trial here if a limit is broken, with that limit as a constraint.

        Limits that hold are not written: to a sampler that is the same, and each would cost a write.
        """
        broken = infeasible(self._space.violations(architecture))
        for violation in broken:
            trial.set_constraint(violation.name, violation.excess)
        if broken:
            trial.set_user_attr("infeasible", "; ".join(violation.reason for violation in broken))
            self._study.tell(trial, state=TrialState.PRUNED)
        return not broken

    def keep_going(self, report: EpochReport) -> bool:
        """Report what the score would be now, and ask the pruner. In the midst of a further fold that is not new."""
        self._require_ownership()
        trial = self._running[report.number]
        self._epochs[report.number] = report.epoch
        self._show()
        if len(self._objectives) > 1:  # no pruner can weigh several objectives
            trial.set_user_attr("epoch", report.epoch)
            return True
        if report.best is None:
            return True
        trial.report(report.best, report.epoch)
        # After the last epoch there is nothing left to save: the trial is complete.
        epochs = self._jobs[report.number].settings.epochs * self._definition.search.folds
        return report.epoch >= epochs or not trial.should_prune()

    def finish(self, outcome: TrialOutcome) -> None:
        """Record an outcome. A lost trial is queued again, once, and counts for nothing until then."""
        self._require_ownership()
        self._require_folds(outcome)
        trial = self._running.pop(outcome.number)
        self._epochs.pop(outcome.number)
        job = self._jobs.pop(outcome.number)
        architecture = job.architecture
        comes_again = outcome.ended == "lost" and RETRY_OF not in trial.user_attrs
        self._set_constraint(trial, outcome)  # first: a sweep goes by the result
        trial.set_user_attr("result", {**_result(outcome), "settings": job.settings.to_dict()})
        if outcome.ended in ERRORS:
            self._study.tell(trial, state=TrialState.FAIL)
            if comes_again:
                queue_again(self._study, trial.number, trial.params, trial.user_attrs)
        else:
            self._tell(trial, outcome, architecture)
            if outcome.ended not in UNTRAINED:
                self._finished += 1
                self._here += 1
        if self._proposals is not None and not comes_again:
            self._proposals.tell(
                trial.user_attrs, outcome.score if outcome.ended == "complete" else None
            )
        if outcome.ended not in ERRORS + LIMITS:
            self._bad.clear()
            self._any_good = True
        elif not comes_again:
            self._bad.append(outcome)
            give_up_after(self._bad, self._any_good)
        self._show(outcome, architecture)

    def _require_folds(self, outcome: TrialOutcome) -> None:
        folds = self._definition.search.folds
        if outcome.ended == "complete" and len(outcome.folds) != (folds if folds > 1 else 0):
            raise InputError(
                f"The executor trained without the study's {folds} folds: give it study.training_data."
                if folds > 1
                else "The executor trained with folds, which the study does not have: give it study.training_data."
            )

    def _set_constraint(self, trial: optuna.Trial, outcome: TrialOutcome) -> None:
        most = self._definition.constraints.max_params
        if outcome.ended == "too_large" and outcome.parameters and most:
            trial.set_constraint("max_params", outcome.parameters / most - 1)
        elif outcome.ended in LIMITS:
            trial.set_constraint(outcome.ended, 1.0)

    def _tell(self, trial: optuna.Trial, outcome: TrialOutcome, architecture: Architecture) -> None:
        if outcome.ended == "complete":
            assert outcome.score is not None
            values = objective_values(self._definition, asdict(outcome), architecture)
            self._study.tell(trial, values)
            self._patience.count(values)
            if self._best is None or self._objective.better(outcome.score, self._best):
                self._best = outcome.score
        else:
            self._study.tell(trial, state=TrialState.PRUNED)
            self._patience.count(None)

    def abandon(self) -> None:
        """The run ends early: what is in training is recorded as lost and queued again.

        Where the study is another process's by now, or the storage is away, that is left to the next run.
        """
        running = self._running
        self._running = {}
        try:
            self._require_ownership()
            for number, trial in running.items():
                trial.set_user_attr(
                    "result", _result(TrialOutcome(number, "lost", reason="the study was stopped"))
                )
                self._study.tell(trial, state=TrialState.FAIL)
                queue_again(self._study, number, trial.params, trial.user_attrs)
        except (LeaseLost, optuna.exceptions.UpdateFinishedTrialError, *STORAGE_ERRORS):
            return

    def _show(
        self, outcome: TrialOutcome | None = None, architecture: Architecture | None = None
    ) -> None:
        if self._on_progress is None:
            return
        text = "" if outcome is None else f"{self._in_words(outcome)}  {architecture}"
        number = None if outcome is None else outcome.number
        self._on_progress(
            Progress(
                self._finished,
                self._wanted,
                dict(self._epochs),
                self._best,
                self._seconds_left(),
                number,
                text,
            )
        )

    def _seconds_left(self) -> float | None:
        if not self._here:
            return None
        left = (time.monotonic() - self._started) / self._here * (self._wanted - self._finished)
        if self._deadline is not None:
            left = min(left, self._deadline - time.monotonic())
        return max(0.0, left)

    def _in_words(self, outcome: TrialOutcome) -> str:
        ended = {"complete": "", "stopped": "pruned at "}.get(
            outcome.ended, f"{outcome.ended.replace('_', ' ')}, "
        )
        of_folds = f" over {len(outcome.folds)} folds" if len(outcome.folds) > 1 else ""
        score = (
            ""
            if outcome.score is None
            else f"{self._objective.name} {outcome.score:.4g}{of_folds}, "
        )
        reason = f" ({outcome.reason})" if outcome.reason else ""
        epochs = len(outcome.curve)
        spent = (
            f"{epochs} epoch{'' if epochs == 1 else 's'}, {outcome.seconds.get('total', 0):.0f} s"
        )
        return f"{score}{ended}{spent}{reason}"


def _result(outcome: TrialOutcome) -> dict[str, Any]:
    return {key: value for key, value in asdict(outcome).items() if key != "number"}


def _best_score(trials: Iterable[optuna.trial.FrozenTrial], objective: Metric) -> float | None:
    """The best score of a complete trial, or None."""
    scores = [trial.values[0] for trial in trials if trial.state is TrialState.COMPLETE]
    if not scores:
        return None
    return max(scores) if objective.direction == "maximize" else min(scores)
