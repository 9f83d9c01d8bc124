"""The stored comparison of a study's winner with other networks and classifiers.

All networks have the same data, epochs, early stopping and number of learning rates.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Annotated, Any

import pandas as pd
from pydantic import Field, TypeAdapter, with_config

from tcn_search.baselines.contender_names import AEON, DETERMINISTIC, TCN, title
from tcn_search.evaluation.final_training import fresh_seeds
from tcn_search.evaluation.significance import Difference, Scored, difference
from tcn_search.evaluation.split_scores import share_error
from tcn_search.evaluation.spread import mean_and_spread
from tcn_search.storage.stored_values import STRICT
from tcn_search.tasks.kinds import Metric

SEARCH_SEED = 0  # of the runs that choose the learning rate
_NOT_OF_A_TRAINING = (
    "runs",
    "seeds",
    "contenders",
    "chosen_with",
    "kind",
    "validation_size",
    "test_size",
)


@with_config(STRICT)
@dataclass(frozen=True)
class Run:
    """A training of a contender. The names of the fields are those under which it is stored.

    Attributes:
        contender: "tcn", or another name such as "lstm:2".
        learning_rate, seed: of the training; the rate is 0 for contenders without one.
        score, metric: objective and metric on the validation split, with the weights that were
            kept; NaN where the training diverged so that none can be used. Contenders without
            epochs have the metric as both.
        best_epoch: of these weights, from 1; 0 where there is none.
        seconds_an_epoch: median, without the first epoch; 0 for contenders without epochs.
        parameters: of the whole model; 0 for contenders that are no network.
        test: metric on the test split; None for the runs that choose the learning rate, and where
            the training diverged or the task has no test split.
        seconds: of the whole training; None in runs of earlier versions.
        validation_error, test_error: standard errors of the metric over the examples; None where
            they are not known.
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
    seconds: float | None = None
    validation_error: float | None = None
    test_error: float | None = None


