"""Stale trials, whose process died: fail them at the next start, and try each once more.

Every step can be interrupted by the next kill: `fail_stale_trials` repairs what a run, or an
earlier call of it, left half done.
"""

from __future__ import annotations

from collections.abc import Sequence

import optuna
from optuna.trial import TrialState

from tcn_search.search.definition import Definition
from tcn_search.search.queue import enqueue
from tcn_search.search.trial_record import EPOCHS, PLANNED, RETRY_OF, TrialRecord, read_record
from tcn_search.search.trial_values import objective_values
from tcn_search.trial_status import TrialStatus


def enqueue_again(study: optuna.Study, record: TrialRecord) -> None:
    """Enqueue a stale trial's parameters again."""
    attributes = {PLANNED: record.enqueued_as, EPOCHS: record.epochs}
    kept = {name: value for name, value in attributes.items() if value is not None}
    parameters = {**record.enqueued, **record.suggested}
    enqueue(study, parameters, **kept, **{RETRY_OF: record.number})


def fail_stale_trials(
    study: optuna.Study, definition: Definition, records: Sequence[TrialRecord]
) -> None:
    """Fail stale RUNNING trials and enqueue interrupted ones again.

    A trial whose outcome was stored, but whose end was not told to Optuna, is told as it ended.

    Args:
        records: of all trials, read while no process runs the study.
    """
    retried = {record.retry_of for record in records}
    for record in records:
        if record.state is TrialState.RUNNING:
            _tell_end(study, record, definition)
            record = read_record(study, record.number)
        is_stale = record.state is TrialState.FAIL and record.status is TrialStatus.STALE
        is_second_try = record.retry_of is not None and record.architecture is not None
        if is_stale and record.number not in retried and not is_second_try:
            enqueue_again(study, record)


def _tell_end(study: optuna.Study, record: TrialRecord, definition: Definition) -> None:
    if record.status is TrialStatus.COMPLETE:
        assert record.outcome is not None
        study.tell(record.number, objective_values(definition, record.outcome, record.built))
    elif record.infeasible or (record.outcome is not None and not record.status.is_error):
        study.tell(record.number, state=TrialState.PRUNED)
    else:
        study.tell(record.number, state=TrialState.FAIL)
