"""What is recorded before trainings and test evaluations, and what a kill has left undone."""

from __future__ import annotations

from tcn_search.evaluation.simple_baselines import simple_baselines
from tcn_search.evaluation.winner import Winner
from tcn_search.study.handle import StudyHandle
from tcn_search.study.results import SIMPLE_BASELINES, TEST_EVALUATIONS, StudyResults
from tcn_search.workers.backends import use_backend


def accept_given_changes(handle: StudyHandle) -> None:
    """Record what `allow_changes` let through, before something is trained with it."""
    if handle.pending_changes:
        handle.accept_changes()


def count_test_evaluation(handle: StudyHandle) -> None:
    """Record one more test evaluation, if the task has a test split."""
    if handle.task.test is not None:
        count = StudyResults(handle).test_evaluations + 1
        handle.optuna_study.set_user_attr(TEST_EVALUATIONS, count)


def with_simple_baselines(handle: StudyHandle, winner: Winner) -> Winner:
    """Return the winner, and store its simple baselines where `best` was killed before it did.

    They belong to the winner's own test evaluation, which is counted.
    """
    results = StudyResults(handle)
    if not results.lacks_baselines:
        return winner
    use_backend(handle.definition.backend)
    with handle.leased():
        if results.lacks_baselines:  # now, too: no other process has stored them meanwhile
            baselines = simple_baselines(handle.task, joined=winner.refit_epochs > 0)
            handle.optuna_study.set_user_attr(SIMPLE_BASELINES, baselines.to_dict())
    return winner
