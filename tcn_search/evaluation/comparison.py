"""The stored comparison of a study's winner with recurrent networks of its size.

All contenders have the same data, epochs, early stopping and number of learning rates.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Annotated, Any

import pandas as pd
from pydantic import Field, TypeAdapter, with_config

from tcn_search.baselines.recurrent import CELLS
from tcn_search.errors import InputError
from tcn_search.evaluation.final_training import fresh_seeds
from tcn_search.evaluation.spread import mean_and_spread
from tcn_search.storage.stored_values import STRICT
from tcn_search.tasks.kinds import Metric

TCN = "tcn"
SEARCH_SEED = 0  # of the runs that choose the learning rate


@with_config(STRICT)
@dataclass(frozen=True)
class Run:
    """A training of a contender. The names of the fields are those under which it is stored.

    Attributes:
        contender: "tcn", or a recurrent network such as "lstm:2".
        learning_rate, seed: of the training.
        score, metric: objective and metric on the validation split in the best epoch; NaN where the
            training diverged in its first epoch.
        best_epoch: from 1; 0 where there is none.
        seconds_an_epoch: median, without the first epoch.
        parameters: of the whole model.
        test: metric on the test split; None for the runs that choose the learning rate, and where
            the training diverged or the task has no test split.
    """

    contender: str
    learning_rate: float
    seed: int
    score: float
    metric: float
    best_epoch: int
    seconds_an_epoch: float
    parameters: int
    test: float | None = None


@with_config(STRICT)
@dataclass
class Comparison:
    """The plan of a comparison, and the runs that have been made.

    The names of the fields are those under which it is stored.

    Attributes:
        trial: the study's trial whose architecture is the TCN.
        contenders: "tcn" and the names of the recurrent networks.
        learning_rates: how many are tried for each contender.
        seeds: number of final runs of each contender, with its best learning rate.
        epochs, patience: of every training.
        objective, direction: the number by which a learning rate is chosen, and its direction.
        metric, metric_direction: the number that is shown, and its direction.
        runs: in the order in which they were made.
        made_with: digest of everything else that decides the result of a training.
        chosen_with: the seed of the study's trial, which no final run has.
    """

    trial: int
    contenders: list[str]
    learning_rates: int
    seeds: Annotated[int, Field(ge=0, lt=2**31)]
    epochs: int
    patience: int
    objective: str
    direction: str
    metric: str
    metric_direction: str
    runs: list[Run] = field(default_factory=list)
    made_with: str = ""
    chosen_with: int = SEARCH_SEED

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as JSON knows them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Comparison:
        """Read what `to_dict` returned.

        Raises:
            ValueError: the values are damaged, or of another version.
        """
        return _COMPARISON.validate_json(json.dumps(values))

    def is_same_as(self, other: Comparison) -> bool:
        """Return whether both comparisons train in the same way, so that runs can be shared.

        With more seeds, or other contenders, the runs of both are still comparable.
        """
        ignored = dict.fromkeys(("runs", "seeds", "contenders", "chosen_with"))
        return {**self.to_dict(), **ignored} == {**other.to_dict(), **ignored}

    def searched(self, contender: str) -> list[Run]:
        """Return the runs that choose the contender's learning rate."""
        return [run for run in self.runs if run.contender == contender and run.seed == SEARCH_SEED]

    @property
    def final_seeds(self) -> list[int]:
        """Seeds that neither a learning rate nor the architecture was chosen with."""
        return fresh_seeds(self.seeds, {SEARCH_SEED, self.chosen_with})

    def final(self, contender: str) -> list[Run]:
        """Return the contender's final runs, with one seed each."""
        seeds = self.final_seeds
        return [run for run in self.runs if run.contender == contender and run.seed in seeds]

    def best_learning_rate(self, contender: str) -> float:
        """Return the learning rate with the best validation score; diverged runs lose."""
        objective = Metric(self.objective, self.direction)
        best = self.searched(contender)[0]
        for run in self.searched(contender)[1:]:
            if math.isnan(best.score) or objective.better(run.score, best.score):
                best = run
        return best.learning_rate

    def frame(self) -> pd.DataFrame:
        """Return one row a contender, the best validation value first.

        Columns:
            contender, parameters, learning_rate: of its final runs.
            seeds, diverged: number of final runs, and of those that diverged.
            validation, validation_spread: mean and sample standard deviation of the metric on the
                validation split, over the runs that did not diverge.
            test, test_spread: the same on the test split.
            seconds_an_epoch: median.
        """
        rows = [self._row(name) for name in self.contenders if self.final(name)]
        frame = pd.DataFrame(rows, columns=list(_COLUMNS))
        ascending = self.metric_direction == "minimize"
        return frame.sort_values(
            "validation", ascending=ascending, kind="stable", ignore_index=True
        )

    def _row(self, contender: str) -> dict[str, Any]:
        runs = self.final(contender)
        validation, validation_spread = mean_and_spread([run.metric for run in runs])
        test, test_spread = mean_and_spread([run.test for run in runs if run.test is not None])
        return {
            "contender": contender,
            "parameters": runs[0].parameters,
            "learning_rate": runs[0].learning_rate,
            "seeds": len(runs),
            "diverged": sum(math.isnan(run.score) for run in runs),
            "validation": validation,
            "validation_spread": validation_spread,
            "test": test,
            "test_spread": test_spread,
            "seconds_an_epoch": statistics.median(run.seconds_an_epoch for run in runs),
        }

    def runs_frame(self) -> pd.DataFrame:
        """Return one row a training; the columns are the fields of `Run`."""
        rows = [asdict(run) for run in self.runs]
        return pd.DataFrame(rows, columns=[each.name for each in fields(Run)])

    def verdict(self) -> str:
        """Return a sentence on which contender is best on validation, the TCN or another."""
        frame = self.frame().dropna(subset="validation")
        if len(frame) < 2:
            return "Too few contenders have been trained to compare."
        first = frame.iloc[0]
        second = frame.iloc[1]
        best = first["contender"]
        next_best = second["contender"]
        gap = abs(first["validation"] - second["validation"])
        spread = _larger_spread(first, second)
        if gap <= spread:
            return (
                f"{best} and {next_best} are level on validation: {gap:.2g} apart, "
                f"within the spread of {spread:.2g}."
            )
        return f"{best} is best on validation, {gap:.2g} ahead of {next_best}."