@with_config(STRICT)
@dataclass
class Comparison:
    """The plan of a comparison, and the runs that have been made.

    The names of the fields are those under which it is stored.

    Attributes:
        trial: the study's trial whose architecture is the TCN.
        contenders: "tcn" and the names of the others.
        learning_rates: how many are tried for each contender.
        seeds: number of final runs of each contender, with its best learning rate.
        epochs, patience: of every training.
        objective, direction: the number by which a learning rate is chosen, and its direction.
        metric, metric_direction: the number that is shown, and its direction.
        runs: in the order in which they were made.
        made_with: digest of everything else that decides the result of a training.
        chosen_with: the seed of the study's trial, which no final run has.
        kind: of the task; "" in comparisons of earlier versions.
        validation_size, test_size: numbers of examples; 0 where there are none, and in comparisons
            of earlier versions.
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
    kind: str = ""
    validation_size: int = 0
    test_size: int = 0

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
        ignored = dict.fromkeys(_NOT_OF_A_TRAINING)
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
        """Return the learning rate with the best validation score; diverged runs lose.

        It is 0 for contenders without a learning rate.
        """
        if contender in AEON:
            return 0.0
        objective = Metric(self.objective, self.direction)
        best = self.searched(contender)[0]
        for run in self.searched(contender)[1:]:
            if math.isnan(best.score) or objective.better(run.score, best.score):
                best = run
        return best.learning_rate

    def seeds_of(self, contender: str) -> list[int]:
        """Return the seeds of a contender's final runs; one where a seed changes nothing."""
        if contender in DETERMINISTIC:
            return self.final_seeds[:1]
        return self.final_seeds

    def frame(self) -> pd.DataFrame:
        """Return one row a contender, the best validation value first.

        Columns:
            contender, parameters, learning_rate: of its final runs; missing where it has none.
            seeds, diverged: number of final runs, and of those that diverged.
            validation, validation_spread: mean and sample standard deviation of the metric on the
                validation split, over the runs that did not diverge.
            test, test_spread: the same on the test split.
            against_tcn: "better", "level" or "worse" than the TCN by the test of
                `evaluation.significance`, on the test split where there is one; "" for the TCN and
                where that cannot be said.
            seconds: median of the whole training.
            seconds_an_epoch: median.
        """
        rows = [self._row(name) for name in self.contenders if self.final(name)]
        frame = pd.DataFrame(rows, columns=list(_COLUMNS)).astype({"parameters": "Int64"})
        ascending = self.metric_direction == "minimize"
        return frame.sort_values(
            "validation", ascending=ascending, kind="stable", ignore_index=True
        )

    def _row(self, contender: str) -> dict[str, Any]:
        runs = self.final(contender)
        validation, validation_spread = mean_and_spread([run.metric for run in runs])
        test, test_spread = mean_and_spread([run.test for run in runs if run.test is not None])
        seconds = [run.seconds for run in runs if run.seconds is not None]
        row = {
            "contender": contender,
            "seeds": len(runs),
            "diverged": sum(math.isnan(run.score) for run in runs),
            "validation": validation,
            "validation_spread": validation_spread,
            "test": test,
            "test_spread": test_spread,
            "against_tcn": self._against_tcn(contender),
        }
        if seconds:
            row["seconds"] = statistics.median(seconds)
        if contender not in AEON:
            row["parameters"] = runs[0].parameters
            row["learning_rate"] = runs[0].learning_rate
            row["seconds_an_epoch"] = statistics.median(run.seconds_an_epoch for run in runs)
        return row

    def _against_tcn(self, contender: str) -> str:
        split = "validation"
        if self.scored(TCN, "test") is not None:
            split = "test"
        gap = self.difference(contender, TCN, split)
        if contender == TCN or gap is None or math.isnan(gap.needed):
            return ""
        if gap.is_better:
            return "better"
        if gap.is_worse:
            return "worse"
        return "level"

    def scored(self, contender: str, split: str) -> Scored | None:
        """Return a contender's scores over its seeds on "validation" or "test", or None."""
        values = []
        errors: list[float] = []
        size = self.test_size if split == "test" else self.validation_size
        for run in self.final(contender):
            value = run.metric if split == "validation" else run.test
            if value is None or math.isnan(value):
                continue
            error = run.validation_error if split == "validation" else run.test_error
            if self.kind == "classification":
                error = share_error(value, size)
            values.append(value)
            if error is not None:
                errors.append(error)
        if not values:
            return None
        mean_error = None
        if errors:
            mean_error = statistics.fmean(errors)
        return Scored(tuple(values), mean_error, has_seeds=contender not in DETERMINISTIC)

    def difference(self, first: str, second: str, split: str) -> Difference | None:
        """Return how far the first is ahead on a split; None where one of them has no score."""
        scores = [self.scored(contender, split) for contender in (first, second)]
        if scores[0] is None or scores[1] is None:
            return None
        metric = Metric(self.metric, self.metric_direction)
        size = self.test_size if split == "test" else self.validation_size
        return difference(scores[0], scores[1], metric, size)

    def runs_frame(self) -> pd.DataFrame:
        """Return one row a training; the columns are the fields of `Run`."""
        rows = [asdict(run) for run in self.runs]
        return pd.DataFrame(rows, columns=[each.name for each in fields(Run)])

    def verdict(self) -> str:
        """Return who is best on validation, and how the TCN stands to each other one on test.

        "Better" and "worse" are said only of differences that pass the test of
        `evaluation.significance`.
        """
        ranked = list(self.frame().dropna(subset="validation")["contender"])
        if len(ranked) < 2:
            return "Too few contenders have been trained to compare."
        sentences = [self._best_on_validation(ranked[0], ranked[1])]
        against = {name: self.difference(TCN, name, "test") for name in ranked if name != TCN}
        gaps = {name: gap for name, gap in against.items() if gap is not None}
        if gaps:
            listed = ", ".join(_in_words(name, gap) for name, gap in gaps.items())
            bases = ", or ".join(dict.fromkeys(gap.basis for gap in gaps.values()))
            sentences.append(f"On test, {title(TCN)} is {listed}; needed at 5% with {bases}.")
        return " ".join(sentences)

    def verdict_beside(self, winner: int | None) -> str:
        """Return `verdict`, and say whose it is where it is not that of the winner's trial."""
        if winner in (None, self.trial):
            return self.verdict()
        return f"of trial {self.trial}, not of the winner: {self.verdict()}"

    def _best_on_validation(self, first: str, second: str) -> str:
        gap = self.difference(first, second, "validation")
        assert gap is not None
        if gap.is_clear:
            return f"{title(first)} is best on validation, before {title(second)}: {gap.evidence}."
        return f"{title(first)} and {title(second)} are level on validation: {gap.evidence}."


def _in_words(contender: str, gap: Difference) -> str:
    """Return how the TCN stands to a contender, such as "better than LSTM (...)"."""
    words = "level with"
    if gap.is_better:
        words = "better than"
    elif gap.is_worse:
        words = "worse than"
    elif math.isnan(gap.needed):
        words = "not comparable with"
    return f"{words} {title(contender)} {gap.in_brackets}"


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
    "against_tcn",
    "seconds",
    "seconds_an_epoch",
)
