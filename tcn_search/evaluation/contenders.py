"""Train the TCN and its contenders for a comparison; runs that are stored are not repeated."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tcn_search.arguments import positive_integer
from tcn_search.baselines.aeon_estimators import check_aeon
from tcn_search.baselines.contender_names import AEON, CONVOLUTIONAL, TCN, read_contenders, title
from tcn_search.baselines.recurrent import CELLS
from tcn_search.errors import InputError
from tcn_search.evaluation.comparison import SEARCH_SEED, Comparison, Run
from tcn_search.evaluation.contender_runs import run_of_estimator, run_of_network, with_scores
from tcn_search.evaluation.final_progress import FinalProgress
from tcn_search.evaluation.final_training import WantedTraining
from tcn_search.evaluation.final_trainings import FinalTrainings, TrainingContext
from tcn_search.search.definition import Definition
from tcn_search.search.trial_record import Candidate
from tcn_search.space.dimensions import Range
from tcn_search.tasks.task import Task
from tcn_search.tasks.task_spec import TaskSpec
from tcn_search.workers.executor import Executor
from tcn_search.workers.job_data import JobData

_LEARNING_RATES = (1e-4, 1e-2)  # where the space does not search a range


def learning_rates(count: int, low: float, high: float, known: float | None = None) -> list[float]:
    """Return `count` learning rates from low to high, evenly spaced on a logarithm.

    `known` takes the place of the nearest of them.

    >>> [round(rate, 6) for rate in learning_rates(3, 1e-4, 1e-2, known=2e-3)]
    [0.0001, 0.002, 0.01]
    """
    if count == 1:
        rates = [math.sqrt(low * high)]
    else:
        step = math.log(high / low) / (count - 1)
        rates = [low * math.exp(step * number) for number in range(count)]
    if known is not None:
        nearest = min(range(count), key=lambda number: abs(math.log(rates[number] / known)))
        rates[nearest] = known
    return rates


@dataclass(frozen=True)
class ComparisonRunner:
    """Makes the runs that a comparison lacks.

    Args:
        comparison: with the runs made so far; new ones are added to it.
        candidate: the TCN; its settings but for the learning rate hold for all networks.
        parameters: of the TCN, to which recurrent networks are sized.
        rates: smallest and largest learning rate that is tried.
        task: with its data.
    """

    comparison: Comparison
    candidate: Candidate
    parameters: int
    rates: tuple[float, float]
    task: Task

    @property
    def is_complete(self) -> bool:
        """Whether every run has been made."""
        return not self.trainings and not self._estimators()

    @property
    def trainings(self) -> int:
        """The number of trainings of networks that are left."""
        return len(self._rate_trainings()) + len(self._final_trainings())

    def train(
        self,
        context: TrainingContext,
        executor: Executor | None,
        *,
        load: Callable[[Path], Any],
        on_run: Callable[[Run], None],
        before_test_evaluation: Callable[[str], None],
    ) -> None:
        """Make the missing runs: learning rates, final trainings, scores on test, estimators.

        Networks are trained by the executor, which never sees the test split, and scored on it
        here. The estimators, which use all cores themselves, are fitted here, one after the other.

        Args:
            context: of the trainings; the models of final trainings are kept until the end.
            executor: is closed when it has trained; None where no network is left to train.
            load: reads a model's file.
            on_run: called after each run, which is in the comparison by then.
            before_test_evaluation: called with the contender before each of its final trainings is
                scored on the test split.
        """
        try:
            self._choose_rates(context, executor, on_run)
            wanted = self._final_trainings()
            finals = FinalTrainings("final trainings", wanted, context)
            _train(finals, executor)
        finally:  # the memory of workers is free before models are loaded here
            if executor is not None:
                executor.close()
        for each, training in zip(wanted, finals.finished, strict=True):
            context.require_ownership()
            finals.show_step(f"scoring {title(each.contender)}, seed {each.seed}")
            run = run_of_network(each, training.run)
            if training.model_file is not None:
                file = training.model_file
                run = with_scores(run, file, self.task, load, before_test_evaluation)
            self._add(run, on_run)
        for contender, seed in self._estimators():
            context.require_ownership()
            finals.show_step(f"fitting {title(contender)}, seed {seed}")
            self._add(run_of_estimator(contender, seed, self.task, before_test_evaluation), on_run)
        context.kept.remove()

    def _choose_rates(
        self, context: TrainingContext, executor: Executor | None, on_run: Callable[[Run], None]
    ) -> None:
        """Train every network with each learning rate; a run is stored as soon as it is over."""
        wanted = self._rate_trainings()

        def show(progress: FinalProgress) -> None:
            context.on_progress(progress)
            if progress.run is not None and progress.training is not None:
                self._add(run_of_network(progress.training, progress.run), on_run)

        trainings = FinalTrainings(
            "learning rates",
            wanted,
            replace(context, on_progress=show),
            later=self._final_trainings(),
        )
        _train(trainings, executor)
        made = self._made()
        for each, training in zip(wanted, trainings.finished, strict=True):
            if _key(each) not in made:  # it was kept by a process that died before it stored it
                self._add(run_of_network(each, training.run), on_run)

    def _add(self, run: Run, on_run: Callable[[Run], None]) -> None:
        self.comparison.runs.append(run)
        on_run(run)

    def _made(self) -> set[tuple[str, float, int]]:
        return {(run.contender, run.learning_rate, run.seed) for run in self.comparison.runs}

    def _rate_trainings(self) -> list[WantedTraining]:
        """Return the missing trainings that choose learning rates."""
        wanted = [
            self._training(contender, rate, SEARCH_SEED)
            for contender in self._networks
            for rate in self._rates_of(contender)
        ]
        made = self._made()
        return [training for training in wanted if _key(training) not in made]

    def _final_trainings(self) -> list[WantedTraining]:
        """Return the missing final trainings of networks.

        Those of a network whose learning rate is not chosen yet have the first one it tries.
        """
        wanted = []
        for contender in self._networks:
            rate = self._rates_of(contender)[0]
            if self.comparison.searched(contender):
                rate = self.comparison.best_learning_rate(contender)
            for seed in self.comparison.seeds_of(contender):
                wanted.append(self._training(contender, rate, seed))
        made = self._made()
        return [training for training in wanted if _key(training) not in made]

    def _estimators(self) -> list[tuple[str, int]]:
        """Return contenders without learning rate, and seeds, that are not fitted yet."""
        made = self._made()
        return [
            (contender, seed)
            for contender in self.comparison.contenders
            for seed in self.comparison.seeds_of(contender)
            if contender in AEON and (contender, 0.0, seed) not in made
        ]

    @property
    def _networks(self) -> list[str]:
        return [name for name in self.comparison.contenders if name not in AEON]

    def _training(self, contender: str, rate: float, seed: int) -> WantedTraining:
        """Return a training of a network, which takes as long as its earlier ones did."""
        epochs = self.candidate.settings.epochs
        seconds = [(run.seconds or 0.0) / epochs for run in self.comparison.searched(contender)]
        return WantedTraining(
            candidate=replace(
                self.candidate, settings=replace(self.candidate.settings, learning_rate=rate)
            ),
            seed=seed,
            data=JobData.TRAINING,
            keeps_model=seed != SEARCH_SEED,
            seconds_an_epoch=statistics.median(seconds or [0.0]),
            contender=contender,
            parameters=self.parameters if _is_recurrent(contender) else 0,
            words=f"{title(contender)} with learning rate {rate:.2g}",
        )

    def _rates_of(self, contender: str) -> list[float]:
        """Return the learning rates that are tried for a network."""
        low, high = self.rates
        known = None
        if contender == TCN:
            known = self.candidate.settings.learning_rate
        return learning_rates(self.comparison.learning_rates, low, high, known)


def _key(training: WantedTraining) -> tuple[str, float, int]:
    """Return contender, learning rate and seed."""
    return training.contender, training.candidate.settings.learning_rate, training.seed


def _train(trainings: FinalTrainings, executor: Executor | None) -> None:
    """Train what is left, if anything is."""
    if trainings.needs_executor:
        assert executor is not None
        executor.run(trainings)


def _is_recurrent(contender: str) -> bool:
    """Return whether a contender is sized to the TCN."""
    return contender.partition(":")[0] in CELLS


def _require_usable(contenders: Sequence[str], spec: TaskSpec) -> None:
    """Raise an InputError if a contender cannot be used for the task or is not installed."""
    for contender in contenders:
        if contender in AEON:
            check_aeon(contender, spec)
        if contender in CONVOLUTIONAL and spec.task_kind.reads_every_step:
            raise InputError(
                f"{title(contender)} has one answer for each sequence. Received: a {spec.kind} "
                f"task ({spec.task_kind.description}). Leave {contender} out of against"
            )


def prepare_comparison(
    *,
    definition: Definition,
    task: Task,
    chosen: Candidate,
    parameters: int,
    stored: Comparison | None,
    against: Sequence[str],
    learning_rates: int,
    seeds: int,
) -> ComparisonRunner:
    """Prepare the comparison of a study's candidate with other contenders.

    Args:
        chosen: the candidate whose architecture is the TCN.
        parameters: of its model.
        stored: the study's comparison, whose runs are taken over if they train in the same way.
        against: names of contenders, as `read_contenders` takes them.
        learning_rates: how many are tried for each contender.
        seeds: final runs of each contender.

    Raises:
        InputError: an argument cannot be used.
    """
    positive_integer("learning_rates", learning_rates)
    positive_integer("seeds", seeds)
    others = read_contenders(against)
    _require_usable(others, definition.spec)
    metric = definition.spec.task_kind.metrics[0]
    test_size = 0
    if task.test is not None:
        test_size = len(task.test)
    comparison = Comparison(
        trial=chosen.trial,
        contenders=[TCN, *others],
        learning_rates=learning_rates,
        seeds=seeds,
        epochs=chosen.settings.epochs,
        patience=chosen.settings.patience,
        objective=definition.objective.name,
        direction=definition.objective.direction,
        metric=metric.name,
        metric_direction=metric.direction,
        made_with=definition.digest([(chosen.architecture, chosen.settings)]),
        chosen_with=definition.seed_of(chosen.trial),
        kind=definition.spec.kind,
        validation_size=len(task.validation),
        test_size=test_size,
    )
    if stored is not None and stored.is_same_as(comparison):
        comparison.runs.extend(stored.runs)
    rates = _LEARNING_RATES
    searched = definition.space.learning_rate
    if isinstance(searched, Range):
        rates = (searched.low, searched.high)
    return ComparisonRunner(
        comparison=comparison,
        candidate=chosen,
        parameters=parameters,
        rates=rates,
        task=task,
    )
