"""KerasTuner proposes the trials of a study: its search, our trainings, our record.

Nothing of KerasTuner's own state is kept. At every start its oracle is told what the study has recorded, in the
order in which it happened, so that it goes on from there, on another machine too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import keras_tuner
import optuna
from keras_tuner.engine.base_tuner import BaseTuner
from optuna.trial import FrozenTrial, TrialState

from tcn_search.search.definition import Definition
from tcn_search.search.retries import EPOCHS, PLANNED
from tcn_search.search.warm_start import PlannedTrial
from tcn_search.space.trial_parameters import suggested_values
from tcn_search.tuner.repair import repaired
from tcn_search.tuner.trial_adapter import HYPERBAND_EPOCHS, Asking
from tcn_search.workers.temporary_folder import ScratchFolder

VALUES = "keras_tuner"  # user attribute of a trial: the values that the oracle chose
_NEVER = 10**9


class KerasTunerProposals:
    """What KerasTuner wants tried, one trial after the other, each repaired to a feasible one.

    Args:
        study: whose record is told to the oracle.
        definition: of the study. Its sampler, "keras-tuner:NAME", says which oracle.
    """

    def __init__(self, study: optuna.Study, definition: Definition) -> None:
        self._definition = definition
        self._space = definition.task_space()
        self._asked_space = replace(self._space, narrow=True, static=True)
        self._oracle = _oracle(definition)
        self._folder = ScratchFolder()  # for KerasTuner's own record, of no use to us
        BaseTuner(self._oracle, self._declare, directory=str(self._folder.path), overwrite=True)
        self._oracle.verbose = 0
        self._open: dict[str, keras_tuner.engine.trial.Trial] = {}
        self._made = 0
        self._replay(study.get_trials(deepcopy=False))

    def _declare(self, hp: keras_tuner.HyperParameters) -> None:
        self._asked_space.suggest(Asking(hp))

    def __iter__(self) -> KerasTunerProposals:
        return self

    def __next__(self) -> PlannedTrial:
        """What to try next. When there is nothing, there may be again after a `tell`: Hyperband waits for results."""
        name = self._next()
        if name is None:
            raise StopIteration
        hp = self._open[name].hyperparameters
        architecture, settings = self._asked_space.suggest(Asking(hp))
        architecture = repaired(self._asked_space, architecture)
        attributes = {VALUES: hp.values}
        if HYPERBAND_EPOCHS in hp.values:
            attributes[EPOCHS] = hp.values[HYPERBAND_EPOCHS]
        return PlannedTrial(name, suggested_values(self._space, architecture, settings), attributes)

    def _next(self) -> str | None:
        name = f"keras-tuner {self._made}"
        trial = self._oracle.create_trial(name)
        if trial.status != "RUNNING":
            return None
        self._made += 1
        self._open[name] = trial
        return name

    def tell(self, attributes: Mapping[str, Any], score: float | None) -> None:
        """What became of a trial with these user attributes; None where it has no score.

        One that was lost is not told of before its second try has ended.
        """
        trial = self._open.pop(attributes.get(PLANNED, ""), None)
        if trial is None:
            return
        if score is not None:
            self._oracle.update_trial(trial.trial_id, {self._definition.objective.name: score})
        trial.status = "FAILED" if score is None else "COMPLETED"
        self._oracle.end_trial(trial)

    def _replay(self, trials: list[FrozenTrial]) -> None:
        """Begin and end the recorded trials in the order of their times.

        What the oracle would propose anew is replaced by what it had proposed; a model of it is not fitted for that.
        """
        drawn = getattr(self._oracle, "num_initial_points", None)
        self._oracle.num_initial_points = _NEVER
        for begins, trial in _events(trials):
            name = trial.user_attrs[PLANNED]
            if begins:
                begun = self._next()
                assert begun == name, f"{begun} is not {name}"
                self._open[name].hyperparameters.values = dict(trial.user_attrs[VALUES])
            else:
                # Optuna keeps the last report of a pruned trial as its value.
                complete = trial.state is TrialState.COMPLETE
                self.tell(trial.user_attrs, trial.values[0] if complete else None)
        self._oracle.num_initial_points = drawn


def _events(trials: list[FrozenTrial]) -> list[tuple[bool, FrozenTrial]]:
    """(whether it begins, the trial), in time, of the trials that KerasTuner proposed.

    Several tries of one proposal have its name: it begins with the first and ends with the last. They begin in the
    order of their numbers, whatever the clocks of the machines that ran them say, and none ends before it began.
    """
    begun = [trial for trial in trials if VALUES in trial.user_attrs]
    last = {trial.user_attrs.get(PLANNED): trial for trial in trials}
    events: list[tuple[bool, FrozenTrial]] = []
    unended: dict[str, FrozenTrial] = {}

    def end_until(moment: datetime) -> None:
        ended = [
            one
            for one in unended.values()
            if one.datetime_complete and one.datetime_complete <= moment
        ]
        for one in sorted(ended, key=lambda one: (one.datetime_complete, one.number)):
            events.append((False, unended.pop(one.user_attrs[PLANNED])))

    for trial in begun:
        end_until(trial.datetime_start or datetime.max)
        events.append((True, trial))
        unended[trial.user_attrs[PLANNED]] = last[trial.user_attrs[PLANNED]]
    end_until(datetime.max)
    return events


def _oracle(definition: Definition) -> keras_tuner.Oracle:
    objective = definition.objective
    kind = definition.search.sampler.partition(":")[2]
    shared: dict[str, Any] = {
        "objective": keras_tuner.Objective(objective.name, objective.direction[:3]),
        "seed": definition.search.seed + 1,  # 0 is random to KerasTuner
        "max_consecutive_failed_trials": _NEVER,  # when to give up is the study's decision
    }
    if kind == "hyperband":
        return keras_tuner.oracles.HyperbandOracle(
            max_epochs=definition.training.epochs, hyperband_iterations=_NEVER, **shared
        )
    if kind == "bayesian":
        return keras_tuner.oracles.BayesianOptimizationOracle(max_trials=_NEVER, **shared)
    return keras_tuner.oracles.RandomSearchOracle(max_trials=_NEVER, **shared)
