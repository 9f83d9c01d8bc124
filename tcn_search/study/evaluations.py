"""Final trainings and comparisons of a study; test evaluations are recorded beforehand."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tcn_search.arguments import positive_integer
from tcn_search.atomic_files import reason_of
from tcn_search.errors import InputError
from tcn_search.evaluation.comparison import Comparison, Run
from tcn_search.evaluation.contenders import ComparisonRunner, prepare_comparison
from tcn_search.evaluation.final_training import SeedRun, fresh_seeds
from tcn_search.evaluation.kept_trainings import KeptTrainings
from tcn_search.evaluation.selection import find_winner
from tcn_search.evaluation.simple_baselines import simple_baselines
from tcn_search.evaluation.winner import Winner
from tcn_search.formats.download import data_directory
from tcn_search.study.changes import require_same_model
from tcn_search.study.handle import StudyHandle
from tcn_search.study.results import (
    COMPARISON,
    SIMPLE_BASELINES,
    TEST_EVALUATIONS,
    WINNER,
    StudyResults,
)
from tcn_search.workers.backends import use_backend


def find_best(
    handle: StudyHandle,
    top: int,
    seeds: int,
    *,
    limits: Mapping[str, float] | None = None,
    out: str | Path | None = None,
    refit: bool = False,
    on_run: Callable[[SeedRun], None] | None = None,
) -> Winner:
    """Train the best trials again over seeds and score the winner; see `Study.best`."""
    positive_integer("seeds", seeds)
    if out is not None and Path(out).suffix != ".keras":
        raise InputError(f"out must be a file that ends in .keras. Received: {out}")
    if out is None:
        file = Path("runs") / handle.name / "best.keras"
    else:
        file = Path(out)
    results = StudyResults(handle)
    definition = handle.definition
    candidates = results.candidates(top, limits)
    used_seeds = {definition.seed_of(candidate.trial) for candidate in candidates}
    chosen_seeds = fresh_seeds(seeds, used_seeds)
    wanted = {(candidate.trial, seed) for candidate in candidates for seed in chosen_seeds}
    made_with = definition.digest(
        [(candidate.architecture, candidate.settings) for candidate in candidates]
    )

    def stored_winner() -> Winner | None:
        """Return the stored winner, if it is of exactly the wanted trainings."""
        winner = results.winner
        if winner is None or not winner.is_result_of(wanted, made_with, file, refit):
            return None
        return winner

    winner = stored_winner()
    if winner is not None:
        return winner
    use_backend(definition.backend)
    require_same_model(handle.name, definition)
    _require_writable(file)  # now, not after the trainings
    with handle.leased() as lease:
        winner = stored_winner()  # of a process that held the study until now
        if winner is not None:
            return winner
        _accept_given_changes(handle)

        def before_test_evaluation() -> None:
            """Record the test evaluation, so that a crash cannot hide it; drop the old winner."""
            lease.require()
            _count_test_evaluation(handle)
            handle.optuna_study.set_user_attr(WINNER, None)
            handle.optuna_study.set_user_attr(SIMPLE_BASELINES, None)

        kept = _kept_trainings(handle)
        winner = find_winner(
            candidates,
            task=handle.task,
            objective=handle.definition.objective,
            seeds=chosen_seeds,
            model_function=handle.definition.model,
            refit=refit,
            model_file=file,
            kept=kept,
            on_run=on_run,
            before_test_evaluation=before_test_evaluation,
        )
        winner.made_with = made_with
        winner.read_at = datetime.now(UTC).isoformat(timespec="seconds")
        winner.readings = results.test_evaluations
        handle.optuna_study.set_user_attr(WINNER, winner.to_dict())
        # A part of the same test evaluation, scored by the same metric.
        baselines = simple_baselines(handle.task, joined=winner.refit_epochs > 0)
        handle.optuna_study.set_user_attr(SIMPLE_BASELINES, baselines.to_dict())
        kept.remove()
        return winner


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
        _accept_given_changes(handle)
        evaluated: set[str] = set()  # contenders, by this call

        def before_test_evaluation(contender: str) -> None:
            """Record a contender's test evaluation, so that a crash cannot hide it."""
            lease.require()
            if contender not in evaluated:
                _count_test_evaluation(handle)
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


def _accept_given_changes(handle: StudyHandle) -> None:
    """Record what `allow_changes` let through, before something is trained with it."""
    if handle.pending_changes:
        handle.accept_changes()


def _count_test_evaluation(handle: StudyHandle) -> None:
    """Record one more test evaluation, if the task has a test split."""
    if handle.task.test is not None:
        count = StudyResults(handle).test_evaluations + 1
        handle.optuna_study.set_user_attr(TEST_EVALUATIONS, count)


def _kept_trainings(handle: StudyHandle) -> KeptTrainings:
    """Return the final trainings that an earlier, interrupted call of `best` has finished."""
    definition = handle.definition
    folder = Path("runs") / handle.name / "final_trainings"
    digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    fallback = data_directory() / "final_trainings" / digest  # if the disk of runs/ is full
    return KeptTrainings(
        folders=(folder, fallback),
        digest_of=lambda candidate: definition.digest(
            [(candidate.architecture, candidate.settings)]
        ),
        load_model=handle.load_model,
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
