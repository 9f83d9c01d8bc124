"""A study: a task and a space, the trials made so far, and what was found."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import optuna

from tcn_search.arguments import positive_integer, positive_seconds, received
from tcn_search.atomic_files import reason_of
from tcn_search.baselines.recurrent import CELLS
from tcn_search.custom_model.model_function import model_function
from tcn_search.errors import InputError, StudyDeleted
from tcn_search.evaluation.comparison import Comparison, Run
from tcn_search.evaluation.contenders import Contest, prepare_contest
from tcn_search.evaluation.final_training import SeedRun
from tcn_search.evaluation.kept_trainings import KeptTrainings
from tcn_search.evaluation.winner import Winner, find_winner, fresh_seeds
from tcn_search.formats.download import data_directory
from tcn_search.search.definition import Definition, SearchSettings
from tcn_search.search.grid import grid_size
from tcn_search.search.interrupts import interrupts_heard
from tcn_search.search.loop import Proposals, Search
from tcn_search.search.progress import Progress, print_progress
from tcn_search.search.pruners import make_pruner
from tcn_search.search.retries import sweep
from tcn_search.search.samplers import make_sampler
from tcn_search.search.warm_start import Recipe, WarmStart, known_recipes, recipes_of, warm_start
from tcn_search.settings import TrainingSettings
from tcn_search.space.constraints import Constraints
from tcn_search.space.search_space import SearchSpace
from tcn_search.storage.connection import database_errors, open_storage, storage_errors
from tcn_search.storage.lease import Lease
from tcn_search.storage.studies import how_to_delete, list_studies, no_such_study
from tcn_search.storage.urls import storage_url
from tcn_search.study.changes import (
    record_changes,
    require_changeable,
    require_same,
    store_versions,
    stored_versions,
    version_differences,
    versions_now,
)
from tcn_search.study.creation import make_study, store_definition, stored_definition
from tcn_search.study.custom_model import (
    model_now,
    require_not_imported,
    require_same_model,
    require_usable_model,
)
from tcn_search.study.names import require_new_name
from tcn_search.study.results import COMPARISON, TEST_EVALUATIONS, WINNER, StudyRecord
from tcn_search.tasks.registry import load_task
from tcn_search.tasks.task import Task
from tcn_search.tasks.training_data import TrainingData
from tcn_search.workers.backends import backends_on_gpu, resolve_backend, use_backend
from tcn_search.workers.executor import Executor
from tcn_search.workers.process_executor import ProcessExecutor
from tcn_search.workers.resources import this_machine
from tcn_search.workers.slots import Crew, spread

if TYPE_CHECKING:
    import keras

STARTING_TRIALS = 5  # of another study


class Study(StudyRecord):
    """A hyperparameter study of TCNs on one task, kept in a storage and continued there.

    Args:
        name: of the study in its storage.
        task: needed to create the study. An existing one finds its task again by itself, unless it was made
            from arrays; given, it must be the same task.
        space, constraints, training, search: what is searched and how; fixed when the study is created.
            Left out for an existing study, they are the study's own.
        backend: "tensorflow", "jax" or "torch"; None or "auto": for a new study KERAS_BACKEND, or else what suits
            the machine (see `workers.backends`); for an existing one its own.
        storage: a database URL; default $TCN_SEARCH_STORAGE, else `sqlite:///runs/studies.db`, relative to the
            working directory.
        start_from: a study, or its name in the storage, whose best trials a new study tries first.
        model_fn: your own function that builds the model around our TCN, or its name as "module:function" or
            "path/to/file.py:function"; see docs/your-own-model.md. It is tried before a study is made.
        allow_changes: go on with an existing study though what is given, or a version, is not what it was made
            with; what differs is recorded. Choices and objectives cannot change.

    Raises:
        InputError: something that cannot be used, or a study of this name with another definition.
    """

    def __init__(
        self,
        name: str,
        task: Task | None = None,
        space: SearchSpace | None = None,
        constraints: Constraints | None = None,
        training: TrainingSettings | None = None,
        search: SearchSettings | None = None,
        *,
        backend: str | None = None,
        storage: str | None = None,
        start_from: str | Study | None = None,
        model_fn: str | Callable[..., keras.Model] | None = None,
        allow_changes: bool = False,
    ) -> None:
        require_not_imported()
        _check_name(name)
        storage = storage_url(storage)
        self.name = name
        self._url = storage
        self._task = task
        self._allow_changes = allow_changes
        self._changes = list[str]()
        exists = name in list_studies(storage)
        if task is None and not exists:
            raise no_such_study(name, list_studies(storage), storage)
        stored = stored_definition(name, storage) if exists else None
        if task is None and stored is None:
            raise InputError(
                f"The making of the study {name!r} was cut short. The command that made it makes it anew, or remove it "
                f"with {how_to_delete(name, storage)}."
            )
        model = None if model_fn is None else model_function(model_fn)
        if stored is None:
            assert task is not None
            if not exists:
                require_new_name(name)
            made = Definition.of(task, space, constraints, training, search, model=model)
            self.definition: Definition = replace(made, backend=resolve_backend(backend or "auto"))
            self._sampler()  # a missing package is said before anything is written
            if model is not None:
                require_usable_model(self.definition)
            make_study(name, storage, self.definition, self._warm_start(start_from))
        else:
            self.definition = stored
            wanted = stored.backend if backend in (None, "auto") else resolve_backend(str(backend))
            if task is None:
                given = replace(
                    stored,
                    space=space or stored.space,
                    constraints=constraints or stored.constraints,
                    training=training or stored.training,
                    search=search or stored.search,
                    backend=wanted,
                    model=model or stored.model,
                ).checked()
            else:
                given = Definition.of(
                    task,
                    space or stored.space,
                    constraints or stored.constraints,
                    training or stored.training,
                    search or stored.search,
                    wanted,
                    model or stored.model,
                )
            self._changes = stored.differences(given)
            if allow_changes:
                require_changeable(name, stored, given)
                self.definition = given
            else:
                require_same(name, self._changes)
                self.definition = replace(
                    stored, model=given.model
                )  # its file may be elsewhere now
        self._checked = set()
        self._storage = open_storage(self._url)
        self._optuna = self._load()
        self.ended_early = ""  # why the last run ended before its last trial

    def _warm_start(self, start_from: str | Study | None) -> WarmStart:
        """What a new study tries first."""
        definition = self.definition
        sampler = self.definition.search.sampler
        if start_from is not None and (sampler == "grid" or definition.search.is_keras_tuner):
            raise InputError(
                f'start_from (--from) needs a sampler that takes proposals. Received: sampler "{sampler}"'
            )
        if sampler == "grid":
            grid_size(
                definition.task_space()
            )  # says what is wrong with it before anything is written
            return WarmStart()
        if definition.search.is_keras_tuner:
            return WarmStart()
        recipes: list[Recipe] = []
        if start_from is not None:
            other = (
                start_from if isinstance(start_from, Study) else load_study(start_from, self._url)
            )
            recipes = recipes_of(
                other.name, other.candidates(STARTING_TRIALS), other.definition.space.settings
            )
        if definition.search.warm_start:
            recipes += known_recipes(definition, definition.task_space())
        return warm_start(definition, recipes)

    def _load(self) -> optuna.Study:
        with storage_errors(storage_url(self._url)):
            return optuna.load_study(study_name=self.name, storage=self._storage)

    def _sampler(self, trials_so_far: int = 0) -> optuna.samplers.BaseSampler:
        """The sampler; its seed moves on with the study, so that a continued one does not repeat itself."""
        search = self.definition.search
        return make_sampler(search.sampler, (search.seed + trials_so_far) % 2**31)

    @property
    def task(self) -> Task:
        """The task with its data, read again where it came from if need be."""
        if self._task is None:
            source = self.definition.source
            if source is None:
                raise InputError(
                    f"The study {self.name!r} was made from arrays. Give them again: Study({self.name!r}, task=...)"
                )
            self._task = load_task(source["name"], **source["options"])
            if self._task.fingerprint() != self.definition.fingerprint:
                raise InputError(
                    f"The data of {source['name']} is not what the study {self.name!r} was made with."
                )
        return self._task

    @property
    def training_data(self) -> TrainingData:
        """What trials are trained on and judged by: training and validation part, and the folds if any."""
        return self.task.cross_validated(self.definition.search.folds)

    def run(
        self,
        trials: int = 50,
        *,
        timeout: float | None = None,
        workers: int | str | Crew = "auto",
        trial_timeout: float | None = None,
        patience: int | None = None,
        executor: Executor | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        """Search until the study has `trials` finished trials. Running it again continues.

        Ctrl-C stops it; what was in training is queued again for the next run.

        Args:
            trials: finished trials that the study shall have in the end.
            timeout: seconds after which no further trial is started.
            workers: processes that train at the same time, "auto" for what suits the machine, or a `crew`.
                With several, the order of trials is not the same every time.
            trial_timeout: seconds after which a trial ends, pruned.
            patience: start no further trial after so many finished ones in a row that were not the best so far.
            executor: who trains instead, such as `InProcessExecutor(study.training_data)` for debugging.
            on_progress: called after every epoch and every trial; default: prints a line a trial.

        Raises:
            InputError: bad arguments, or another process runs this study now.
        """
        positive_integer("trials", trials)
        if patience is not None:
            positive_integer("patience", patience)
        for limit, value in (("timeout", timeout), ("trial_timeout", trial_timeout)):
            if value is not None:
                positive_seconds(limit, value)
        if executor is None:
            if self.definition.model is not None:
                self.definition.model.require_importable()
            crew = workers if isinstance(workers, Crew) else self.crew(workers, trials=trials)
        show = on_progress or print_progress
        with self._leased() as lease, interrupts_heard() as require_no_interrupt:

            def show_and_go_on(progress: Progress) -> None:
                show(progress)
                require_no_interrupt()

            self._accept_changes()
            self._trials()  # damaged ones are told before anything is changed
            sweep(self._optuna, self.definition)
            if self.finished >= trials:
                return
            self._optuna.sampler = self._sampler(len(self._trials()))
            self._optuna.pruner = make_pruner(
                self.definition.search.pruner_used,
                self.definition.training.epochs,
                self.definition.search.folds,
            )
            search = Search(
                self._optuna,
                self.definition,
                trials,
                timeout,
                show_and_go_on,
                trial_timeout,
                patience,
                lease.require,
                self._proposals(),
            )
            if executor is None:
                executor = ProcessExecutor(self.training_data, crew.places)
                if on_progress is None:
                    print(*self.notes, crew, sep="\n", flush=True)
            try:
                executor.run(search)
            finally:
                executor.close()
                search.abandon()
                self.ended_early = search.ended

    @contextmanager
    def _leased(self) -> Iterator[Lease]:
        """Hold the study, so that no other process runs, judges or deletes it meanwhile."""
        try:
            with database_errors(self._url):
                lease = Lease(self._storage, self.name)
                try:
                    lease.take()
                    with lease.kept():
                        yield lease
                finally:
                    lease.let_go()
        except StudyDeleted:
            raise StudyDeleted(f"The study {self.name!r} was deleted while it ran.") from None

    def _proposals(self) -> Proposals | None:
        """Who proposes trials in Optuna's place, if anybody."""
        if not self.definition.search.is_keras_tuner:
            return None
        use_backend(self.definition.backend)
        from tcn_search.tuner.proposals import KerasTunerProposals

        return KerasTunerProposals(self._optuna, self.definition)

    def _accept_changes(self) -> None:
        """Record what is not as it was when the study was made; refuse it where that was not allowed."""
        now = versions_now(self.definition.backend)
        definition, model_line = self._with_model_now()
        versions = version_differences(stored_versions(self._optuna), now)
        differences = [*self._changes, *model_line, *versions]
        if not differences:
            return
        if not self._allow_changes:
            require_same(self.name, differences)
        if any(line.startswith("model: ") for line in differences):
            require_usable_model(definition)
        # The record comes first: a kill from here on may make it twice, but cannot hide it.
        record_changes(self._optuna, differences)
        self.definition = definition
        store_definition(self._optuna, self.definition)
        store_versions(self._optuna, now)
        self._changes = []

    def _record_given_changes(self) -> None:
        """What `allow_changes` let through, before something is trained with it."""
        if self._changes:
            self._accept_changes()

    def _with_model_now(self) -> tuple[Definition, list[str]]:
        """The definition with the model function as it is now, and a line if that is not as it was."""
        if self.definition.model is None:
            return self.definition, []
        now = replace(self.definition, model=model_now(self.name, self.definition.model))
        return now, self.definition.differences(now)

    def crew(
        self, workers: int | str = "auto", workers_per_gpu: int = 1, trials: int | None = None
    ) -> Crew:
        """The workers that a run would have on this machine; `str()` says it in a line.

        Args:
            workers: how many, or "auto".
            workers_per_gpu: where there are GPUs that the backend can use, and `workers` is "auto".
            trials: that the study shall have in the end; more workers than trials are left are of no use.
        """
        machine = this_machine()
        backend = self.definition.backend
        return spread(
            machine,
            backend,
            workers=workers,
            workers_per_gpu=workers_per_gpu,
            trials=None if trials is None else trials - self.finished,
            data_bytes=self.training_data.bytes_in_a_worker,
            on_gpu=bool(machine.gpus) and backend in backends_on_gpu(),
        )

    def best(
        self,
        top: int = 1,
        seeds: int = 3,
        *,
        limits: Mapping[str, float] | None = None,
        out: str | Path | None = None,
        refit: bool = False,
        on_run: Callable[[SeedRun], None] | None = None,
    ) -> Winner:
        """Train the `top` best trials again over seeds, rank them, score the winner on the test split.

        That is one test evaluation. Asked again for the same trials and seeds, it returns what is stored and
        evaluates nothing.

        Args:
            top: how many of the best trials.
            seeds: trainings of each, with the seeds 0, 1, ... but none that a candidate was chosen with.
            limits: most that a trial may cost, such as {"params": 50_000}; see `candidates`.
            out: where the winner's best model is saved; default `runs/NAME/best.keras`.
            refit: train the winner again on training and validation part together, for as many epochs as its
                best ones were on average; the test split judges these models, and one of them is saved.
        """
        positive_integer("seeds", seeds)
        if out is not None and Path(out).suffix != ".keras":
            raise InputError(f"out must be a file that ends in .keras. Received: {out}")
        file = Path(out) if out is not None else Path("runs") / self.name / "best.keras"
        candidates = self.candidates(top, limits)
        fresh = fresh_seeds(
            seeds, {self.definition.seed_of(candidate.trial) for candidate in candidates}
        )
        wanted = {(candidate.trial, seed) for candidate in candidates for seed in fresh}
        made_with = self.definition.digest([(one.architecture, one.settings) for one in candidates])

        def stored() -> Winner | None:
            found = self.winner
            return (
                found
                if found is not None and found.answers(wanted, made_with, file, refit)
                else None
            )

        answer = stored()
        if answer is not None:
            return answer
        use_backend(self.definition.backend)
        require_same_model(self.name, self.definition)
        _require_writable(file)  # now, not after the trainings
        with self._leased() as lease:
            answer = stored()  # of a process that held the study until now
            if answer is not None:
                return answer
            self._record_given_changes()

            def before_the_test() -> None:
                """Record the test evaluation before it happens, so that a crash cannot hide it; drop the old winner."""
                lease.require()
                self._count_test_evaluation()
                self._optuna.set_user_attr(WINNER, None)

            kept = self._kept_trainings()
            winner = find_winner(
                candidates,
                self.task,
                self.definition.objective,
                fresh,
                file,
                on_run,
                refit,
                self.definition.model,
                before_the_test,
                kept,
            )
            winner.made_with = made_with
            winner.read_at = _now()
            winner.readings = self.test_evaluations
            self._optuna.set_user_attr(WINNER, winner.to_dict())
            kept.remove()
            return winner

    def _kept_trainings(self) -> KeptTrainings:
        """The trainings that an earlier call of `best` has made, which did not come to its end."""
        definition = self.definition
        folder = Path("runs") / self.name / "final_trainings"
        place = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
        return KeptTrainings(
            folders=(
                folder,
                data_directory() / "final_trainings" / place,
            ),  # the disk of runs/ may be full
            digest_of=lambda one: definition.digest([(one.architecture, one.settings)]),
            load_model=self._load_model,
        )

    def _load_model(self, file: str | Path) -> keras.Model:
        from tcn_search.models.build import load_model

        if self.definition.model is not None:
            self.definition.model.load()  # for layers that the user made
        return load_model(file)

    def _count_test_evaluation(self) -> None:
        """Record one more test evaluation, if the task has a test split."""
        if self.task.test is not None:
            self._optuna.set_user_attr(TEST_EVALUATIONS, self.test_evaluations + 1)

    def compare(
        self,
        against: Sequence[str] = CELLS,
        learning_rates: int = 3,
        seeds: int = 3,
        *,
        on_run: Callable[[Run], None] | None = None,
    ) -> Comparison:
        """Hold the winner's architecture against recurrent networks of its size.

        Every contender, the TCN too, gets the same data, epochs, early stopping and number of learning rates,
        judged by the validation split; then its best one is trained over seeds and scored on the test split: one
        test evaluation for each contender. Stopped and called again, it continues, with more seeds or other
        contenders too.

        Args:
            against: "simple_rnn", "gru", "lstm"; "lstm:2" has two layers.
            learning_rates: tried for each contender, evenly on a logarithm over the space's range; for the
                TCN the study's own takes the place of the nearest.
            seeds: final trainings of each.
            on_run: called after every training.
        """
        use_backend(self.definition.backend)
        require_same_model(self.name, self.definition)
        contest = self._contest(against, learning_rates, seeds)
        if contest.is_over:
            return contest.comparison
        with self._leased() as lease:
            contest = self._contest(
                against, learning_rates, seeds
            )  # with the runs stored until now
            self._record_given_changes()
            evaluated = set[str]()  # contenders, by this call

            def before_the_test(contender: str) -> None:
                """Record a contender's test evaluation before it happens, so that a crash cannot hide it."""
                lease.require()
                if contender not in evaluated:
                    self._count_test_evaluation()
                    evaluated.add(contender)

            def keep(run: Run) -> None:
                lease.require()
                self._optuna.set_user_attr(COMPARISON, contest.comparison.to_dict())
                if on_run is not None:
                    on_run(run)

            contest.train(keep, before_the_test)
            return contest.comparison

    def _contest(self, against: Sequence[str], learning_rates: int, seeds: int) -> Contest:
        """A comparison of the winner, or of the best trial, with the runs stored so far."""
        winner = self.winner
        return prepare_contest(
            self.definition,
            self.task,
            self.candidates()[0] if winner is None else self.candidate(winner.trial),
            self.comparison,
            against,
            learning_rates,
            seeds,
        )

    def best_model(self, seeds: int = 3) -> keras.Model:
        """The winner's best model over `seeds` trainings; see `best`."""
        return self._load_model(self.best(seeds=seeds).model_file)


def load_study(name: str, storage: str | None = None) -> Study:
    """A study that exists.

    Raises:
        InputError: there is no such study; the error lists those there are.
    """
    return Study(name, storage=storage)


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


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not name or name in (".", "..") or set(name) & set("/\\:\0\n"):
        raise InputError(
            f"A study's name must be text that can be a folder's name. Received: {received(name)}"
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
