"""Let KerasTuner propose the trials of a study, which trains and records them as any other.

KerasTuner's own state is not kept. At every start its oracle is told the recorded trials in the
order in which they began and ended, so that it goes on from there, on another machine too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import keras_tuner
from keras_tuner.engine.base_tuner import BaseTuner

from tcn_search.search.definition import Definition
from tcn_search.search.queue import EnqueuedTrial
from tcn_search.search.trial_record import EPOCHS, KERAS_TUNER, TrialRecord
from tcn_search.space.trial_parameters import suggested_values
from tcn_search.tuner.repair import nearest_feasible
from tcn_search.tuner.trial_adapter import HYPERBAND_EPOCHS, HyperParametersAsTrial
from tcn_search.workers.temporary_folder import TemporaryFolder

_NEVER = 10**9  # a number of trials, points or rounds that no search reaches


class KerasTunerProposals:
    """Iterator over KerasTuner's proposals, each moved to the nearest feasible architecture.

    Args:
        definition: of the study. Its sampler, "keras-tuner:NAME", says which oracle.
        records: of the trials so far, of which the oracle is told.
    """

    def __init__(self, definition: Definition, records: Sequence[TrialRecord]) -> None:
        self._definition = definition
        self._space = definition.task_space()
        # Fixed ranges, folded onto the feasible space: KerasTuner keeps the first that it sees.
        self._static_space = replace(self._space, narrow=True, static=True)
        self._oracle = _oracle(definition)
        self._folder = TemporaryFolder()  # for KerasTuner's own files, which are not used
        BaseTuner(self._oracle, self._declare, directory=str(self._folder.path), overwrite=True)
        self._oracle.verbose = 0
        self._running: dict[str, keras_tuner.engine.trial.Trial] = {}
        self._proposed = 0
        self._replay(records)

    def _declare(self, hp: keras_tuner.HyperParameters) -> None:
        """Register every hyperparameter; called by KerasTuner in place of building a model."""
        self._static_space.suggest(HyperParametersAsTrial(hp))

    def __iter__(self) -> KerasTunerProposals:
        return self

    def __next__(self) -> EnqueuedTrial:
        """Return the next proposal.

        After StopIteration there may be further ones once a trial's end was told: Hyperband waits
        for results.
        """
        name = self._next_name()
        if name is None:
            raise StopIteration
        hp = self._running[name].hyperparameters
        proposed, settings = self._static_space.suggest(HyperParametersAsTrial(hp))
        architecture = nearest_feasible(self._static_space, proposed)
        attributes = {KERAS_TUNER: hp.values}
        if HYPERBAND_EPOCHS in hp.values:
            attributes[EPOCHS] = hp.values[HYPERBAND_EPOCHS]
        return EnqueuedTrial(
            name=name,
            parameters=suggested_values(self._space, architecture, settings),
            attributes=attributes,
        )

    def _next_name(self) -> str | None:
        """Ask the oracle for a trial. Return its name, or None if it has none now."""
        name = f"keras-tuner {self._proposed}"
        trial = self._oracle.create_trial(name)
        if trial.status != "RUNNING":
            return None
        self._proposed += 1
        self._running[name] = trial
        return name

    def tell(self, name: str | None, score: float | None) -> None:
        """Tell the oracle how a trial ended; `score` is None where it has none.

        A stale trial is told only after its second try has ended.
        """
        trial = self._running.pop(name or "", None)
        if trial is None:
            return
        if score is None:
            trial.status = "FAILED"
        else:
            self._oracle.update_trial(trial.trial_id, {self._definition.objective.name: score})
            trial.status = "COMPLETED"
        self._oracle.end_trial(trial)

    def _replay(self, records: Sequence[TrialRecord]) -> None:
        """Begin and end the recorded trials in the order of their times.

        The oracle's new proposals are replaced by those that were recorded; its model is not fitted
        to make them.
        """
        initial_points = getattr(self._oracle, "num_initial_points", None)
        self._oracle.num_initial_points = _NEVER
        for begins, record in _events(records):
            name = record.enqueued_as
            if begins:
                begun = self._next_name()
                assert begun is not None
                assert begun == name, f"{begun} is not {name}"
                assert record.keras_tuner is not None
                self._running[begun].hyperparameters.values = dict(record.keras_tuner)
            elif record.values is None:
                self.tell(name, None)
            else:
                self.tell(name, record.values[0])
        self._oracle.num_initial_points = initial_points


def _events(records: Sequence[TrialRecord]) -> list[tuple[bool, TrialRecord]]:
    """List beginnings (True) and ends (False) of KerasTuner's trials in the order of time.

    Several tries of a proposal share its name: it begins with the first and ends with the last.
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
    """Make the oracle that the definition's sampler names."""
    objective = definition.objective
    kind = definition.search.sampler.partition(":")[2]
    shared: dict[str, Any] = {
        "objective": keras_tuner.Objective(objective.name, objective.direction[:3]),
        "seed": definition.search.seed + 1,  # 0 is random to KerasTuner
        "max_consecutive_failed_trials": _NEVER,  # the study decides when to stop
    }
    if kind == "hyperband":
        return keras_tuner.oracles.HyperbandOracle(
            max_epochs=definition.training.epochs, hyperband_iterations=_NEVER, **shared
        )
    if kind == "bayesian":
        return keras_tuner.oracles.BayesianOptimizationOracle(max_trials=_NEVER, **shared)
    return keras_tuner.oracles.RandomSearchOracle(max_trials=_NEVER, **shared)
