"""The candidates of a study for its final trainings: the best of its trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tcn_search.arguments import positive_integer
from tcn_search.errors import InputError
from tcn_search.planning.architecture import Architecture
from tcn_search.search.definition import Definition
from tcn_search.search.ranking import ranked
from tcn_search.search.trial_record import Candidate, TrialRecord
from tcn_search.search.trial_values import settings_of
from tcn_search.settings import TrainingSettings
from tcn_search.study.pareto import within
from tcn_search.trial_status import TrialStatus


def ranked_within(
    records: Sequence[TrialRecord],
    definition: Definition,
    limits: Mapping[str, float] | None,
    study: str,
) -> list[TrialRecord]:
    """Return the complete trials within the limits, best first; at least one.

    If no trial is complete, those that the time limit of trials has ended.

    Args:
        limits: as in `Study.best`.
        study: its name.

    Raises:
        InputError: there is none, or a limit cannot be used.
    """
    direction = definition.objective.direction
    found = ranked(records, direction) or ranked(records, direction, TrialStatus.TIMED_OUT)
    if not found:
        raise InputError(f"The study {study!r} has no complete trial yet. Run it first.")
    if limits:
        kept = within(found, definition, limits)
        found = [record for record in found if record.number in kept]
        if not found:
            listed = ", ".join(f"{name} {limit:,}" for name, limit in limits.items())
            raise InputError(
                f"No complete trial of the study {study!r} is within the limits: {listed}."
            )
    return found


def first_different(
    records: Sequence[TrialRecord], definition: Definition, top: int
) -> list[Candidate]:
    """Return the first `top` different configurations of these trials."""
    positive_integer("top", top)
    first: dict[tuple[Architecture, TrainingSettings], Candidate] = {}
    for record in records:
        candidate = candidate_of(record, definition)
        first.setdefault((candidate.architecture, candidate.settings), candidate)
        if len(first) == top:
            break
    return list(first.values())


def candidate_of(record: TrialRecord, definition: Definition) -> Candidate:
    """Return a trial with its settings, and the epochs of a whole trial."""
    settings = settings_of(record, definition)
    return Candidate(
        trial=record.number,
        architecture=record.built,
        settings=replace(settings, epochs=definition.training.epochs),
    )
