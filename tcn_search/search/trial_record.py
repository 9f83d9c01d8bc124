"""The record of a trial: what a study has stored about it, read and checked in one place.

A trial is stored as an Optuna trial with user attributes. Their names stand here; no other module
reads them.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from pydantic import BaseModel, ConfigDict

from tcn_search.planning.architecture import Architecture
from tcn_search.settings import TrainingSettings
from tcn_search.storage.stored_values import readable
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.trial import TrialOutcome

# User attributes of an Optuna trial.
ARCHITECTURE = "architecture"
RESULT = "result"
INFEASIBLE = "infeasible"  # why nothing was built
DUPLICATE_OF = "duplicate_of"  # number of the trial that trained the same; nothing was built
EPOCH = "epoch"  # the last one reported, where no pruner is asked
EPOCHS = "epochs"  # of this trial, where they are not those of the study
PLANNED = "planned"  # name of the enqueued trial
QUEUED = "queued"  # parameters of an enqueued trial
RETRY_OF = "retry_of"  # number of the stale trial that is tried again
KERAS_TUNER = "keras_tuner"  # values that KerasTuner chose


class _StoredResult(BaseModel):
    """A `TrialOutcome` as it is stored, with the training settings that were used."""

    model_config = ConfigDict(strict=True)
    ended: str
    score: float | None = None
    best_epoch: int = 0
    curve: list[dict[str, float]] = []
    parameters: int | None = None
    seconds: dict[str, float] = {}
    reason: str = ""
    latency: float | None = None
    machine: str = ""
    folds: list[dict[str, float]] = []
    start: list[dict[str, float]] = []
    settings: dict[str, Any] | None = None


class _StoredAttributes(BaseModel):
    """The user attributes of a trial; others are ignored."""

    model_config = ConfigDict(strict=True)
    architecture: dict[str, Any] | None = None
    result: _StoredResult | None = None
    infeasible: str = ""
    duplicate_of: int | None = None
    epoch: int = 0
    epochs: int | None = None
    planned: str | None = None
    queued: dict[str, Any] = {}
    retry_of: int | None = None
    keras_tuner: dict[str, Any] | None = None


@dataclass(frozen=True)
class TrialRecord:
    """What is known of a trial.

    Attributes:
        number: of the trial, from 0.
        state: Optuna's.
        status: how it ended, or what it does now.
        suggested: values of the sampled hyperparameters by name.
        values: of the objectives; None unless the trial is complete.
        architecture: None until the trial has been asked for one.
        outcome: None until the trial has ended.
        settings: used in training; None where they were not stored (studies of early versions).
        infeasible: which constraints the architecture breaks, in words.
        duplicate_of: number of the trial that trained the same configuration, or None.
        last_epoch: the last one reported.
        last_value: the best score until then, where a pruner is asked; else None.
        epochs: of this trial, where they are not those of the study.
        enqueued_as: name of the enqueued trial, or None.
        enqueued: its parameters.
        retry_of: number of the stale trial that this one tries again, or None.
        keras_tuner: the values that KerasTuner chose, or None.
        started, completed: by the clock of the machine that ran it, without a time zone.
    """

    number: int
    state: TrialState
    status: TrialStatus
    suggested: Mapping[str, Any] = field(default_factory=dict)
    values: tuple[float, ...] | None = None
    architecture: Architecture | None = None
    outcome: TrialOutcome | None = None
    settings: TrainingSettings | None = None
    infeasible: str = ""
    duplicate_of: int | None = None
    last_epoch: int = 0
    last_value: float | None = None
    epochs: int | None = None
    enqueued_as: str | None = None
    enqueued: Mapping[str, Any] = field(default_factory=dict)
    retry_of: int | None = None
    keras_tuner: Mapping[str, Any] | None = None
    started: datetime | None = None
    completed: datetime | None = None

    @classmethod
    def of(cls, trial: FrozenTrial) -> TrialRecord:
        """Read an Optuna trial.

        Raises:
            ValueError, TypeError, LookupError, ...: a stored value is damaged, or of another
                version.
        """
        stored = _StoredAttributes.model_validate(trial.user_attrs)
        architecture = None
        if stored.architecture is not None:
            architecture = Architecture.from_dict(stored.architecture)
        outcome = None
        settings = None
        if stored.result is not None:
            outcome = _outcome(trial.number, stored.result, trial.user_attrs[RESULT])
            if stored.result.settings is not None:
                settings = TrainingSettings.from_dict(stored.result.settings)
        return cls(
            number=trial.number,
            state=trial.state,
            status=_status(trial.state, outcome, stored.duplicate_of),
            suggested=trial.params,
            values=tuple(trial.values) if trial.state is TrialState.COMPLETE else None,
            architecture=architecture,
            outcome=outcome,
            settings=settings,
            infeasible=stored.infeasible,
            duplicate_of=stored.duplicate_of,
            last_epoch=trial.last_step or stored.epoch,
            last_value=trial.intermediate_values.get(trial.last_step or 0),
            epochs=stored.epochs,
            enqueued_as=stored.planned,
            enqueued=stored.queued,
            retry_of=stored.retry_of,
            keras_tuner=stored.keras_tuner,
            started=trial.datetime_start,
            completed=trial.datetime_complete,
        )

    @property
    def is_finished(self) -> bool:
        """Whether the trial counts against the number of trials asked for."""
        has_ended = self.state in (TrialState.COMPLETE, TrialState.PRUNED)
        return has_ended and self.status.counts_as_finished

    @property
    def score(self) -> float | None:
        """The validation value of the first objective in the best epoch, or None."""
        return None if self.outcome is None else self.outcome.score

    @property
    def reason(self) -> str:
        """Why the trial ended as it did, in words."""
        if self.outcome is not None and self.outcome.reason:
            return self.outcome.reason
        if self.duplicate_of is not None:
            return f"the same configuration as trial {self.duplicate_of}"
        return self.infeasible

    @property
    def built(self) -> Architecture:
        """The architecture of a trial that has one.

        Raises:
            LookupError: the trial has none.
        """
        if self.architecture is None:
            raise LookupError(f"trial {self.number} has no architecture")
        return self.architecture


@dataclass(frozen=True)
class Candidate:
    """A trial's architecture with the settings of a final training."""

    trial: int
    architecture: Architecture
    settings: TrainingSettings


