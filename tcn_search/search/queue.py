"""Trials that are tried before, or instead of, what the sampler proposes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import optuna
from optuna.trial import TrialState
from pydantic import BaseModel

from tcn_search.search.retries import PLANNED, enqueue
from tcn_search.search.warm_start import PlannedTrial, WarmStart
from tcn_search.storage.stored_values import STRICT, read_value

START = "warm_start"  # user attribute of a study


class _Start(BaseModel):
    """A `WarmStart` as it is stored."""

    model_config = STRICT
    trials: list[tuple[str, dict[str, Any]]]
    outside: list[str]


def store(study: optuna.Study, start: WarmStart) -> None:
    """Keep what a study shall begin with; decided once, when it is created."""
    study.set_user_attr(
        START,
        {
            "trials": [[trial.name, trial.parameters] for trial in start.trials],
            "outside": start.outside,
        },
    )


def stored_start(study: optuna.Study) -> WarmStart:
    """What the study begins with; nothing for one that was made without."""
    return read_value(study, START, "The first trials", _to_start) or WarmStart()


def _to_start(values: Any) -> WarmStart:
    found = _Start.model_validate_json(json.dumps(values))
    return WarmStart(tuple(PlannedTrial(*trial) for trial in found.trials), tuple(found.outside))


def stored_trials(study: optuna.Study) -> tuple[PlannedTrial, ...]:
    """The trials that the study begins with."""
    return stored_start(study).trials


class Plan:
    """Queues planned trials one at a time, so that a run that ends early leaves none waiting.

    Args:
        trials: one that has nothing now is asked again after the next trial has ended.
        only: nothing else is tried; says why the study ends after the last of them.
    """

    def __init__(
        self, study: optuna.Study, trials: Iterable[PlannedTrial], *, only: str = ""
    ) -> None:
        self._study = study
        self.only = only
        self._made = {trial.user_attrs.get(PLANNED) for trial in study.get_trials(deepcopy=False)}
        self._trials = iter(trials)
        self._is_empty = False

    def prepare(self) -> bool:
        """Queue the next planned trial, if none waits already. False: there is nothing more to try."""
        if self._is_empty and not self.only:
            return True
        if self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            return True
        planned = next((trial for trial in self._trials if trial.name not in self._made), None)
        if planned is None:
            self._is_empty = True
            return not self.only
        self._made.add(planned.name)
        enqueue(self._study, planned.parameters, **{**planned.attributes, PLANNED: planned.name})
        return True
