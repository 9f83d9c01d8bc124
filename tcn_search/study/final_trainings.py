"""`Study.best`: plan the final trainings, run them by workers, and store the winner."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from tcn_search.arguments import positive_integer, positive_seconds
from tcn_search.atomic_files import reason_of
from tcn_search.errors import InputError
from tcn_search.evaluation.final_plan import FinalPlan
from tcn_search.evaluation.final_progress import FinalProgress
from tcn_search.evaluation.final_training import SeedRun, WantedTraining, fresh_seeds, run_of
from tcn_search.evaluation.final_trainings import TrainingContext
from tcn_search.evaluation.kept_trainings import KeptTrainings
from tcn_search.evaluation.member_files import MemberFiles
from tcn_search.evaluation.selection import Executors, ModelFiles, find_winner
from tcn_search.evaluation.simple_baselines import simple_baselines
from tcn_search.evaluation.winner import WantedResult, Winner
from tcn_search.formats.download import data_directory
from tcn_search.logs import LOGGER
from tcn_search.search.definition import Definition
from tcn_search.search.interrupts import interrupts_heard
from tcn_search.search.trial_record import Candidate, TrialRecord
from tcn_search.study.changes import require_same_model
from tcn_search.study.evaluations import accept_given_changes, count_test_evaluation
from tcn_search.study.handle import StudyHandle
from tcn_search.study.notebook_progress import short_interrupt, trainings_shown
from tcn_search.study.results import SIMPLE_BASELINES, WINNER, StudyResults
from tcn_search.study.running import worker_slots
from tcn_search.study.training_time import seconds_an_epoch
from tcn_search.tasks.training_data import TrainingData
from tcn_search.workers.backends import use_backend
from tcn_search.workers.executor import Executor, InProcessExecutor
from tcn_search.workers.job_data import JobData
from tcn_search.workers.keras_import import import_keras_quietly
from tcn_search.workers.process_executor import ProcessExecutor
from tcn_search.workers.ray_executor import AnyExecutor, RayExecutor
from tcn_search.workers.resources import this_machine


@dataclass(frozen=True)
class BestArguments:
    """What a user gave to `Study.best`, where the meaning of each is described."""

    top: int | None = None
    seeds: int | None = None
    limits: Mapping[str, float] | None = None
    out: str | Path | None = None
    refit: bool | None = None
    single: bool | None = None
    workers: int | str = "auto"
    timeout: float | None = None
    executor: AnyExecutor | None = None
    on_run: Callable[[SeedRun], None] | None = None
    on_progress: Callable[[FinalProgress], None] | None = None


@short_interrupt
def find_best(handle: StudyHandle, given: BestArguments) -> Winner:
    """Train the best trials again, and score the winner; see `Study.best`."""
    for name, count in (("top", given.top), ("seeds", given.seeds)):
        if count is not None:
            positive_integer(name, count)
    if given.timeout is not None:
        positive_seconds("timeout", given.timeout)
    if given.out is not None and Path(given.out).suffix != ".keras":
        raise InputError(f"out must be a file that ends in .keras. Received: {given.out}")
    file = Path(given.out or handle.folder / "best.keras")
    results = StudyResults(handle)

    def stored_winner() -> Winner | None:
        """Return the stored winner, if it is of exactly the wanted trainings. No data is read."""
        winner = results.winner
        if winner is None:
            return None
        refit = handle.definition.final.refit if given.refit is None else given.refit
        if refit is None:  # it follows from the data, which has not changed
            refit = winner.refit_by_default
        if refit is None:
            refit = bool(winner.refit_epochs)
        plan = _plan(handle, results, given, refit, winner.validation_sequences)
        wanted = _wanted(handle, plan, given, file)
        return winner if winner.is_result_of(wanted) else None

    results.best_trials()  # reports what is wrong with the trials before data is read
    winner = stored_winner()
    if winner is not None:
        return winner
    definition = handle.definition
    use_backend(definition.backend)
    require_same_model(handle.name, definition)
    _require_writable(file)  # now, not after the trainings
    import_keras(given.on_progress)
    with (
        handle.leased() as lease,
        interrupts_heard() as require_no_interrupt,
        trainings_shown(handle.name, given.on_progress) as on_progress,
    ):
        winner = stored_winner()  # of a process that held the study until now
        if winner is not None:
            return winner
        accept_given_changes(handle)
        refit_by_default = definition.final.refit
        if refit_by_default is None:
            refit_by_default = handle.task.split is not None
        refit = refit_by_default if given.refit is None else given.refit
        plan = _plan(handle, results, given, refit, _validation_sequences(handle))

        def require_ownership() -> None:
            require_no_interrupt()
            lease.require()

        def show(progress: FinalProgress) -> None:
            on_progress(progress)
            if given.on_run is not None and progress.run is not None:
                given.on_run(progress.run)

        def before_test_evaluation() -> None:
            """Record the test evaluation, so that a crash cannot hide it; drop the old winner."""
            lease.require()
            count_test_evaluation(handle)
            handle.optuna_study.set_user_attr(WINNER, None)
            handle.optuna_study.set_user_attr(SIMPLE_BASELINES, None)

        executors, workers = _executors(handle, plan, given)
        kept = kept_trainings(handle, "final_trainings")
        winner = find_winner(
            replace(plan, final_seconds_an_epoch=_final_seconds(handle, plan)),
            task=handle.task,
            context=TrainingContext(
                objective=definition.objective,
                metric=definition.spec.task_kind.metrics[0].name,
                model_function=handle.definition.model,
                kept=kept,
                require_ownership=require_ownership,
                on_progress=show,
                workers=workers,
            ),
            executors=executors,
            files=ModelFiles(
                winner=file,
                members=MemberFiles(handle.folder / "members"),
                load=handle.load_model,
            ),
            timeout=given.timeout,
            before_test_evaluation=before_test_evaluation,
        )
        winner.made_with = _wanted(handle, plan, given, file).made_with
        winner.read_at = datetime.now(UTC).isoformat(timespec="seconds")
        winner.readings = results.test_evaluations
        winner.refit_by_default = refit_by_default
        winner.validation_sequences = _validation_sequences(handle)
        handle.optuna_study.set_user_attr(WINNER, winner.to_dict())
        # A part of the same test evaluation, scored by the same metric.
        show(FinalProgress.of_step("fitting simple baselines"))
        baselines = simple_baselines(handle.task, joined=winner.refit_epochs > 0)
        handle.optuna_study.set_user_attr(SIMPLE_BASELINES, baselines.to_dict())
        if not winner.not_trained:
            kept.remove_models()
        return winner


def import_keras(on_progress: Callable[[FinalProgress], None] | None) -> None:
    """Import Keras, which takes seconds, and say so where a callback shows progress."""
    if on_progress is not None and "keras" not in sys.modules:
        on_progress(FinalProgress.of_step("importing Keras and reading the data"))
    with interrupts_heard() as require_no_interrupt:  # imports of optional packages swallow it
        import_keras_quietly(make_tensor=not this_machine().gpus)  # a GPU belongs to the workers
        require_no_interrupt()


def _final_seconds(handle: StudyHandle, plan: FinalPlan) -> dict[int, float]:
    """Return the seconds of an epoch of a final training, by number of its candidate."""
    rows = len(handle.task.train)
    if plan.refit:
        rows += len(handle.task.validation)
    ratio = rows / handle.training_data.training_rows
    records = handle.records()
    return {
        trial: seconds_an_epoch(records[trial], ratio, validates=not plan.refit)
        for trial in plan.seconds_an_epoch
    }


def _validation_sequences(handle: StudyHandle) -> int:
    """Return the number of sequences that a trial's validation numbers are of."""
    if handle.definition.search.folds > 1:
        return len(handle.task.validation) + len(handle.task.train)
    return len(handle.task.validation)