def read_records(
    study: optuna.Study, objectives: int, known: dict[int, TrialRecord]
) -> list[TrialRecord]:
    """Read the records of all trials of a study.

    The garbage collector is off meanwhile: none of the objects is garbage, and to look through
    those of thousands of trials again and again takes as long as to read them.

    Args:
        objectives: number of values that a complete trial has.
        known: records of finished trials by number, which need not be read again; this call adds
            to them.

    Raises:
        StorageError: a stored value is damaged, or of another version.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        with readable(study, "A trial"):
            trials = study.get_trials(deepcopy=False)
        return [_read(study, trial, objectives, known) for trial in trials]
    finally:
        if was_enabled:
            gc.enable()


def read_record(study: optuna.Study, number: int) -> TrialRecord:
    """Read the record of one trial."""
    with readable(study, f"Trial {number}"):
        return TrialRecord.of(study.get_trials(deepcopy=False)[number])


def store_outcome(
    trial: optuna.Trial, outcome: TrialOutcome, settings: TrainingSettings | None = None
) -> None:
    """Store how a trial ended, with the training settings that were used."""
    values = outcome.to_dict()
    del values["number"]
    values["ended"] = values.pop("status")
    if settings is not None:
        values["settings"] = settings.to_dict()
    trial.set_user_attr(RESULT, values)


def fold_scores(trial: FrozenTrial) -> list[float]:
    """Return the score of each finished fold of a trial that has ended; none without folds."""
    result = trial.user_attrs.get(RESULT) or {}
    return [fold["score"] for fold in result.get("folds", [])]


def best_score(records: Sequence[TrialRecord], direction: str) -> float | None:
    """Return the best value of the first objective over the complete trials, or None."""
    scores = [record.values[0] for record in records if record.values is not None]
    if not scores:
        return None
    return max(scores) if direction == "maximize" else min(scores)


def _read(
    study: optuna.Study, trial: FrozenTrial, objectives: int, known: dict[int, TrialRecord]
) -> TrialRecord:
    record = known.get(trial.number)
    if record is not None:
        return record
    with readable(study, f"Trial {trial.number}"):
        _check_values(trial, objectives)
        record = TrialRecord.of(trial)
    if trial.state.is_finished():
        known[trial.number] = record
    return record


def _check_values(trial: FrozenTrial, objectives: int) -> None:
    """Raise an error unless a complete trial has its attributes and a finite value an objective."""
    if trial.state is not TrialState.COMPLETE:
        return
    for name in (ARCHITECTURE, RESULT):
        if trial.user_attrs.get(name) is None:
            raise KeyError(name)
    if len(trial.values) != objectives:
        raise ValueError(f"it has {len(trial.values)} values for {objectives} objectives")
    if not all(math.isfinite(value) for value in trial.values):
        raise ValueError("a value is no finite number")


def _outcome(number: int, stored: _StoredResult, values: Mapping[str, Any]) -> TrialOutcome:
    """Return the outcome of a trial.

    Args:
        values: as stored, from which `stored` was read. There the integers among the numbers of
            epochs and folds are still integers.
    """
    return TrialOutcome(
        number=number,
        status=TrialStatus.from_stored(stored.ended),
        score=stored.score,
        best_epoch=stored.best_epoch,
        curve=values.get("curve", []),
        parameters=stored.parameters,
        seconds=stored.seconds,
        reason=stored.reason,
        latency=stored.latency,
        machine=stored.machine,
        folds=values.get("folds", []),
        start=stored.start,
    )


def _status(
    state: TrialState, outcome: TrialOutcome | None, duplicate_of: int | None
) -> TrialStatus:
    """Return the status of a trial; where no outcome is stored, it follows from Optuna's state."""
    if outcome is not None:
        return outcome.status
    if duplicate_of is not None:
        return TrialStatus.DUPLICATE
    if state is TrialState.PRUNED:
        return TrialStatus.INFEASIBLE
    if state is TrialState.FAIL:
        return TrialStatus.STALE
    return TrialStatus(state.name.lower())
