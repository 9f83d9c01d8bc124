"""Validation scores of a study's winner beside those of simple models, as a data frame."""

from __future__ import annotations

import math
from statistics import fmean
from typing import TYPE_CHECKING

from tcn_search.search.shown_numbers import numbers_beside_score
from tcn_search.study.forecast_errors import WINNER
from tcn_search.study.results import StudyResults

if TYPE_CHECKING:
    import pandas as pd


def validation_scores(study: StudyResults) -> pd.DataFrame:
    """Return the task's first metric on the validation split, for the winner and simple models.

    The winner's score is the mean over its trainings in the search and its re-runs. It was chosen
    by them, so that its score on new sequences is likely to be a little worse.

    Args:
        study: whose `best` has run.

    Returns:
        One row a model: model ("winner", or the name of a simple model), detail, and a column named
        by the metric, NaN where it is not known.
    """
    import pandas as pd

    metric = study.definition.spec.task_kind.metrics[0].name
    rows = [{"model": WINNER, "detail": "", metric: _winner_score(study, metric)}]
    baselines = study.simple_baselines
    if baselines is not None:
        rows += [
            {"model": simple.name, "detail": simple.detail, metric: simple.validation}
            for simple in baselines.baselines
        ]
    return pd.DataFrame(rows)


def _winner_score(study: StudyResults, metric: str) -> float:
    winner = study.winner
    assert winner is not None
    scores = [score for score in winner.validation_metrics if not math.isnan(score)]
    if not scores:  # trained on the validation split too, and not re-run: its trial is left
        name = f"val_{metric}"
        outcome = study.records()[winner.trial].outcome
        score = numbers_beside_score(outcome, [name])[name]
        scores = [] if score is None else [score]
    return fmean(scores) if scores else math.nan
