"""A study as its user sees it: create or continue it, run it, and read its results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcn_search.baselines.recurrent import CELLS
from tcn_search.evaluation.comparison import Comparison, Run
from tcn_search.evaluation.final_progress import FinalProgress
from tcn_search.evaluation.final_training import SeedRun
from tcn_search.evaluation.winner import Winner
from tcn_search.planning.architecture import Architecture
from tcn_search.search.callbacks import TrialCallback
from tcn_search.search.definition import Definition
from tcn_search.search.final_settings import FinalSettings
from tcn_search.search.progress import Progress
from tcn_search.search.search_settings import SearchSettings
from tcn_search.search.trial_record import Candidate
from tcn_search.settings import TrainingSettings
from tcn_search.space.constraints import Constraints
from tcn_search.space.search_space import SearchSpace
from tcn_search.study.comparing import ComparisonArguments, compare_with_others
from tcn_search.study.creation import StudyArguments, create_or_load
from tcn_search.study.evaluations import with_simple_baselines
from tcn_search.study.final_trainings import BestArguments, find_best
from tcn_search.study.results import StudyResults
from tcn_search.study.running import run_study, worker_slots
from tcn_search.study.summary import summary_html
from tcn_search.tasks.task import Task
from tcn_search.tasks.training_data import TrainingData
from tcn_search.workers.ray_executor import AnyExecutor
from tcn_search.workers.slots import WorkerPlan

if TYPE_CHECKING:
    import keras
    import pandas as pd


class Study:
    """A hyperparameter study of TCNs on a task; continued if the storage has one of this name.

    Args:
        name: of the study in its storage.
        task: needed to create the study, and to train one that was created from arrays. A task
            that is given to an existing study must be the same.
        space, constraints, training, search, final: what is searched, and how the winner is
            trained; fixed when the study is created. An existing study needs none of them.
        backend: "tensorflow", "jax" or "torch"; None or "auto": see `workers.backends`.
        storage, folder: database URL, by default `sqlite:///runs/studies.db`; where models go.
        start_from: a study, or its name in the storage, whose best trials a new study tries first.
        model_fn: your own function that builds the model around the TCN, or its name as
            "module:function" or "path/to/file.py:function"; see docs/your-own-model.md.
        allow_changes: continue an existing study although arguments or versions differ; the
            differences are recorded. Choices and objectives cannot change.

    Attributes:
        results: everything that can be read of the study.
        ended_early: why the last run ended before its last trial; "" if it did not.

    Raises:
        InputError: an argument cannot be used, or a study of this name has another definition.
    """

    results: StudyResults

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
        folder: str | Path | None = None,
        start_from: str | Study | None = None,
        model_fn: str | Callable[..., keras.Model] | None = None,
        allow_changes: bool = False,
        final: FinalSettings | None = None,
    ) -> None:
        arguments = StudyArguments(
            task=task,
            space=space,
            constraints=constraints,
            training=training,
            search=search,
            backend=backend,
            start_from=start_from.results if isinstance(start_from, Study) else start_from,
            model_fn=model_fn,
            allow_changes=allow_changes,
            final=final,
            folder=folder,
        )
        self.name = name
        self.ended_early = ""
        self._handle = create_or_load(name, storage, arguments)
        self.results = StudyResults(self._handle)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Answer by `results` too, where some methods of earlier versions are now."""
            if name.startswith("_") or not hasattr(StudyResults, name):
                raise AttributeError(f"'Study' object has no attribute {name!r}")
            return getattr(self.results, name)

        def __dir__(self) -> list[str]:
            return sorted({*super().__dir__(), *dir(self.results)})

    def __repr__(self) -> str:
        return repr(self.results)

    def _repr_html_(self) -> str:
        return summary_html(self.snapshot())

    @property
    def definition(self) -> Definition:
        """Task, space, constraints and settings of the study."""
        return self._handle.definition

    @property
    def task(self) -> Task:
        """The task with its data, read again from its source if need be."""
        return self._handle.task

    @property
    def training_data(self) -> TrainingData:
        """What trials are trained on and judged by: training and validation split, or the folds."""
        return self._handle.training_data

    def run(
        self,
        trials: int = 50,
        *,
        timeout: float | None = None,
        workers: int | str | WorkerPlan = "auto",
        trial_timeout: float | None = None,
        patience: int | None = None,
        executor: AnyExecutor | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        callbacks: Sequence[TrialCallback] = (),
    ) -> None:
        """Search until the study has `trials` finished trials. Running it again continues.

        Ctrl-C stops it; running trials are enqueued again for the next run.

        Args:
            trials: number of finished trials that the study has in the end.
            timeout: seconds after which the run ends. Trials that are then in training are pruned,
                unless they will soon be complete or no trial of the study is complete yet.
            workers: number of processes that train at the same time, "auto" for what suits the
                machine, or a plan from `crew`. With several, the order of trials varies.
            trial_timeout: seconds after which a trial is timed out.
            patience: start no trial after this many in a row without a new best.
            executor: trains instead: `ts.RayExecutor()`, `InProcessExecutor(study.training_data)`.
            on_progress: called after every epoch and trial; default: a bar in notebooks, or a log.
            callbacks: `TrialCallback`s, which are told of every epoch and every trial.

        Raises:
            InputError: bad arguments.
            LeaseError, TrialsFailedError: another process runs this study; many trials failed.
        """
        self.ended_early = ""
        self.ended_early = run_study(
            self._handle,
            trials,
            timeout=timeout,
            workers=workers,
            trial_timeout=trial_timeout,
            patience=patience,
            executor=executor,
            on_progress=on_progress,
            callbacks=callbacks,
        )

    def crew(
        self, workers: int | str = "auto", workers_per_gpu: int = 1, trials: int | None = None
    ) -> WorkerPlan:
        """Plan the workers of a run on this machine; `str()` of the plan is one line.

        `workers_per_gpu` counts where the backend can use GPUs and `workers` is "auto". No more
        workers are planned than trials are left.
        """
        return worker_slots(self._handle, workers, workers_per_gpu, trials)

    def best(
        self,
        top: int | None = None,
        seeds: int | None = None,
        *,
        limits: Mapping[str, float] | None = None,
        out: str | Path | None = None,
        refit: bool | None = None,
        single: bool | None = None,
        workers: int | str = "auto",
        timeout: float | None = None,
        executor: AnyExecutor | None = None,
        on_run: Callable[[SeedRun], None] | None = None,
        on_progress: Callable[[FinalProgress], None] | None = None,
    ) -> Winner:
        """Choose among the best trials, train the winner over seeds, save and score an ensemble.

        The best trials are trained again before one is chosen. The test split is used last, in one
        test evaluation. A call for the same trainings returns the stored result, and none that has
        finished is made again. Arguments that are None are as the study's `FinalSettings` say.

        Args:
            top: how many of the best trials are trained again; 1 takes the first at once.
            seeds: final trainings, with the first seeds that nothing was chosen with.
            limits: largest cost of a trial, such as {"params": 50_000}; see `candidates`.
            out: where the model is saved; default `best.keras` in the study's folder.
            refit: train on training and validation split together, for all epochs.
            single: save the best final training on validation, not the ensemble.
            workers: processes that train at the same time, or "auto" for what suits the machine.
            timeout: seconds for all trainings; fewer and shorter ones keep it.
            executor: trains instead, as of `run`.
            on_run, on_progress: called after every training and epoch; default: a bar, or a log.

        Raises:
            InputError: bad arguments, no complete trial, or the model cannot be saved.
            LeaseError, TrialsFailedError: another process runs this study now; a training failed.
        """
        given = BestArguments(
            top=top,
            seeds=seeds,
            limits=limits,
            out=out,
            refit=refit,
            single=single,
            workers=workers,
            timeout=timeout,
            executor=executor,
            on_run=on_run,
            on_progress=on_progress,
        )
        return with_simple_baselines(self._handle, find_best(self._handle, given))

    def best_model(self, seeds: int | None = None) -> keras.Model:
        """Return the model that `best` saves."""
        return self._handle.load_model(self.best(seeds=seeds).model_file)

    def compare(
        self,
        against: Sequence[str] = CELLS,
        learning_rates: int = 3,
        seeds: int = 3,
        *,
        workers: int | str = "auto",
        executor: AnyExecutor | None = None,
        on_run: Callable[[Run], None] | None = None,
        on_progress: Callable[[FinalProgress], None] | None = None,
    ) -> Comparison:
        """Compare the winner's architecture with recurrent networks of its size, and others.

        Every network gets the same data, epochs and number of learning rates, judged on validation.
        With the best rate it is trained over seeds and scored on the test split: one test
        evaluation for each contender. A second call continues, with more contenders too.

        Args:
            against: names of docs/comparison.md, such as "lstm:2", "resnet" or "mini_rocket".
            learning_rates: how many each network tries, with even ratios; the TCN also its own.
            seeds: final trainings of each.
            workers, executor, on_progress: as of `best`.
            on_run: called after every run that is complete: a final one when it is scored.

        Raises:
            InputError, LeaseError, TrialsFailedError: as `best`.
        """
        given = ComparisonArguments(
            against=against,
            learning_rates=learning_rates,
            seeds=seeds,
            workers=workers,
            executor=executor,
            on_run=on_run,
            on_progress=on_progress,
        )
        return compare_with_others(self._handle, given)

    @property
    def finished(self) -> int:
        """Number of trials that count against the number asked for; see `TrialStatus`."""
        return self.results.finished

    def snapshot(self) -> StudyResults:
        """Return the results as they are now, from one reading of the trials."""
        return self.results.snapshot()

    def trials(self) -> pd.DataFrame:
        """Return one row a trial; see `study.frame.trials_frame` for the columns."""
        return self.results.trials()

    def learning_curves(self) -> pd.DataFrame:
        """Return one row an epoch of a trial; see `study.frame.curves_frame` for the columns."""
        return self.results.learning_curves()

    def pareto(self) -> pd.DataFrame:
        """Return the trials on the Pareto front, best score first; see `StudyResults.pareto`."""
        return self.results.pareto()

    def candidates(
        self, top: int = 1, limits: Mapping[str, float] | None = None
    ) -> list[Candidate]:
        """Return the `top` best complete trials, best first, with settings of a final training.

        Trials of one architecture with the same settings are one candidate.

        Args:
            limits: largest "params", "multiply_adds" or "latency" (ms): {"params": 50_000}.
        """
        return self.results.candidates(top, limits)

    @property
    def best_trial(self) -> int | None:
        """Number of the trial with the best score, or None if none is complete yet."""
        return self.results.best_trial

    @property
    def best_architecture(self) -> Architecture:
        """The architecture of the trial with the best score."""
        return self.results.best_architecture

    @property
    def best_score(self) -> float:
        """The score of the best trial."""
        return self.results.best_score

    @property
    def winner(self) -> Winner | None:
        """The last result of `best`, or None; with the present number of test evaluations."""
        return self.results.winner

    @property
    def comparison(self) -> Comparison | None:
        """The result of `compare` so far, or None."""
        return self.results.comparison

    @property
    def test_evaluations(self) -> int:
        """Times that the test split was used; see `StudyResults.test_evaluations`."""
        return self.results.test_evaluations

    @property
    def changes(self) -> list[dict[str, Any]]:
        """Changes accepted with `allow_changes`: {"when": ISO 8601 in UTC, "what": [lines]}."""
        return self.results.changes
