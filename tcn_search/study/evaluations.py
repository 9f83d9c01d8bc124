"""What is recorded before something is trained, or scored on the test split."""

from __future__ import annotations

from tcn_search.study.handle import StudyHandle
from tcn_search.study.results import TEST_EVALUATIONS, StudyResults


def accept_given_changes(handle: StudyHandle) -> None:
    """Record what `allow_changes` let through, before something is trained with it."""
    if handle.pending_changes:
        handle.accept_changes()


def count_test_evaluation(handle: StudyHandle) -> None:
    """Record one more test evaluation, if the task has a test split."""
    if handle.task.test is not None:
        count = StudyResults(handle).test_evaluations + 1
        handle.optuna_study.set_user_attr(TEST_EVALUATIONS, count)
