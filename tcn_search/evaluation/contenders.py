"""The trainings of a comparison, one after the other; those that were made before are not made again."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

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

_LEARNING_RATES = (1e-4, 1e-2)  # where the space has a single one


def learning_rates(count: int, low: float, high: float, known: float | None = None) -> list[float]:
    """`count` learning rates from low to high, evenly on a logarithm; the nearest gives way to `known`.

    >>> [round(rate, 6) for rate in learning_rates(3, 1e-4, 1e-2, known=2e-3)]
    [0.0001, 0.002, 0.01]
    """
    step = math.log(high / low) / max(1, count - 1)
    middle = math.sqrt(low * high)
    rates = [low * math.exp(step * number) for number in range(count)] if count > 1 else [middle]
    if known is not None:
        nearest = min(range(count), key=lambda number: abs(math.log(rates[number] / known)))
        rates[nearest] = known
    return rates


@dataclass(frozen=True)
class Contest:
    """Everything that is needed to train what a comparison asks for."""

    comparison: Comparison
    architecture: Architecture
    settings: TrainingSettings
    rates: tuple[float, float]
    task: Task
    own: ModelFunction | None = None  # that builds the TCN's model

    def train(
        self,
        on_run: Callable[[Run], None],
        before_the_test: Callable[[str], None] = lambda contender: None,
    ) -> None:
        """Make the runs that are missing; `on_run` is called after each, which is in the comparison by then.

        Args:
            before_the_test: called with the contender before each of its final trainings is scored on the test
                split.
        """

        while (missing := self._missing()) is not None:
            run = self._train(*missing, before_the_test)
            self.comparison.runs.append(run)
            on_run(run)

    @property
    def is_over(self) -> bool:
        """Whether every run has been made."""
        return self._missing() is None

    def _missing(self) -> tuple[str, float, int] | None:
        """The first run that has not been made: contender, learning rate, seed."""
        made = {(run.contender, run.learning_rate, run.seed) for run in self.comparison.runs}
        for contender in self.comparison.contenders:
            wanted = [(contender, rate, SEARCH_SEED) for rate in self._rates_of(contender)]
            if made.issuperset(wanted):
                best = self.comparison.best_learning_rate(contender)
                wanted = [(contender, best, seed) for seed in self.comparison.final_seeds]
            for run in wanted:
                if run not in made:
                    return run
        return None

    def _rates_of(self, contender: str) -> list[float]:
        known = self.settings.learning_rate if contender == TCN else None
        return learning_rates(self.comparison.learning_rates, *self.rates, known)

    def _train(
        self, contender: str, rate: float, seed: int, before_the_test: Callable[[str], None]
    ) -> Run:
        settings = replace(self.settings, learning_rate=rate)
        objective = Metric(self.comparison.objective, self.comparison.direction)
        made = train_once(
            lambda: self._build(contender, settings), self.task, settings, objective, seed
        )
        training = made.training
        is_final = seed != SEARCH_SEED and self.task.test is not None and training.best_epoch > 0
        if is_final:
            before_the_test(contender)
        return Run(
            contender,
            rate,
            seed,
            training.score,
            made.metric,
            training.best_epoch,
            statistics.median(made.seconds[1:] or made.seconds),
            int(made.model.count_params()),
            score_on_test(made.model, self.task) if is_final else None,
        )

    def _build(self, contender: str, settings: TrainingSettings) -> Any:
        if contender == TCN:
            from tcn_search.models.build import build_model

            own = None if self.own is None else self.own.load()
            return build_model(self.architecture, self.task, settings, own)
        from tcn_search.baselines.build import build_baseline

        return build_baseline(self._sized(contender), self.task, settings)

    def _sized(self, contender: str) -> Recurrent:
        """As many parameters as the TCN has, which was trained first."""
        cell, _, layers = contender.partition(":")
        spec = self.task.spec
        parameters = self.comparison.searched(TCN)[0].parameters
        width = int(layers or 1)
        return sized_to(parameters, cell, width, spec.input_channels, spec.outputs, spec.vocabulary)


def prepare_contest(
    definition: Definition,
    task: Task,
    chosen: Candidate,
    stored: Comparison | None,
    against: Sequence[str],
    learning_rates: int,
    seeds: int,
) -> Contest:
    """The contest for a study's candidate, with the runs that the study has stored of it."""
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
    searched = definition.space.learning_rate
    rates = (searched.low, searched.high) if isinstance(searched, Range) else _LEARNING_RATES
    return Contest(comparison, chosen.architecture, chosen.settings, rates, task, definition.model)
