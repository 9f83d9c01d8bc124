"""KerasTuner proposes the trials of a study: its search, our trainings, our record.

Nothing of KerasTuner's own state is kept. At every start its oracle is told what the study has recorded, in the
order in which it happened, so that it goes on from there, on another machine too.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import keras_tuner
import optuna
from keras_tuner.engine.base_tuner import BaseTuner

from tcn_search.search.definition import Definition
from tcn_search.search.queue import EnqueuedTrial
from tcn_search.search.trial_record import EPOCHS, KERAS_TUNER, TrialRecord, read_records
from tcn_search.space.trial_parameters import suggested_values
from tcn_search.tuner.repair import repaired
from tcn_search.tuner.trial_adapter import HYPERBAND_EPOCHS, Asking
from tcn_search.workers.temporary_folder import TemporaryFolder

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
        self._folder = TemporaryFolder()  # for KerasTuner's own record, of no use to us
        BaseTuner(self._oracle, self._declare, directory=str(self._folder.path), overwrite=True)
        self._oracle.verbose = 0
        self._open: dict[str, keras_tuner.engine.trial.Trial] = {}
        self._made = 0
        self._replay(read_records(study, len(definition.objectives), {}))

    def _declare(self, hp: keras_tuner.HyperParameters) -> None:
        self._asked_space.suggest(Asking(hp))

    def __iter__(self) -> KerasTunerProposals:
        return self

    def __next__(self) -> EnqueuedTrial:
        """What to try next. When there is nothing, there may be again after a `tell`: Hyperband waits for results."""
        name = self._next()
        if name is None:
            raise StopIteration
        hp = self._open[name].hyperparameters
        architecture, settings = self._asked_space.suggest(Asking(hp))
        architecture = repaired(self._asked_space, architecture)
        attributes = {KERAS_TUNER: hp.values}
        if HYPERBAND_EPOCHS in hp.values:
            attributes[EPOCHS] = hp.values[HYPERBAND_EPOCHS]
        return EnqueuedTrial(
            name, suggested_values(self._space, architecture, settings), attributes
        )

    def _next(self) -> str | None:
        name = f"keras-tuner {self._made}"
        trial = self._oracle.create_trial(name)
        if trial.status != "RUNNING":
            return None
        self._made += 1
        self._open[name] = trial
        return name

    def tell(self, name: str | None, score: float | None) -> None:
        """Tell the oracle how a trial ended; `score` is None where it has none.

        A stale trial is told only after its second try has ended.
        """
        trial = self._open.pop(name or "", None)
        if trial is None:
            return
        if score is not None:
            self._oracle.update_trial(trial.trial_id, {self._definition.objective.name: score})
        trial.status = "FAILED" if score is None else "COMPLETED"
        self._oracle.end_trial(trial)

    def _replay(self, records: list[TrialRecord]) -> None:
        """Begin and end the recorded trials in the order of their times.

        The oracle's new proposals are replaced by those it had made; its model is not fitted for that.
        """
        initial_points = getattr(self._oracle, "num_initial_points", None)
        self._oracle.num_initial_points = _NEVER
        for begins, record in _events(records):
            name = record.enqueued_as
            if begins:
                begun = self._next()
                assert begun is not None
                assert begun == name, f"{begun} is not {name}"
                assert record.keras_tuner is not None
                self._open[begun].hyperparameters.values = dict(record.keras_tuner)
            else:
                self.tell(name, None if record.values is None else record.values[0])
        self._oracle.num_initial_points = initial_points


def _events(records: list[TrialRecord]) -> list[tuple[bool, TrialRecord]]:
    """List beginnings (True) and ends (False) of KerasTuner's trials in the order of time.

    Several tries of one proposal share its name: it begins with the first and ends with the last.
    Proposals begin in the order of their numbers, whatever the clocks of the machines that ran them
    say, and none ends before it began.
    """
    last = {record.enqueued_as: record for record in records}
    events: list[tuple[bool, TrialRecord]] = []
    open_records: dict[str | None, TrialRecord] = {}

    def end_until(moment: datetime) -> None:
        ended = [
            record
            for record in open_records.values()
            if record.completed is not None and record.completed <= moment
        ]
        ended.sort(key=lambda record: (record.completed or moment, record.number))
        for record in ended:
            events.append((False, open_records.pop(record.enqueued_as)))

    for record in records:
        if record.keras_tuner is None:
            continue
        end_until(record.started or datetime.max)
        events.append((True, record))
        open_records[record.enqueued_as] = last[record.enqueued_as]
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