def _plan(
    handle: StudyHandle,
    results: StudyResults,
    given: BestArguments,
    refit: bool,
    sequences: int,
) -> FinalPlan:
    """Plan the final trainings by the study's settings and what the caller gave.

    Args:
        sequences: validation sequences that a trial's accuracy is of.
    """
    definition = handle.definition
    final = definition.final
    records = results.records()
    top = given.top or final.rerun
    candidates, preference = results.preferred_trials(top, given.limits, sequences)
    used = {definition.seed_of(candidate.trial) for candidate in candidates}
    rerun_seeds: list[int] = []
    if len(candidates) > 1:
        rerun_seeds = fresh_seeds(final.rerun_seeds, used, final.first_seed)
    used = used.union(rerun_seeds)
    seeds = fresh_seeds(given.seeds or final.seeds, used, final.first_seed)
    return FinalPlan(
        candidates=candidates,
        trial_runs=_trial_runs(definition, candidates, records),
        rerun_seeds=rerun_seeds,
        seeds=seeds,
        final=final,
        epochs=definition.final_epochs,
        refit=refit,
        ensemble=final.ensemble if given.single is None else not given.single,
        folds=definition.search.folds,
        preference=preference,
        seconds_an_epoch={
            candidate.trial: seconds_an_epoch(records[candidate.trial]) for candidate in candidates
        },
    )


