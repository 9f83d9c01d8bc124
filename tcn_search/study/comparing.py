"""`Study.compare`: train the winner and its contenders by workers, and store each run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tcn_search.evaluation.comparison import Comparison, Run
from tcn_search.evaluation.contenders import ComparisonRunner, prepare_comparison
from tcn_search.evaluation.final_progress import FinalProgress
from tcn_search.evaluation.final_trainings import TrainingContext
from tcn_search.evaluation.simple_baselines import simple_baselines
from tcn_search.search.interrupts import interrupts_heard
from tcn_search.study.changes import require_same_model
from tcn_search.study.evaluations import accept_given_changes, count_test_evaluation
from tcn_search.study.final_trainings import kept_trainings
from tcn_search.study.handle import StudyHandle
from tcn_search.study.notebook_progress import short_interrupt, trainings_shown
from tcn_search.study.results import COMPARISON, SIMPLE_BASELINES, StudyResults
from tcn_search.study.training_executors import import_keras, training_executors
from tcn_search.workers.backends import use_backend
from tcn_search.workers.executor import Executor, InProcessExecutor
from tcn_search.workers.ray_executor import AnyExecutor, RayExecutor


@dataclass(frozen=True)
class ComparisonArguments:
    """What a user gave to `Study.compare`, where the meaning of each is described."""

    against: Sequence[str]
    learning_rates: int
    seeds: int
    workers: int | str = "auto"
    executor: AnyExecutor | None = None
    on_run: Callable[[Run], None] | None = None
    on_progress: Callable[[FinalProgress], None] | None = None


@short_interrupt
def compare_with_others(handle: StudyHandle, given: ComparisonArguments) -> Comparison:
    """Train the winner's architecture and its contenders; see `Study.compare`."""
    use_backend(handle.definition.backend)
    require_same_model(handle.name, handle.definition)
    runner = _prepare(handle, given)
    if runner.is_complete and not _lacks_baselines(handle):
        return runner.comparison
    import_keras(given.on_progress)
    with (
        handle.leased() as lease,
        interrupts_heard() as require_no_interrupt,
        trainings_shown(handle.name, given.on_progress) as on_progress,
    ):
        # Again, with the runs that another process has stored until now.
        runner = _prepare(handle, given)
        accept_given_changes(handle)
        evaluated: set[str] = set()  # contenders, by this call

        def require_ownership() -> None:
            require_no_interrupt()
            lease.require()

        def before_test_evaluation(contender: str) -> None:
            """Record a contender's test evaluation, so that a crash cannot hide it."""
            lease.require()
            if contender not in evaluated:
                count_test_evaluation(handle)
                evaluated.add(contender)

        def store(run: Run) -> None:
            lease.require()
            handle.optuna_study.set_user_attr(COMPARISON, runner.comparison.to_dict())
            if given.on_run is not None:
                given.on_run(run)

        executor, workers = _executor(handle, given, runner.trainings)
        comparison = runner.comparison
        runner.train(
            TrainingContext(
                objective=handle.definition.objective,
                metric=comparison.metric,
                model_function=handle.definition.model,
                kept=kept_trainings(handle, "comparison_trainings"),
                require_ownership=require_ownership,
                on_progress=on_progress,
                workers=workers,
            ),
            executor,
            load=handle.load_model,
            on_run=store,
            before_test_evaluation=before_test_evaluation,
        )
        if _lacks_baselines(handle):
            on_progress(FinalProgress.of_step("fitting simple baselines"))
            winner = StudyResults(handle).winner
            joined = winner is not None and winner.refit_epochs > 0
            baselines = simple_baselines(handle.task, joined=joined)
            handle.optuna_study.set_user_attr(SIMPLE_BASELINES, baselines.to_dict())
        return comparison


def _lacks_baselines(handle: StudyHandle) -> bool:
    """Return whether this is a forecast whose simple baselines no `best` has fitted."""
    is_forecast = handle.definition.spec.kind == "forecast"
    return is_forecast and StudyResults(handle).simple_baselines is None


def _executor(
    handle: StudyHandle, given: ComparisonArguments, trainings: int
) -> tuple[Executor | None, int]:
    """Return what trains the networks, if any are left, and how many at the same time."""
    if type(given.executor) is InProcessExecutor:  # it may have a fraction of the sequences
        return InProcessExecutor(handle.task.training), 1
    if given.executor is not None and not isinstance(given.executor, RayExecutor):
        return given.executor, 1
    if not trainings:
        return None, 1
    (executor,), workers = training_executors(
        handle,
        [handle.task.training],
        given.workers,
        trainings,
        log=given.on_progress is None,
        cluster=given.executor,
    )
    return executor, workers


def _prepare(handle: StudyHandle, given: ComparisonArguments) -> ComparisonRunner:
    """Prepare a comparison with the winner, or the best trial, and the runs stored so far."""
    results = StudyResults(handle)
    winner = results.winner
    if winner is None:
        chosen = results.candidates()[0]
    else:
        chosen = results.candidate(winner.trial)
    outcome = results.records()[chosen.trial].outcome
    assert outcome is not None
    stored = results.comparison  # read before the task: a damaged one is reported at once
    return prepare_comparison(
        definition=handle.definition,
        task=handle.task,
        chosen=chosen,
        parameters=outcome.parameters or 0,
        stored=stored,
        against=given.against,
        learning_rates=given.learning_rates,
        seeds=given.seeds,
    )
