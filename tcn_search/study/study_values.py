"""A study in words and in plain values, and all studies of a storage in a row each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tcn_search.errors import TcnSearchError
from tcn_search.search.configuration_text import configuration_text
from tcn_search.search.shown_numbers import (
    names_beside_score,
    numbers_beside_score,
    score_in_words,
)
from tcn_search.search.trial_record import Candidate, TrialRecord
from tcn_search.search.trial_values import parameter_count, settings_of
from tcn_search.storage.studies import list_studies
from tcn_search.study.open_study import load_study
from tcn_search.study.results import StudyResults

EMPTY = "empty"
RUNNING = "running"
SEARCHED = "searched"
EVALUATED = "evaluated"
UNREADABLE = "unreadable"


def best_record(study: StudyResults) -> TrialRecord | None:
    """Return the record of the best complete trial, or None."""
    number = study.best_trial
    return None if number is None else study.records()[number]


def score_of(study: StudyResults, record: TrialRecord) -> str:
    """Return the score of a trial and what is shown beside it: "val_loss 0.4, val_accuracy 0.9"."""
    assert record.score is not None
    definition = study.definition
    beside = numbers_beside_score(record.outcome, names_beside_score(definition))
    return score_in_words(definition.score_name, record.score, beside)


def configuration_of(study: StudyResults, record: TrialRecord) -> str:
    """Return architecture and training settings of a trial in words."""
    return configuration_text(record.built, settings_of(record, study.definition))


def winner_candidate(study: StudyResults) -> Candidate | None:
    """Return architecture and settings of the winner's final trainings; None before `best`."""
    winner = study.winner
    if winner is None:
        return None
    candidate = study.candidate(winner.trial, refit=winner.refit_epochs > 0)
    # The study's settings may have changed since, and a time limit may have left fewer epochs.
    settings = candidate.settings
    if winner.schedule:
        settings = replace(settings, schedule=winner.schedule, weights=winner.weights)
    epochs = winner.epochs or winner.refit_epochs
    if epochs:
        settings = replace(settings, epochs=epochs)
    return replace(candidate, settings=settings)


def winner_configuration(study: StudyResults) -> str:
    """Return architecture and settings of the winner's final trainings in words.

    Raises:
        LookupError: the study has no winner.
    """
    candidate = winner_candidate(study)
    if candidate is None:
        raise LookupError(f"the study {study.name!r} has no winner")
    return configuration_text(candidate.architecture, candidate.settings)


def study_values(study: StudyResults) -> dict[str, Any]:
    """Return what `tcn-search status NAME --format json` prints; docs/command-line.md has the keys.

    Args:
        study: a snapshot, so that all values are of one moment.
    """
    definition = study.definition
    spec = definition.spec
    holder = study.holder()
    best = best_record(study)
    return {
        "study": study.name,
        "state": state_of(study),
        "task": spec.name,
        "kind": spec.kind,
        "objectives": {each.name: each.direction for each in definition.objectives},
        "seq_len": spec.seq_len,
        "required_context": definition.required_context,
        "finished": study.finished,
        "statuses": study.status_counts(),
        "known_outside": list(study.start.outside),
        "best": None if best is None else _trial_values(study, best),
        "winner": winner_values(study),
        "running_by": None if holder is None else str(holder),
        "running": [{"trial": number, "epoch": epoch} for number, epoch in study.running().items()],
        "test_evaluations": study.test_evaluations,
        "changes": study.changes,
        "updated": updated(study),
    }


def _trial_values(study: StudyResults, record: TrialRecord) -> dict[str, Any]:
    definition = study.definition
    architecture = record.built
    return {
        "trial": record.number,
        "score": record.score,
        **numbers_beside_score(record.outcome, names_beside_score(definition)),
        "receptive_field": architecture.receptive_field,
        "output_receptive_field": architecture.output_receptive_field(definition.spec.seq_len),
        "parameters": parameter_count(architecture, definition, record.outcome),
        "architecture": architecture.to_dict(),
        "settings": settings_of(record, definition).to_dict(),
    }


def winner_values(study: StudyResults) -> dict[str, Any] | None:
    """Return the result of `best` as plain values; None before it."""
    winner = study.winner
    candidate = winner_candidate(study)
    if winner is None or candidate is None:
        return None
    simple = study.simple_baselines
    baselines = [] if simple is None else simple.baselines
    return {
        "trial": winner.trial,
        "metric": winner.metric,
        "test": winner.score,
        "test_of_members": winner.test_scores,
        "validation": winner.validation_metrics,
        "ensemble": winner.ensemble,
        "seeds": [run.seed for run in winner.winning_runs],
        "refit_epochs": winner.refit_epochs,
        "model_file": winner.model_file,
        "scored_at": winner.read_at,
        "architecture": candidate.architecture.to_dict(),
        "settings": candidate.settings.to_dict(),
        "baselines": [
            {"name": each.name, "validation": each.validation, "test": each.test}
            for each in baselines
        ],
    }


def state_of(study: StudyResults) -> str:
    """Return what has been done with a study: a word of this module."""
    if study.holder() is not None:
        return RUNNING
    if study.winner is not None:
        return EVALUATED
    if study.finished:
        return SEARCHED
    return EMPTY


def updated(study: StudyResults) -> str | None:
    """Return when the last trial ended, by the clock of its machine; None before the first."""
    ends = [record.completed for record in study.records() if record.completed is not None]
    return max(ends).isoformat(sep=" ", timespec="seconds") if ends else None


def overview(
    storage: str | None = None, on_study: Callable[[str], None] = lambda name: None
) -> list[dict[str, Any]]:
    """Return a row for each study of a storage, the last one that changed first.

    Args:
        on_study: called with each name before that study is read.
    """
    rows = []
    for name in list_studies(storage):
        on_study(name)
        try:
            rows.append(_row(load_study(name, storage).snapshot()))
        except TcnSearchError as error:  # damaged, or not made by this package
            rows.append({**_EMPTY_ROW, "study": name, "state": UNREADABLE, "reason": str(error)})
    return sorted(rows, key=lambda row: str(row["updated"] or ""), reverse=True)


_EMPTY_ROW: dict[str, Any] = {
    "study": "",
    "state": EMPTY,
    "finished": 0,
    "objective": None,
    "score": None,
    "beside_score": {},
    "metric": None,
    "test": None,
    "updated": None,
    "reason": "",
}


def _row(study: StudyResults) -> dict[str, Any]:
    row = {
        **_EMPTY_ROW,
        "study": study.name,
        "state": state_of(study),
        "finished": study.finished,
        "objective": study.definition.objective.name,
        "metric": study.definition.spec.task_kind.metrics[0].name,
        "updated": updated(study),
    }
    best = best_record(study)
    if best is not None:
        row["score"] = best.score
        row["beside_score"] = numbers_beside_score(
            best.outcome, names_beside_score(study.definition)
        )
    if study.winner is not None:
        row["test"] = study.winner.score
    return row
