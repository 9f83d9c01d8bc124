"""What a study has recorded: everything that can be asked of it without changing it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import optuna
from optuna.trial import TrialState
from pydantic import ConfigDict, NonNegativeInt, TypeAdapter

from tcn_search.arguments import positive_integer
from tcn_search.errors import InputError
from tcn_search.evaluation.comparison import Comparison
from tcn_search.evaluation.winner import Candidate, Winner
from tcn_search.planning.architecture import Architecture
from tcn_search.search.definition import Definition
from tcn_search.search.loop import is_finished
from tcn_search.search.queue import stored_start
from tcn_search.search.warm_start import WarmStart
from tcn_search.settings import TrainingSettings
from tcn_search.storage.connection import database_errors
from tcn_search.storage.lease import Holder, Lease
from tcn_search.storage.stored_values import read_trials, read_value, readable
from tcn_search.study.changes import recorded_changes
from tcn_search.study.frame import curves_frame, ended, trials_frame
from tcn_search.study.pareto import values_frame, within

if TYPE_CHECKING:
    import pandas as pd

# User attributes of an Optuna study.
WINNER = "winner"
TEST_EVALUATIONS = "test_readings"
COMPARISON = "comparison"
_COUNT = TypeAdapter(NonNegativeInt, config=ConfigDict(strict=True))
_T = TypeVar("_T")


class StudyRecord:
    """The reading half of a `Study`, which says what its attributes are."""

    name: str
    definition: Definition
    _url: str | None
    _optuna: optuna.Study
    _storage: optuna.storages.RDBStorage
    _checked: set[int]  # numbers of finished trials

    @property
    def start(self) -> WarmStart:
        """The trials that the study tries first, and those that its space does not hold."""
        with database_errors(self._url):
            return stored_start(self._optuna)

    @property
    def notes(self) -> list[str]:
        """Lines to read before a run: the user's own model, what is tried first, folds, and what is not pruned."""
        search = self.definition.search
        lines = list[str]()
        if self.definition.model is not None:
            lines.append(f"model {self.definition.model}")
        if self.start.trials or self.start.outside:
            lines.append(str(self.start))
        if search.folds > 1:
            lines.append(
                f"{search.folds} folds: a trial trains {search.folds} times, and its score is the mean"
            )
        if len(search.objectives) > 1 and search.pruner != "none":
            lines.append(
                f"{len(search.objectives)} objectives: no trial is pruned between epochs, pruners weigh one only"
            )
        return lines

    def __repr__(self) -> str:
        return f"Study({self.name!r}, {self.finished} trials finished)"

    @property
    def storage_id(self) -> int:
        """Its number in the storage, by which Optuna's dashboard has a page of it."""
        return self._optuna._study_id

    @property
    def finished(self) -> int:
        """Trials that were trained to their end or pruned after at least one epoch."""
        return sum(map(is_finished, self._trials()))

    @property
    def changes(self) -> list[dict[str, Any]]:
        """What was accepted with `allow_changes`: {"when": ISO 8601 in UTC, "what": [a line each]}."""
        with database_errors(self._url):
            return recorded_changes(self._optuna)

    def snapshot(self) -> Snapshot:
        """Read the trials once; what is asked of the snapshot is answered from them."""
        return Snapshot(self)

    def trials(self) -> pd.DataFrame:
        """One row a trial; see `trials_frame` for the columns."""
        return trials_frame(self._trials(), self.definition)

    def endings(self) -> dict[str, int]:
        """Count the trials by how they ended, as in `trials`, the most frequent first."""
        return dict(Counter(map(ended, self._trials())).most_common())

    def learning_curves(self) -> pd.DataFrame:
        """One row an epoch of a trial: trial, fold if there are several, epoch, loss, val_loss, metrics, seconds."""
        return curves_frame(self._trials())

    def _trials(self) -> list[optuna.trial.FrozenTrial]:
        with database_errors(self._url):
            return read_trials(self._optuna, len(self.definition.objectives), self._checked)

    def candidate(self, trial: int) -> Candidate:
        """A trial with the settings of a final training."""
        return self._candidate(self._trial(trial))

    def _trial(self, number: int) -> optuna.trial.FrozenTrial:
        trials = self._trials()
        if not 0 <= number < len(trials):
            raise InputError(
                f"The study {self.name!r} has no trial {number}. It has {len(trials)}."
            )
        return trials[number]

    def objective_values(self) -> pd.DataFrame:
        """One row a complete trial: trial, each objective's value, and whether it is on the Pareto front."""
        return values_frame(self._trials(), self.definition)

    def pareto(self) -> pd.DataFrame:
        """The trials that no other beats in every objective, best score first: see `trials` for the columns.

        Columns for the objectives come before those of `trials`.
        """
        values = self.objective_values()
        front = values[values["on_front"].astype(bool)].drop(columns="on_front")
        ascending = self.definition.objective.direction == "minimize"
        front = front.sort_values(
            self.definition.objective.name, ascending=ascending, kind="stable"
        )
        return front.merge(self.trials(), on="trial").reset_index(drop=True)

    def candidates(
        self, top: int = 1, limits: Mapping[str, float] | None = None
    ) -> list[Candidate]:
        """The `top` best complete trials, best first, with the settings of a final training.

        Of several that these make the same, such as one network after few and after many epochs, only the best
        counts.

        Args:
            limits: most that a trial may cost: {"params": 50_000}, also of multiply_adds and measured latency.
        """
        ranked = self._ranked()
        if not ranked:
            raise InputError(f"The study {self.name!r} has no complete trial yet. Run it first.")
        if limits:
            kept = within(ranked, self.definition, limits)
            ranked = [trial for trial in ranked if trial.number in kept]
            if not ranked:
                listed = ", ".join(f"{name} {limit:,}" for name, limit in limits.items())
                raise InputError(
                    f"No complete trial of the study {self.name!r} is within the limits: {listed}."
                )
        positive_integer("top", top)
        found: dict[tuple[Architecture, TrainingSettings], Candidate] = {}
        for trial in ranked:
            candidate = self._candidate(trial)
            found.setdefault((candidate.architecture, candidate.settings), candidate)
            if len(found) == top:
                break
        return list(found.values())

    def _ranked(self) -> list[optuna.trial.FrozenTrial]:
        """The complete trials, best score first; of equal ones the earlier first."""
        complete = [trial for trial in self._trials() if ended(trial) == "complete"]
        sign = -1 if self.definition.objective.direction == "maximize" else 1
        return sorted(complete, key=lambda trial: sign * trial.user_attrs["result"]["score"])

    def _candidate(self, trial: optuna.trial.FrozenTrial) -> Candidate:
        training = self.definition.training
        search = self.definition.search
        stored = trial.user_attrs["result"].get("settings")
        if stored is None:  # a study of before they were kept
            used = replace(training, **self.definition.space.settings_of(trial.params))
        else:
            with readable(self._optuna, f"Trial {trial.number}"):
                used = TrainingSettings.from_dict(stored)
        settings = replace(used, epochs=search.final_epochs or training.epochs)
        return Candidate(
            trial.number, Architecture.from_dict(trial.user_attrs["architecture"]), settings
        )

    def architecture_of(self, trial: int) -> Architecture:
        """The architecture of a trial."""
        return Architecture.from_dict(self._trial(trial).user_attrs["architecture"])

    def holder(self) -> Holder | None:
        """The process that runs the study now, or None."""
        with database_errors(self._url):
            found = Lease(self._storage, self.name).holder()
        return None if found is None or found.has_ended() else found

    def running(self) -> dict[int, int]:
        """Trials in training now, with the epochs they have reported."""
        return {
            trial.number: trial.last_step or trial.user_attrs.get("epoch", 0)
            for trial in self._trials()
            if trial.state is TrialState.RUNNING
        }

    @property
    def best_trial(self) -> int | None:
        """Number of the trial with the best score, or None if none is complete yet."""
        ranked = self._ranked()
        return ranked[0].number if ranked else None

    def excluded_receptive_fields(self) -> list[int]:
        """Receptive fields of the space's architectures that a narrowed search never samples, each once."""
        space = self.definition.task_space()
        if not space.narrow:
            return []
        geometry = space.geometry
        left_out = geometry.too_short | geometry.with_blind_spots
        return sorted({geometry.architecture(point).receptive_field for point in left_out})

    @property
    def best_architecture(self) -> Architecture:
        """The architecture of the trial with the best score."""
        return self.candidates()[0].architecture

    @property
    def best_score(self) -> float:
        """The best trial's score."""
        best = self._trials()[self.candidates()[0].trial]
        return float(best.user_attrs["result"]["score"])

    @property
    def winner(self) -> Winner | None:
        """What `best` found last, or None; with the study's test evaluations as they are now."""
        found = self._stored(WINNER, "The winner", Winner.from_dict)
        return None if found is None else replace(found, readings=self.test_evaluations)

    @property
    def test_evaluations(self) -> int:
        """How often the test split has been used to score something.

        One test evaluation is one configuration whose final trainings are scored on the test split in one go:
        `best` adds one, for the winner; `compare` adds one for each contender that it scores, the TCN too, and
        another one if it was stopped and continues. Each is recorded before it happens. Numbers that earlier
        versions stored, which counted a whole `compare` as one, are kept.
        """
        return (
            self._stored(TEST_EVALUATIONS, "The count of test evaluations", _COUNT.validate_python)
            or 0
        )

    @property
    def test_readings(self) -> int:
        """The former name of `test_evaluations`."""
        return self.test_evaluations

    @property
    def comparison(self) -> Comparison | None:
        """What `compare` has found so far, or None."""
        return self._stored(COMPARISON, "The comparison", Comparison.from_dict)

    def _stored(self, attribute: str, what: str, convert: Callable[[Any], _T]) -> _T | None:
        """A user attribute of the study; None if it has none of that name."""
        with database_errors(self._url):
            return read_value(self._optuna, attribute, what, convert)


class Snapshot(StudyRecord):
    """A study's record with the trials as they were at one moment, for readers that ask many things of them.

    The numbers that it gives belong together, whatever runs meanwhile.
    """

    def __init__(self, record: StudyRecord) -> None:
        self.name = record.name
        self.definition = record.definition
        self._url = record._url
        self._optuna = record._optuna
        self._storage = record._storage
        self._read = record._trials()

    def _trials(self) -> list[optuna.trial.FrozenTrial]:
        return self._read

    @cached_property
    def _frame(self) -> pd.DataFrame:
        return super().trials()

    def trials(self) -> pd.DataFrame:
        return self._frame.copy()
