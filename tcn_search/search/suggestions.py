"""Suggest the next configuration to train: feasible, and not trained before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import optuna
from optuna.trial import TrialState

from tcn_search.errors import InputError
from tcn_search.planning.architecture import Architecture
from tcn_search.search.definition import Definition
from tcn_search.search.duplicates import TrainedConfigurations
from tcn_search.search.grid import grid_points, point_name
from tcn_search.search.queue import TrialQueue, enqueue
from tcn_search.search.trial_record import (
    ARCHITECTURE,
    DUPLICATE_OF,
    EPOCHS,
    INFEASIBLE,
    PLANNED,
    QUEUED,
    TrialRecord,
)
from tcn_search.settings import TrainingSettings
from tcn_search.space.constraints import broken_limits

REJECTED_IN_A_ROW = 2_000
REJECTED_OF_A_SAMPLER = 20  # in a row, after which suggestions are drawn at random


class Suggestion(NamedTuple):
    """An Optuna trial with the configuration that it is to train."""

    trial: optuna.Trial
    architecture: Architecture
    settings: TrainingSettings


class Suggestions:
    """Ask Optuna for trials, and end those here that need no training.

    Args:
        study: Optuna's study, with its sampler.
        definition: of the study.
        queue: of the trials that come before sampled ones, or in place of them.
        records: of the trials so far.

    Attributes:
        trained: the configurations that are not trained again.
        stop_reason: why there are no further suggestions; "" while there may be.
    """

    def __init__(
        self,
        study: optuna.Study,
        definition: Definition,
        queue: TrialQueue,
        records: Sequence[TrialRecord],
    ) -> None:
        self.trained = TrainedConfigurations(records)
        self.stop_reason = ""
        self._study = study
        self._definition = definition
        self._space = definition.task_space()
        self._queue = queue

    def next(self, any_running: bool, is_over: Callable[[], bool]) -> Suggestion | None:
        """Return a configuration that is feasible and new, or None if there is none now.

        Args:
            any_running: whether any trial is in training; it may become stale, and is tried again.
            is_over: whether the run ends; asked after each suggestion that is rejected.

        Raises:
            InputError: too many suggestions in a row are rejected, or the sampler lacks a package.
        """
        sampler = self._study.sampler
        try:
            return self._next(any_running, is_over)
        except ImportError as error:  # a sampler may import what it needs as late as this
            raise InputError(
                f"sampler {self._definition.search.sampler!r} needs a package that is missing: "
                f"{error}"
            ) from error
        finally:
            self._study.sampler = sampler

    def _next(self, any_running: bool, is_over: Callable[[], bool]) -> Suggestion | None:
        duplicates = 0
        for rejected in range(REJECTED_IN_A_ROW):
            if not self._queue.prepare():
                if not any_running:
                    self.stop_reason = self._queue.only
                return None
            if rejected == REJECTED_OF_A_SAMPLER:
                seed = self._definition.search.seed + len(self._study.get_trials(deepcopy=False))
                self._study.sampler = optuna.samplers.RandomSampler(seed=seed)
            suggestion = self._suggest()
            if self._is_feasible(suggestion):
                if not self._is_duplicate(suggestion):
                    return suggestion
                duplicates += 1
                if duplicates % REJECTED_OF_A_SAMPLER == 0 and not self._enqueue_untried():
                    self.stop_reason = "every configuration of the space has been trained"
                    return None
            if is_over():
                return None
        raise InputError(
            f"{REJECTED_IN_A_ROW:,} suggestions in a row were infeasible. Loosen the constraints "
            'of the study, or use receptive_field = "narrow".'
        )

    def _enqueue_untried(self) -> bool:
        """Enqueue a configuration that was not trained yet; return False if there is none.

        A space that is no grid has always more of them.
        """
        names = set()
        for architecture, settings in self.trained:
            searched = {name: getattr(settings, name) for name in self._space.space.settings}
            if settings == replace(self._definition.training, **searched):
                names.add(point_name(architecture, searched))
        try:
            points = grid_points(self._space, self._definition.search.seed)
            point = next((point for point in points if point.name not in names), None)
        except InputError:
            return True
        if point is None:
            return False
        enqueue(self._study, point.parameters, **{PLANNED: point.name})
        return True

    def _suggest(self) -> Suggestion:
        trial = self._study.ask()
        architecture, searched = self._space.suggest(trial)
        trial.set_user_attr(ARCHITECTURE, architecture.to_dict())
        settings = replace(self._definition.training, **searched)
        epochs = trial.user_attrs.get(EPOCHS, settings.epochs)
        return Suggestion(trial, architecture, replace(settings, epochs=epochs))

    def _is_feasible(self, suggestion: Suggestion) -> bool:
        """Prune the trial here if a limit is broken, with that limit as a constraint.

        Limits that hold are not stored: to a sampler that is the same, and saves a write for each.
        """
        trial = suggestion.trial
        broken = broken_limits(self._space.violations(suggestion.architecture))
        for violation in broken:
            trial.set_constraint(violation.name, violation.excess)
        if broken:
            reasons = "; ".join(violation.reason for violation in broken)
            trial.set_user_attr(INFEASIBLE, reasons)
            self._study.tell(trial, state=TrialState.PRUNED)
        return not broken

    def _is_duplicate(self, suggestion: Suggestion) -> bool:
        """End the trial here if its configuration was trained before, unless it was enqueued.

        It fails, because samplers learn nothing from that. Of a pruned trial they would learn that
        its configuration is bad; of a complete one they would count the same training twice.
        """
        trial = suggestion.trial
        if QUEUED in trial.user_attrs:
            return False
        number = self.trained.find(suggestion.architecture, suggestion.settings)
        if number is None:
            return False
        trial.set_user_attr(DUPLICATE_OF, number)
        self._study.tell(trial, state=TrialState.FAIL)
        return True
