"""`Study.best`: plan the final trainings, run them by workers, and store the winner."""

from __future__ import annotations

import hashlib
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
from tcn_search.search.definition import Definition
from tcn_search.search.interrupts import interrupts_heard
from tcn_search.search.trial_record import Candidate, TrialRecord
from tcn_search.study.changes import require_same_model
from tcn_search.study.evaluations import accept_given_changes, count_test_evaluation
from tcn_search.study.handle import StudyHandle
from tcn_search.study.notebook_progress import short_interrupt, trainings_shown
from tcn_search.study.results import SIMPLE_BASELINES, WINNER, StudyResults
from tcn_search.study.training_executors import import_keras, training_executors
from tcn_search.study.training_time import seconds_an_epoch
from tcn_search.workers.backends import use_backend
from tcn_search.workers.executor import InProcessExecutor
from tcn_search.workers.job_data import JobData
from tcn_search.workers.ray_executor import AnyExecutor, RayExecutor


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

    def check(self) -> None:
        """Raise an InputError if an argument is none of its kind."""
        for name, count in (("top", self.top), ("seeds", self.seeds)):
            if count is not None:
                positive_integer(name, count)
        if self.timeout is not None:
            positive_seconds("timeout", self.timeout)
        if self.out is not None and Path(self.out).suffix != ".keras":
            raise InputError(f"out must be a file that ends in .keras. Received: {self.out}")


@short_interrupt
def find_best(handle: StudyHandle, given: BestArguments) -> Winner:
    """Train the best trials again, and score the winner; see `Study.best`."""
    given.check()
    file = Path(given.out or handle.folder / "best.keras")
    results = StudyResults(handle)
    results.best_trials()  # reports what is wrong with the trials before data is read
    winner = _stored_winner(handle, results, given, file)
    if winner is not None:
        return winner
    use_backend(handle.definition.backend)
    require_same_model(handle.name, handle.definition)
    _require_writable(file)  # now, not after the trainings
    import_keras(given.on_progress)
    with (
        handle.leased() as lease,
        interrupts_heard() as require_no_interrupt,
        trainings_shown(handle.name, given.on_progress) as on_progress,
    ):
        winner = _stored_winner(handle, results, given, file)  # of a process that held the study
        if winner is not None:
            return winner
        accept_given_changes(handle)

        def require_ownership() -> None:
            require_no_interrupt()
            lease.require()

        def show(progress: FinalProgress) -> None:
            on_progress(progress)
            if given.on_run is not None and progress.run is not None:
                given.on_run(progress.run)

        return _train_and_store(handle, results, given, file, require_ownership, show)


def _stored_winner(
    handle: StudyHandle, results: StudyResults, given: BestArguments, file: Path
) -> Winner | None:
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


def _train_and_store(
    handle: StudyHandle,
    results: StudyResults,
    given: BestArguments,
    file: Path,
    require_ownership: Callable[[], None],
    show: Callable[[FinalProgress], None],
) -> Winner:
    """Find the winner by trainings; store it, and what simple baselines reach beside it.

    Args:
        file: where the model is saved.
        require_ownership: raises an error if this process is to stop.
        show: called with every progress.
    """
    study = handle.optuna_study
    refit_by_default = handle.definition.final.refit
    if refit_by_default is None:
        refit_by_default = handle.task.split is not None
    refit = refit_by_default if given.refit is None else given.refit
    sequences = handle.training_data.validation_rows
    plan = _plan(handle, results, given, refit, sequences)
    plan = replace(plan, final_seconds_an_epoch=_final_seconds(handle, plan))
    kept = kept_trainings(handle, "final_trainings")

    def before_test_evaluation() -> None:
        """Record the test evaluation, so that a crash cannot hide it; drop the old winner."""
        require_ownership()
        count_test_evaluation(handle)
        study.set_user_attr(WINNER, None)
        study.set_user_attr(SIMPLE_BASELINES, None)

    executors, workers = _executors(handle, plan, given)
    winner = find_winner(
        plan,
        task=handle.task,
        context=TrainingContext(
            objective=handle.definition.objective,
            metric=handle.definition.spec.task_kind.metrics[0].name,
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
    winner.validation_sequences = sequences
    study.set_user_attr(WINNER, winner.to_dict())
    # A part of the same test evaluation, scored by the same metric.
    show(FinalProgress.of_step("fitting simple baselines"))
    baselines = simple_baselines(handle.task, joined=winner.refit_epochs > 0)
    study.set_user_attr(SIMPLE_BASELINES, baselines.to_dict())
    if not winner.not_trained:
        kept.remove_models()
    return winner


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
        members=plan.final.members,
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


def kept_trainings(handle: StudyHandle, name: str) -> KeptTrainings:
    """Return the trainings that an earlier, interrupted call has finished.

    Args:
        name: of their folder.
    """
    folder = handle.folder / name
    digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    fallback = data_directory() / "final_trainings" / digest  # if the disk of runs/ is full

    def digest_of(wanted: WantedTraining) -> str:
        digest = _digest(handle, [wanted.candidate])
        if wanted.data is not JobData.TRIAL:
            return digest
        search = handle.definition.search  # says which sequences a trial trains on
        return f"{digest}-{search.seed}-{search.folds}-{search.fraction}"

    return KeptTrainings(folders=(folder, fallback), digest_of=digest_of)


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