def _trial_runs(
    definition: Definition, candidates: Sequence[Candidate], records: Sequence[TrialRecord]
) -> list[SeedRun]:
    """Return the results of the candidates in the search."""
    runs = []
    for candidate in candidates:
        outcome = records[candidate.trial].outcome
        if outcome is not None:
            seed = definition.seed_of(candidate.trial)
            trial = WantedTraining(candidate, seed, data=JobData.TRIAL, keeps_model=False)
            metric = definition.spec.task_kind.metrics[0].name
            runs.append(run_of(trial, outcome, definition.objective.name, metric))
    return runs


def _wanted(handle: StudyHandle, plan: FinalPlan, given: BestArguments, file: Path) -> WantedResult:
    """Return what the stored winner must be the result of, so that nothing is trained again."""
    candidates = [plan.final_candidate(candidate) for candidate in plan.candidates]
    if plan.rerun_seeds:
        candidates += plan.candidates
    return WantedResult(
        trials={candidate.trial for candidate in candidates},
        seeds=set(plan.seeds),
        made_with=_digest(handle, candidates),
        refit=plan.refit,
        ensemble=plan.ensemble,
        file=file,
        limited=given.timeout is not None,
    )


def _digest(handle: StudyHandle, candidates: list[Candidate]) -> str:
    return handle.definition.digest(
        [(candidate.architecture, candidate.settings) for candidate in candidates]
    )


def _executors(handle: StudyHandle, plan: FinalPlan, given: BestArguments) -> tuple[Executors, int]:
    """Return the executors of both stages, and how many trainings run at the same time."""
    of_finals = handle.task.training
    if type(given.executor) is InProcessExecutor:  # it may have a fraction of the sequences
        return Executors(given.executor, InProcessExecutor(of_finals)), 1
    if given.executor is not None and not isinstance(given.executor, RayExecutor):
        return Executors(given.executor, given.executor), 1
    of_trials = handle.training_data
    splits = [of_trials]  # of the re-runs, and of the final trainings where theirs is another one
    if len(of_trials.train) != len(of_finals.train):
        splits = [of_trials, of_finals] if plan.rerun_seeds else [of_finals]
    most = max(len(plan.candidates) * len(plan.rerun_seeds), len(plan.seeds))
    log = given.on_progress is None
    executors, workers = training_executors(
        handle, splits, given.workers, most, log=log, cluster=given.executor
    )
    return Executors(executors[0], executors[-1]), workers


def training_executors(
    handle: StudyHandle,
    splits: Sequence[TrainingData],
    workers: int | str,
    most: int,
    log: bool,
    cluster: RayExecutor | None = None,
) -> tuple[list[Executor], int]:
    """Return an executor for each of these data, and how many trainings run at the same time.

    Args:
        workers: number of workers, or "auto".
        most: number of trainings.
        log: whether to log the workers.
        cluster: where they are trained, if not by processes of this machine.
    """
    model = handle.definition.model
    if cluster is not None:
        backend = handle.definition.backend
        on_cluster = [cluster.workers_for(data, backend, model, most) for data in splits]
        return [*on_cluster], on_cluster[0].slots
    if sys.platform == "win32":  # worker processes need Linux or macOS
        return [InProcessExecutor(data) for data in splits], 1
    if model is not None:
        model.require_importable()
    largest = max(splits, key=lambda data: data.bytes_in_a_worker)
    slots = worker_slots(handle, workers, most=most, data=largest)
    if log:
        LOGGER.info("%s", slots)
    return [ProcessExecutor(data, slots.slots) for data in splits], len(slots.slots)


def kept_trainings(handle: StudyHandle, name: str) -> KeptTrainings:
    """Return the trainings that an earlier, interrupted call has finished.

    Args:
        name: of their folder.
    """
    folder = handle.folder / name
    digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    fallback = data_directory() / "final_trainings" / digest  # if the disk of runs/ is full
    return KeptTrainings(
        folders=(folder, fallback), digest_of=lambda candidate: _digest(handle, [candidate])
    )


def _require_writable(file: Path) -> None:
    """Make the file's folder, and raise an InputError if no file can be written there."""
    failure = f"The model cannot be saved as {file}"
    if file.is_dir():
        raise InputError(f"{failure}: it is a folder")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=file.parent):
            pass
    except OSError as error:
        raise InputError(f"{failure}: {reason_of(error)}") from error