_COMPARISON = TypeAdapter(Comparison)
_COLUMNS = (
    "contender",
    "parameters",
    "learning_rate",
    "seeds",
    "diverged",
    "validation",
    "validation_spread",
    "test",
    "test_spread",
    "seconds_an_epoch",
)


def _larger_spread(first: pd.Series, second: pd.Series) -> float:
    """Return the larger validation spread of two rows; 0 where both had too few runs for one."""
    spreads = (first["validation_spread"], second["validation_spread"])
    return max((spread for spread in spreads if not math.isnan(spread)), default=0.0)


def read_contenders(names: Sequence[str]) -> list[str]:
    """Check names of recurrent networks, and return each once.

    A name is a cell, or a cell and a number of layers, as in "lstm:2".

    Raises:
        InputError: a cell is unknown, a number of layers is not an integer of at least 1, or there
            is no name.
    """
    for name in names:
        cell, _, layers = name.partition(":")
        if cell not in CELLS or (layers and not (layers.isdecimal() and int(layers) > 0)):
            raise InputError(
                f"against must be names out of {', '.join(CELLS)}, each with a number of layers "
                f"if it is not 1, such as lstm:2. Received: {name!r}"
            )
    if not names:
        raise InputError(
            f"against must have at least one name out of {', '.join(CELLS)}. Received: none"
        )
    return list(dict.fromkeys(names))
