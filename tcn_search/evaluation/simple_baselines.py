"""What simple models reach on the splits of a task, and whether a winner is clearly better."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, with_config

from tcn_search.baselines.simple import fitted_rows, simple_models
from tcn_search.baselines.simple_model import SimpleModel
from tcn_search.evaluation.forecast_scores import ForecastScores, forecast_scores
from tcn_search.evaluation.significance import Difference, Scored, difference
from tcn_search.evaluation.split_scores import SplitScore, share_error, split_score
from tcn_search.storage.stored_values import STRICT
from tcn_search.tasks.kinds import Metric

if TYPE_CHECKING:
    import pandas as pd

    from tcn_search.tasks.task import Task

BASELINES = "Simple baselines"  # names of facts
AGAINST_BASELINES = "Against simple baselines"
WARNING = "Warning"


@with_config(STRICT)
@dataclass(frozen=True)
class SimpleBaseline:
    """A simple model and its scores. The names of the fields are those under which it is stored.

    Attributes:
        name: such as "1-nearest-neighbour".
        detail: what the validation split decided, such as "raw sequences"; "" for nothing.
        validation, test: the task's first metric; `test` is None without a test split.
        validation_error, test_error: standard errors over the examples; None where not known.
        seconds: of fitting and scoring, all choices included.
        forecast: for forecasts, all errors on the test split; None in results of earlier versions.
    """

    name: str
    detail: str
    validation: float
    test: float | None
    validation_error: float | None
    test_error: float | None
    seconds: float
    forecast: ForecastScores | None = None


@with_config(STRICT)
@dataclass(frozen=True)
class SimpleBaselines:
    """The simple baselines of a task. The names of the fields are those under which it is stored.

    Attributes:
        kind: of the task.
        metric, direction: the number in which all are scored.
        validation_size, test_size: numbers of examples; `test_size` is 0 without a test split.
        joined: whether the models that were scored on the test split were fitted on training and
            validation split together, as the winner was.
        rows, of_rows: sequences that the model with the fewest was fitted on, and those of the
            training split.
        baselines: in the order constant, nearest neighbour, linear.
    """

    kind: str
    metric: str
    direction: str
    validation_size: int
    test_size: int
    joined: bool
    rows: int
    of_rows: int
    baselines: list[SimpleBaseline]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as JSON knows them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> SimpleBaselines:
        """Read what `to_dict` returned.

        Raises:
            ValueError: the values are damaged, or of another version.
        """
        return _SIMPLE_BASELINES.validate_json(json.dumps(values))

    def frame(self) -> pd.DataFrame:
        """Return one row a baseline: name, detail, validation, test and seconds."""
        import pandas as pd

        frame = pd.DataFrame([asdict(baseline) for baseline in self.baselines])
        return frame[["name", "detail", "validation", "test", "seconds"]]

    def against(
        self, validation: Sequence[float], test: Sequence[float]
    ) -> tuple[SimpleBaseline, Difference, str]:
        """Compare a winner with the best baseline, on the test split where it was scored there.

        Args:
            validation: the winner's metric on the validation split, one for each seed.
            test: the same on the test split; empty where it was not scored there.

        Returns:
            The baseline, how far the winner is ahead of it, and the name of the split.
        """
        metric = Metric(self.metric, self.direction)
        on_test = self.test_size > 0 and len(test) > 0
        best = self.baselines[0]
        for baseline in self.baselines[1:]:
            if metric.better(_score(baseline, on_test), _score(best, on_test)):
                best = baseline
        if on_test:
            scores = test
            size = self.test_size
            error = best.test_error
        else:
            scores = validation
            size = self.validation_size
            error = best.validation_error
        usable = tuple(score for score in scores if not math.isnan(score))
        winner = Scored(usable, self._winner_error(usable, size, error), has_seeds=len(usable) > 1)
        reference = Scored((_score(best, on_test),), error, has_seeds=False)
        split = "test" if on_test else "validation"
        return best, difference(winner, reference, metric, size), split

    def _winner_error(
        self, scores: Sequence[float], size: int, error: float | None
    ) -> float | None:
        """Return the winner's standard error over the examples: binomial, or the baseline's."""
        if self.kind == "classification":
            return share_error(sum(scores) / len(scores), size)
        return error


_SIMPLE_BASELINES = TypeAdapter(SimpleBaselines)


def simple_baselines(task: Task, joined: bool = False) -> SimpleBaselines:
    """Fit the simple models of a task and score them on its validation and test split.

    Call it within a test evaluation: the test split is scored too, where there is one. What a model
    can choose, such as a penalty, is chosen by the validation split.

    Args:
        task: with its data.
        joined: fit the models that are scored on the test split on training and validation split
            together.
    """
    spec = task.spec
    metric = spec.task_kind.metrics[0]
    models = simple_models(spec, task.validation)
    test_size = 0
    if task.test is not None:
        test_size = len(task.test)
    return SimpleBaselines(
        kind=spec.kind,
        metric=metric.name,
        direction=metric.direction,
        validation_size=len(task.validation),
        test_size=test_size,
        joined=joined,
        rows=fitted_rows(spec, len(task.train)),
        of_rows=len(task.train),
        baselines=[_baseline(model, task, joined) for model in models],
    )


def _baseline(model: SimpleModel, task: Task, joined: bool) -> SimpleBaseline:
    """Fit every choice of a model, and score the best of them."""
    begin = time.perf_counter()
    spec = task.spec
    metric = spec.task_kind.metrics[0]
    best = model.choices[0]
    validation = SplitScore(math.nan, None)
    fitted = None
    for choice in model.choices:
        predict = choice.fit(task.train)
        score = split_score(predict, task.validation, spec)
        if fitted is None or metric.better(score.value, validation.value):
            best = choice
            validation = score
            fitted = predict
    assert fitted is not None
    test = SplitScore(math.nan, None)
    forecast = None
    if task.test is not None:
        if joined:
            fitted = best.fit(task.training.joined().train)
        test = split_score(fitted, task.test, spec)
        forecast = forecast_scores(task, fitted)
    return SimpleBaseline(
        name=model.name,
        detail=best.detail,
        validation=validation.value,
        test=None if task.test is None else test.value,
        validation_error=validation.error,
        test_error=test.error,
        seconds=time.perf_counter() - begin,
        forecast=forecast,
    )


def baseline_facts(
    baselines: SimpleBaselines, validation: Sequence[float], test: Sequence[float]
) -> dict[str, str]:
    """Return what the baselines reach, and how a winner stands to them, in words by name.

    Args:
        baselines: of the task.
        validation: the winner's metric on the validation split, one for each seed or model; NaN
            where a training diverged.
        test: the same on the test split; empty where it was not scored there.
    """
    listed = "; ".join(_in_words(baseline, baselines.metric) for baseline in baselines.baselines)
    facts = {BASELINES: listed + _fitted_on(baselines)}
    if all(map(math.isnan, validation)) and not test:
        return facts
    best, gap, split = baselines.against(validation, test)
    if gap.is_better:
        facts[AGAINST_BASELINES] = (
            f"the winner is better than {best.name} on {split}: {gap.evidence}"
        )
    elif gap.is_worse:
        facts[WARNING] = (
            f"the winner is worse than {best.name} on {split}: {gap.evidence}. {_ADVICE}"
        )
    elif baselines.metric == "accuracy" and min(test or validation) == 1:
        facts[AGAINST_BASELINES] = (
            f"the winner makes no error on {split}, and {best.name} is not clearly worse"
        )
    else:
        verdict = f"not clearly better than {best.name} on {split}"
        if gap.ahead < 0:
            verdict = f"behind {best.name} on {split}, though not clearly"
        facts[WARNING] = f"the winner is {verdict}: {gap.evidence}. {_ADVICE}"
    return facts


_ADVICE = "Search longer, train for more epochs, or use the simpler model"


def _in_words(baseline: SimpleBaseline, metric: str) -> str:
    """Return a baseline with its scores, such as "mean: validation mse 1.02, test 0.98"."""
    name = baseline.name
    if baseline.detail:
        name += f" ({baseline.detail})"
    text = f"{name}: validation {metric} {baseline.validation:.4g}"
    if baseline.test is not None:
        text += f", test {baseline.test:.4g}"
    return text


def _fitted_on(baselines: SimpleBaselines) -> str:
    """Return what the baselines were fitted on, where it is not the training split alone."""
    text = ""
    if baselines.rows < baselines.of_rows:
        text += f"; fitted on {baselines.rows:,} of {baselines.of_rows:,} training sequences"
    if baselines.joined and baselines.test_size:
        text += "; for test fitted on training and validation split together"
    return text


def _score(baseline: SimpleBaseline, on_test: bool) -> float:
    if on_test and baseline.test is not None:
        return baseline.test
    return baseline.validation
