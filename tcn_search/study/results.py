"""The results of a study: everything that can be read of a study without changing it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from optuna.trial import TrialState
from pydantic import ConfigDict, NonNegativeInt, TypeAdapter

from tcn_search.errors import InputError
from tcn_search.evaluation.comparison import Comparison
from tcn_search.evaluation.preference import Preference, preference_among
from tcn_search.evaluation.simple_baselines import BASELINES, SimpleBaselines, baseline_facts
from tcn_search.evaluation.winner import Winner
from tcn_search.planning.architecture import Architecture
from tcn_search.search.definition import Definition
from tcn_search.search.ranking import ranked
from tcn_search.search.trial_record import Candidate, TrialRecord
from tcn_search.search.warm_start import WarmStart, stored_start
from tcn_search.storage.connection import database_errors
from tcn_search.storage.lease import Holder, Lease
from tcn_search.storage.stored_values import read_value
from tcn_search.storage.urls import shown_url, storage_url
from tcn_search.study.candidates import candidate_of, first_different, ranked_within
from tcn_search.study.changes import recorded_changes, stored_versions
from tcn_search.study.frame import curves_frame, trials_frame
from tcn_search.study.handle import StudyHandle
from tcn_search.study.importances import importances_frame
from tcn_search.study.notes import note_on_improvement, notes_before_a_run
from tcn_search.study.pareto import values_frame

if TYPE_CHECKING:
    import pandas as pd

# User attributes of an Optuna study.
WINNER = "winner"
TEST_EVALUATIONS = "test_readings"
COMPARISON = "comparison"
SIMPLE_BASELINES = "simple_baselines"
_COUNT = TypeAdapter(NonNegativeInt, config=ConfigDict(strict=True))
_T = TypeVar("_T")


class StudyResults:
    """Read a study.

    Args:
        handle: of the study.
        records: of its trials at one moment, for all methods. None: each call reads them again.
    """

    def __init__(self, handle: StudyHandle, records: Sequence[TrialRecord] | None = None) -> None:
        self.name = handle.name
        self._handle = handle
        self._snapshot = None if records is None else list(records)

    def __repr__(self) -> str:
        return f"Study({self.name!r}, {self.finished} trials finished)"

    @property
    def definition(self) -> Definition:
        """The definition of the study."""
        return self._handle.definition

    def records(self) -> list[TrialRecord]:
        """Return the records of all trials, by number."""
        if self._snapshot is not None:
            return self._snapshot
        return self._handle.records()

    def snapshot(self) -> StudyResults:
        """Return the results as they are now, from one reading of the trials."""
        return StudyResults(self._handle, self.records())

    def trials(self) -> pd.DataFrame:
        """Return one row a trial; see `trials_frame` for the columns."""
        if self._snapshot is None:
            return trials_frame(self.records(), self.definition)
        return self._frame_of_snapshot.copy()

    @cached_property
    def _frame_of_snapshot(self) -> pd.DataFrame:
        return trials_frame(self.records(), self.definition)

    def learning_curves(self) -> pd.DataFrame:
        """Return one row an epoch of a trial; see `curves_frame` for the columns."""
        return curves_frame(self.records())

    def status_counts(self) -> dict[str, int]:
        """Count the trials by status, the most frequent first."""
        return dict(Counter(record.status.value for record in self.records()).most_common())

    def endings(self) -> dict[str, int]:
        """Return `status_counts`; the former name."""
        return self.status_counts()

    @property
    def finished(self) -> int:
        """Number of trials that count against the number asked for; see `TrialStatus`."""
        return sum(record.is_finished for record in self.records())

    def running(self) -> dict[int, int]:
        """Return the trials in training now, with the epochs they have reported."""
        return {
            record.number: record.last_epoch
            for record in self.records()
            if record.state is TrialState.RUNNING
        }

    def objective_values(self) -> pd.DataFrame:
        """Return one row a complete trial: trial, each objective's value, and `on_front`."""
        return values_frame(self.records(), self.definition)

    def importances(self) -> pd.DataFrame:
        """Return how much each hyperparameter decides the score; see `importances_frame`."""
        if self._snapshot is None:
            return self.snapshot().importances()
        return self._importances.copy()

    @cached_property
    def _importances(self) -> pd.DataFrame:
        direction = self.definition.objective.direction
        with database_errors(self._handle.url):
            return importances_frame(self._handle.optuna_study, self.records(), direction)

    def pareto(self) -> pd.DataFrame:
        """Return the trials that no other beats in every objective, best score first.

        Columns for the objectives come before those of `trials`.
        """
        values = self.objective_values()
        front = values[values["on_front"].astype(bool)].drop(columns="on_front")
        objective = self.definition.objective
        objective_names = [metric.name for metric in self.definition.objectives]
        ascending = objective.direction == "minimize"
        front = front.sort_values(objective.name, ascending=ascending, kind="stable")
        trials = self.trials().drop(columns=objective_names, errors="ignore")
        return front.merge(trials, on="trial").reset_index(drop=True)

    def candidate(self, trial: int, refit: bool = False) -> Candidate:
        """Return a trial's architecture with the settings of a final training.

        Args:
            refit: whether it uses training and validation split together.
        """
        candidate = candidate_of(self._record(trial), self.definition)
        return self.with_final_settings([candidate], refit)[0]

    def candidates(
        self, top: int = 1, limits: Mapping[str, float] | None = None
    ) -> list[Candidate]:
        """Return the `top` best complete trials, best first; see `Study.candidates`."""
        return self.with_final_settings(self.best_trials(top, limits))

    def best_trials(
        self, top: int = 1, limits: Mapping[str, float] | None = None
    ) -> list[Candidate]:
        """Return `candidates` with the settings that the trials had."""
        return first_different(self._ranked_within(limits), self.definition, top)

    def preferred_trials(
        self, top: int, limits: Mapping[str, float] | None, sequences: int
    ) -> tuple[list[Candidate], Preference | None]:
        """Return the best trials, the preferred one first, and the preference.

        Args:
            limits: as in `Study.best`.
            sequences: validation sequences that an accuracy is of; 0: none is preferred.
        """
        complete = self._ranked_within(limits)
        preference = None
        by_accuracy = self.definition.objective.name in ("val_loss", "val_accuracy")
        if sequences and by_accuracy and self.definition.spec.kind == "classification":
            preference = preference_among(complete, sequences)
        if preference is not None:
            complete.sort(key=lambda record: record.number != preference.trial)
        return first_different(complete, self.definition, top), preference

    def _ranked_within(self, limits: Mapping[str, float] | None) -> list[TrialRecord]:
        return ranked_within(self.records(), self.definition, limits, self.name)

    def _ranked(self) -> list[TrialRecord]:
        """Return the complete trials, best first; see `search.ranking`."""
        return ranked(self.records(), self.definition.objective.direction)

    def with_final_settings(
        self, candidates: Sequence[Candidate], refit: bool = False
    ) -> list[Candidate]:
        """Return candidates with the settings of their final trainings.

        Args:
            refit: whether these use training and validation split together.
        """
        definition = self.definition
        return [
            replace(
                candidate,
                settings=definition.final.training(
                    candidate.settings, definition.final_epochs, refit
                ),
            )
            for candidate in candidates
        ]

    def _record(self, number: int) -> TrialRecord:
        records = self.records()
        if not 0 <= number < len(records):
            raise InputError(
                f"The study {self.name!r} has no trial {number}. It has {len(records)}."
            )
        return records[number]

    def architecture_of(self, trial: int) -> Architecture:
        """Return the architecture of a trial."""
        return self._record(trial).built

    @property
    def best_trial(self) -> int | None:
        """Number of the trial with the best score, or None if none is complete yet."""
        complete = self._ranked()
        return complete[0].number if complete else None

    @property
    def best_architecture(self) -> Architecture:
        """The architecture of the trial with the best score."""
        return self.candidates()[0].architecture

    @property
    def best_score(self) -> float:
        """The score of the best trial."""
        score = self._record(self.candidates()[0].trial).score
        assert score is not None
        return score

    @property
    def best_trial_note(self) -> str:
        """What to do where the best trial was still improving at its last epoch; else ""."""
        complete = self._ranked()
        if not complete:
            return ""
        definition = self.definition
        return note_on_improvement(complete[0], definition.objective, definition.final_epochs)

    def excluded_receptive_fields(self) -> list[int]:
        """Return the receptive fields that a narrowed search never samples, each once."""
        space = self.definition.task_space()
        return space.geometry.excluded_receptive_fields() if space.narrow else []

    @property
    def start(self) -> WarmStart:
        """The trials that the study tries first, and the configurations outside its space."""
        with database_errors(self._handle.url):
            return stored_start(self._handle.optuna_study)

    @property
    def notes(self) -> list[str]:
        """Lines to read before a run: custom model, warm start, folds, and what is not pruned."""
        return notes_before_a_run(self._handle, self.start)

    @property
    def changes(self) -> list[dict[str, Any]]:
        """Accepted changes: {"when": ISO 8601 in UTC, "what": [a line each]}."""
        with database_errors(self._handle.url):
            return recorded_changes(self._handle.optuna_study)

    @property
    def versions(self) -> dict[str, str]:
        """Versions of the packages that the study was created with, or that were accepted last."""
        with database_errors(self._handle.url):
            return stored_versions(self._handle.optuna_study)

    @property
    def storage(self) -> str | None:
        """URL of the storage without its password; None for the one that commands open anyway."""
        url = self._handle.url
        return None if url == storage_url() else shown_url(url)

    def holder(self) -> Holder | None:
        """Return the process that runs the study now, or None."""
        with database_errors(self._handle.url):
            holder = Lease(self._handle.storage, self.name).holder()
        if holder is None or holder.has_ended():
            return None
        return holder

    @property
    def winner(self) -> Winner | None:
        """The last result of `best`, or None; with the present number of test evaluations."""
        winner = self._stored(WINNER, "The winner", Winner.from_dict)
        if winner is None:
            return None
        return replace(winner, readings=self.test_evaluations)

    @property
    def simple_baselines(self) -> SimpleBaselines | None:
        """What simple models reach on the same splits, from the last `best`; None before it."""
        return self._stored(SIMPLE_BASELINES, "The simple baselines", SimpleBaselines.from_dict)

    @property
    def lacks_baselines(self) -> bool:
        """Whether `best` has ended before it stored the simple baselines of its winner.

        Winners of versions without simple baselines lack none.
        """
        with database_errors(self._handle.url):
            attributes = self._handle.optuna_study.user_attrs
        was_removed = attributes.get(SIMPLE_BASELINES, "") is None
        return was_removed and self.winner is not None

    def baseline_facts(self) -> dict[str, str]:
        """Return in words what simple models reach, and whether the winner is clearly better."""
        if self.lacks_baselines:
            return {BASELINES: "not fitted yet; the next call of `best` fits them"}
        baselines = self.simple_baselines
        winner = self.winner
        if baselines is None or winner is None:
            return {}
        return baseline_facts(baselines, winner.judged_on_validation, winner.judged_on_test)

    @property
    def comparison(self) -> Comparison | None:
        """The result of `compare` so far, or None."""
        return self._stored(COMPARISON, "The comparison", Comparison.from_dict)

    @property
    def test_evaluations(self) -> int:
        """Number of times that the test split was used to score something.

        One test evaluation is one configuration whose final trainings are scored on the test split
        in one go: `best` adds one, for the winner; `compare` adds one for each contender that it
        scores, the TCN too, and another one if it was stopped and continues. Each is recorded
        before it happens. Numbers stored by earlier versions, which counted a whole `compare` as
        one, are kept.
        """
        what = "The count of test evaluations"
        return self._stored(TEST_EVALUATIONS, what, _COUNT.validate_python) or 0

    @property
    def test_readings(self) -> int:
        """The former name of `test_evaluations`."""
        return self.test_evaluations

    def _stored(self, attribute: str, what: str, convert: Callable[[Any], _T]) -> _T | None:
        """Read a user attribute of the study; None if it has none of that name."""
        with database_errors(self._handle.url):
            return read_value(self._handle.optuna_study, attribute, what, convert)
