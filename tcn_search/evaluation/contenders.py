"""Train the TCN and its contenders for a comparison; runs that are stored are not repeated."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from tcn_search.arguments import positive_integer
from tcn_search.baselines.aeon_estimators import check_aeon
from tcn_search.baselines.contender_names import AEON, CONVOLUTIONAL, TCN, read_contenders, title
from tcn_search.baselines.recurrent import CELLS
from tcn_search.custom_model.model_function import ModelFunction
from tcn_search.errors import InputError
from tcn_search.evaluation.comparison import SEARCH_SEED, Comparison, Run
from tcn_search.evaluation.contender_training import ContenderJob, train_contender
from tcn_search.planning.architecture import Architecture
from tcn_search.search.definition import Definition
from tcn_search.search.trial_record import Candidate
from tcn_search.settings import TrainingSettings
from tcn_search.space.dimensions import Range
from tcn_search.tasks.kinds import Metric
from tcn_search.tasks.task import Task
from tcn_search.tasks.task_spec import TaskSpec

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


class PlannedRun(NamedTuple):
    """A training that a comparison needs; the learning rate is 0 where there is none."""

    contender: str
    learning_rate: float
    seed: int


@dataclass(frozen=True)
class ComparisonRunner:
    """Makes the runs that a comparison lacks.

    Args:
        comparison: with the runs made so far; new ones are added to it.
        architecture, settings: of the TCN; the settings but for the learning rate hold for all.
        rates: smallest and largest learning rate that is tried.
        task: with its data.
        model_function: a user's own function that builds the TCN's model, or None.
    """

    comparison: Comparison
    architecture: Architecture
    settings: TrainingSettings
    rates: tuple[float, float]
    task: Task
    model_function: ModelFunction | None

    def train(
        self,
        on_run: Callable[[Run], None],
        before_test_evaluation: Callable[[str], None],
    ) -> None:
        """Make the missing runs one after the other.

        Args:
            on_run: called after each run, which is in the comparison by then.
            before_test_evaluation: called with the contender before each of its final trainings is
                scored on the test split.
        """
        while planned := self.possible_runs():
            run = train_contender(self.job(planned[0]), self.task, before_test_evaluation)
            self.comparison.runs.append(run)
            on_run(run)

    @property
    def is_complete(self) -> bool:
        """Whether every run has been made."""
        return not self.possible_runs()

    def possible_runs(self) -> list[PlannedRun]:
        """Return the missing runs that can be made now, in any order or at the same time.

        The learning rates of a contender come before its final runs, which need the best of them.
        Recurrent networks come after the first run of the TCN, which shows its size.
        """
        made = {
            PlannedRun(run.contender, run.learning_rate, run.seed) for run in self.comparison.runs
        }
        possible = []
        for contender in self.comparison.contenders:
            planned = [
                PlannedRun(contender, rate, SEARCH_SEED) for rate in self._rates_of(contender)
            ]
            if made.issuperset(planned):
                best = self.comparison.best_learning_rate(contender)
                planned = [
                    PlannedRun(contender, best, seed)
                    for seed in self.comparison.seeds_of(contender)
                ]
            if not _is_recurrent(contender) or self.comparison.searched(TCN):
                possible += [run for run in planned if run not in made]
        return possible

    def job(self, planned: PlannedRun) -> ContenderJob:
        """Return a planned run as plain values, for `train_contender`."""
        settings = self.settings
        if planned.contender not in AEON:
            settings = replace(settings, learning_rate=planned.learning_rate)
        parameters = 0
        if _is_recurrent(planned.contender):
            parameters = self.comparison.searched(TCN)[0].parameters
        return ContenderJob(
            contender=planned.contender,
            seed=planned.seed,
            architecture=self.architecture,
            model_function=self.model_function,
            settings=settings,
            objective=Metric(self.comparison.objective, self.comparison.direction),
            parameters=parameters,
            is_final=planned.seed != SEARCH_SEED,
        )

    def _rates_of(self, contender: str) -> list[float]:
        """Return the learning rates that are tried for a contender; [] where it has none."""
        if contender in AEON:
            return []
        low, high = self.rates
        known = None
        if contender == TCN:
            known = self.settings.learning_rate
        return learning_rates(self.comparison.learning_rates, low, high, known)


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
    stored: Comparison | None,
    against: Sequence[str],
    learning_rates: int,
    seeds: int,
) -> ComparisonRunner:
    """Prepare the comparison of a study's candidate with other contenders.

    Args:
        chosen: the candidate whose architecture is the TCN.
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
        architecture=chosen.architecture,
        settings=chosen.settings,
        rates=rates,
        task=task,
        model_function=definition.model,
    )
