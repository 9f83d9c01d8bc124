"""Warm start: try known configurations, or another study's best trials, first."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import optuna
from pydantic import BaseModel

from tcn_search.search.definition import Definition
from tcn_search.search.known_configurations import KnownConfiguration, trial_parameters
from tcn_search.search.portfolio import is_of_portfolio
from tcn_search.search.queue import EnqueuedTrial
from tcn_search.space.trial_parameters import OutsideSpace
from tcn_search.storage.stored_values import STRICT, read_value
from tcn_search.text import counted

START = "warm_start"  # user attribute of a study


class WarmStart(NamedTuple):
    """The trials that a study tries first, and the configurations outside its space.

    Each entry of `outside` has the reason in brackets.
    """

    trials: tuple[EnqueuedTrial, ...] = ()
    outside: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = "begins with no known configuration"
        if self.trials:
            text = f"begins with {counted(len(self.trials), 'known configuration')}"
        if self.outside:
            text += f"; {counted(len(self.outside), 'known configuration')} outside the space"
        return text


def warm_start(definition: Definition, configurations: Iterable[KnownConfiguration]) -> WarmStart:
    """Select the configurations that lie inside the space, each set of parameters once.

    Where another study's trial has the parameters of an entry of the portfolio, it is tried in the
    former's place with the latter's name, by which final trainings know it.
    """
    space = definition.task_space()
    trials: dict[str, EnqueuedTrial] = {}
    outside = []
    for configuration in configurations:
        try:
            parameters = trial_parameters(configuration, definition, space)
        except OutsideSpace as reason:
            outside.append(f"{configuration.name} ({reason})")
            continue
        earlier = trials.setdefault(repr(parameters), EnqueuedTrial(configuration.name, parameters))
        if is_of_portfolio(configuration.name) and not is_of_portfolio(earlier.name):
            trials[repr(parameters)] = earlier._replace(name=configuration.name)
    return WarmStart(tuple(trials.values()), tuple(outside))


class _StoredStart(BaseModel):
    """A `WarmStart` as it is stored."""

    model_config = STRICT
    trials: list[tuple[str, dict[str, Any]]]
    outside: list[str]


def store_start(study: optuna.Study, start: WarmStart) -> None:
    """Store what a study tries first. This is decided once, when the study is created."""
    trials = [[trial.name, trial.parameters] for trial in start.trials]
    study.set_user_attr(START, {"trials": trials, "outside": start.outside})


def stored_start(study: optuna.Study) -> WarmStart:
    """Read what the study tries first; nothing where it was created without."""
    return read_value(study, START, "The first trials", _read_start) or WarmStart()


def _read_start(values: Any) -> WarmStart:
    stored = _StoredStart.model_validate_json(json.dumps(values))
    trials = tuple(EnqueuedTrial(name, parameters) for name, parameters in stored.trials)
    return WarmStart(trials, tuple(stored.outside))
