"""A study's winner against recurrent networks of its size: same data, budget and number of learning rates."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

import pandas as pd
from pydantic import Field, TypeAdapter, with_config

from tcn_search.baselines.recurrent import CELLS
from tcn_search.errors import InputError
from tcn_search.evaluation.winner import fresh_seeds, mean_and_spread
from tcn_search.storage.stored_values import STRICT
from tcn_search.tasks.kinds import Metric

TCN = "tcn"
SEARCH_SEED = 0  # of the runs that choose the learning rate


@with_config(STRICT)
@dataclass(frozen=True)
class Run:
    """One training of one contender. `score` and `metric` are the best epoch's on the validation part.

    `test` is None while the learning rate is searched: nothing is chosen by it.
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
    """What was trained, and the runs that have been made.

    Attributes:
        trial: the study's trial whose architecture is the TCN.
        contenders: name to cell and layers of each recurrent network ("tcn" is always there).
        learning_rates: how many are tried for each contender.
        seeds: final runs of each, with its best learning rate.
        epochs, patience: of every training.
        objective, metric: what chooses, and what is shown.
        runs: in the order in which they were made.
        made_with: a digest of all else that decides what a training gives.
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
        """Plain values, as JSON knows them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Comparison:
        """The comparison that `to_dict` wrote.

        Raises:
            ValueError: it is another version's, or damaged.
        """
        return _COMPARISON.validate_json(json.dumps(values))

    def is_same_as(self, other: Comparison) -> bool:
        """Whether both train in the same way, so that the runs of one count for the other.

        More seeds or other contenders are further runs beside those.
        """
        beside = dict.fromkeys(("runs", "seeds", "contenders", "chosen_with"))
        return {**self.to_dict(), **beside} == {**other.to_dict(), **beside}

    def searched(self, contender: str) -> list[Run]:
        """The runs that choose the contender's learning rate."""
        return [run for run in self.runs if run.contender == contender and run.seed == SEARCH_SEED]

    @property
    def final_seeds(self) -> list[int]:
        """Seeds that neither a learning rate nor the architecture was chosen with."""
        return fresh_seeds(self.seeds, {SEARCH_SEED, self.chosen_with})

    def final(self, contender: str) -> list[Run]:
        """The contender's runs over seeds."""
        seeds = self.final_seeds
        return [run for run in self.runs if run.contender == contender and run.seed in seeds]

    def best_learning_rate(self, contender: str) -> float:
        """The one with the best validation value; diverged runs lose."""
        objective = Metric(self.objective, self.direction)
        best = self.searched(contender)[0]
        for run in self.searched(contender)[1:]:
            if math.isnan(best.score) or objective.better(run.score, best.score):
                best = run
        return best.learning_rate

    def frame(self) -> pd.DataFrame:
        """One row a contender, the best validation value first.

        Columns: contender, parameters, learning_rate, seeds; validation and validation_spread, test and
        test_spread (mean and sample standard deviation of the metric over the seeds that did not diverge);
        diverged (how many did); seconds_an_epoch (median).
        """
        rows = [self._row(name) for name in self.contenders if self.final(name)]
        return pd.DataFrame(rows, columns=list(_COLUMNS)).sort_values(
            "validation",
            ascending=self.metric_direction == "minimize",
            kind="stable",
            ignore_index=True,
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
        """One row a training, the columns of `Run`."""
        return pd.DataFrame(
            [asdict(run) for run in self.runs], columns=list(Run.__dataclass_fields__)
        )

    def verdict(self) -> str:
        """Who is best on validation, in a sentence that does not spare the TCN."""
        frame = self.frame().dropna(subset="validation")
        if len(frame) < 2:
            return "Too few contenders have been trained to compare."
        first = frame.iloc[0]
        second = frame.iloc[1]
        gap = abs(first["validation"] - second["validation"])
        spread = _larger(first, second)
        if gap <= spread:
            return (
                f"{first['contender']} and {second['contender']} are level on validation: {gap:.2g} apart, within "
                f"the spread of {spread:.2g}."
            )
        return (
            f"{first['contender']} is best on validation, {gap:.2g} ahead of {second['contender']}."
        )


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


def _larger(first: pd.Series, second: pd.Series) -> float:
    spreads = [
        row["validation_spread"]
        for row in (first, second)
        if not math.isnan(row["validation_spread"])
    ]
    return max(spreads, default=0.0)


def read_contenders(names: Sequence[str]) -> list[str]:
    """Checked names of recurrent networks: a cell, or a cell and a number of layers, as in "lstm:2".

    Raises:
        InputError: an unknown cell, a number of layers that is none, or no name at all.
    """
    for name in names:
        cell, _, layers = name.partition(":")
        if cell not in CELLS or (layers and not (layers.isdecimal() and int(layers) > 0)):
            raise InputError(
                f"against must be names out of {', '.join(CELLS)}, each with a number of layers if it is not 1, "
                f"such as lstm:2. Received: {name!r}"
            )
    if not names:
        raise InputError(
            f"against must have at least one name out of {', '.join(CELLS)}. Received: none"
        )
    return list(dict.fromkeys(names))
