"""Final trainings and comparisons of a study; test evaluations are recorded beforehand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tcn_search.evaluation.comparison import Comparison, Run
from tcn_search.evaluation.contenders import ComparisonRunner, prepare_comparison
from tcn_search.study.changes import require_same_model
from tcn_search.study.handle import StudyHandle
from tcn_search.study.results import COMPARISON, TEST_EVALUATIONS, StudyResults
from tcn_search.workers.backends import use_backend


def compare_with_baselines(
    handle: StudyHandle,
    against: Sequence[str],
    learning_rates: int,
    seeds: int,
    on_run: Callable[[Run], None] | None = None,
) -> Comparison:
    """Train the winner's architecture and recurrent networks of its size; see `Study.compare`."""
    use_backend(handle.definition.backend)
    require_same_model(handle.name, handle.definition)
    runner = _prepare_comparison(handle, against, learning_rates, seeds)
    if runner.is_complete:
        return runner.comparison
    with handle.leased() as lease:
        # Again, with the runs that another process has stored until now.
        runner = _prepare_comparison(handle, against, learning_rates, seeds)
        accept_given_changes(handle)
        evaluated: set[str] = set()  # contenders, by this call

        def before_test_evaluation(contender: str) -> None:
            """Record a contender's test evaluation, so that a crash cannot hide it."""
            lease.require()
            if contender not in evaluated:
                count_test_evaluation(handle)
                evaluated.add(contender)

        def store(run: Run) -> None:
            lease.require()
            handle.optuna_study.set_user_attr(COMPARISON, runner.comparison.to_dict())
            if on_run is not None:
                on_run(run)

        runner.train(store, before_test_evaluation)
        return runner.comparison


def _prepare_comparison(
    handle: StudyHandle, against: Sequence[str], learning_rates: int, seeds: int
) -> ComparisonRunner:
    """Prepare a comparison with the winner, or the best trial, and the runs stored so far."""
    results = StudyResults(handle)
    winner = results.winner
    if winner is None:
        chosen = results.candidates()[0]
    else:
        chosen = results.candidate(winner.trial)
    stored = results.comparison  # read before the task: a damaged one is reported at once
    return prepare_comparison(
        definition=handle.definition,
        task=handle.task,
        chosen=chosen,
        stored=stored,
        against=against,
        learning_rates=learning_rates,
        seeds=seeds,
    )


def accept_given_changes(handle: StudyHandle) -> None:
    """Record what `allow_changes` let through, before something is trained with it."""
    if handle.pending_changes:
        handle.accept_changes()


def count_test_evaluation(handle: StudyHandle) -> None:
    """Record one more test evaluation, if the task has a test split."""
    if handle.task.test is not None:
        count = StudyResults(handle).test_evaluations + 1
        handle.optuna_study.set_user_attr(TEST_EVALUATIONS, count)
