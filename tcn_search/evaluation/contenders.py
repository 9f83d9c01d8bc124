"""Train the TCN and its contenders for a comparison; runs that are stored are not repeated."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from tcn_search.arguments import positive_integer
from tcn_search.baselines.recurrent import Recurrent, sized_to
from tcn_search.custom_model.model_function import ModelFunction
from tcn_search.evaluation.comparison import SEARCH_SEED, TCN, Comparison, Run, read_contenders
from tcn_search.evaluation.final_training import score_on_test, train_once
from tcn_search.planning.architecture import Architecture
from tcn_search.search.definition import Definition
from tcn_search.search.trial_record import Candidate
from tcn_search.settings import TrainingSettings
from tcn_search.space.dimensions import Range
from tcn_search.tasks.kinds import Metric
from tcn_search.tasks.task import Task

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


class _PlannedRun(NamedTuple):
    """A training that a comparison needs."""

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
        while (planned := self._next()) is not None:
            run = self._train(planned, before_test_evaluation)
            self.comparison.runs.append(run)
            on_run(run)

    @property
    def is_complete(self) -> bool:
        """Whether every run has been made."""
        return self._next() is None

    def _next(self) -> _PlannedRun | None:
        """Return the first run that has not been made, or None.

        The learning rates of a contender come before its final runs, which need the best of them.
        """
        made = {
            _PlannedRun(run.contender, run.learning_rate, run.seed) for run in self.comparison.runs
        }
        for contender in self.comparison.contenders:
            planned = [
                _PlannedRun(contender, rate, SEARCH_SEED) for rate in self._rates_of(contender)
            ]
            if made.issuperset(planned):
                best = self.comparison.best_learning_rate(contender)
                planned = [
                    _PlannedRun(contender, best, seed) for seed in self.comparison.final_seeds
                ]
            for run in planned:
                if run not in made:
                    return run
        return None

    def _rates_of(self, contender: str) -> list[float]:
        """Return the learning rates that are tried for a contender."""
        low, high = self.rates
        known = None
        if contender == TCN:
            known = self.settings.learning_rate
        return learning_rates(self.comparison.learning_rates, low, high, known)

    def _train(self, planned: _PlannedRun, before_test_evaluation: Callable[[str], None]) -> Run:
        settings = replace(self.settings, learning_rate=planned.learning_rate)
        objective = Metric(self.comparison.objective, self.comparison.direction)

        def build() -> Any:
            return self._build(planned.contender, settings)

        trained = train_once(build, self.task, settings, objective, planned.seed)
        training = trained.training
        test = None
        is_final = planned.seed != SEARCH_SEED
        if is_final and self.task.test is not None and training.best_epoch > 0:
            before_test_evaluation(planned.contender)
            test = score_on_test(trained.model, self.task)
        return Run(
            contender=planned.contender,
            learning_rate=planned.learning_rate,
            seed=planned.seed,
            score=training.score,
            metric=trained.metric,
            best_epoch=training.best_epoch,
            # Without the first epoch, which includes the compilation, where there are others.
            seconds_an_epoch=statistics.median(trained.seconds[1:] or trained.seconds),
            parameters=int(trained.model.count_params()),
            test=test,
        )

    def _build(self, contender: str, settings: TrainingSettings) -> Any:
        if contender == TCN:
            from tcn_search.models.build import build_model

            function = None
            if self.model_function is not None:
                function = self.model_function.load()
            return build_model(self.architecture, self.task, settings, function)
        from tcn_search.baselines.build import build_baseline

        return build_baseline(self._sized(contender), self.task, settings)

    def _sized(self, contender: str) -> Recurrent:
        """Return a recurrent network with as many parameters as the TCN.

        The TCN is the first contender, so that its parameters are known by then.
        """
        cell, _, layers = contender.partition(":")
        spec = self.task.spec
        return sized_to(
            self.comparison.searched(TCN)[0].parameters,
            cell,
            int(layers or 1),
            input_channels=spec.input_channels,
            outputs=spec.outputs,
            vocabulary=spec.vocabulary,
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
    """Prepare the comparison of a study's candidate with recurrent networks.

    Args:
        chosen: the candidate whose architecture is the TCN.
        stored: the study's comparison, whose runs are taken over if they train in the same way.
        against: names of recurrent networks, as `read_contenders` takes them.
        learning_rates: how many are tried for each contender.
        seeds: final runs of each contender.

    Raises:
        InputError: an argument cannot be used.
    """
    positive_integer("learning_rates", learning_rates)
    positive_integer("seeds", seeds)
    metric = definition.spec.task_kind.metrics[0]
    comparison = Comparison(
        trial=chosen.trial,
        contenders=[TCN, *read_contenders(against)],
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
