"""Errors of a study's winner and of simple models on the test split, as a data frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcn_search.evaluation.forecast_scores import frame_of_scores
from tcn_search.study.results import StudyResults

if TYPE_CHECKING:
    import pandas as pd

WINNER = "winner"


def forecast_errors(study: StudyResults, by: str | None = None) -> pd.DataFrame | None:
    """Return the errors of a forecast on the test split, over every window of stride 1.

    Args:
        study: whose `best` has run.
        by: "step" for one row a step of the horizon, "id" for one row a series, None for all.

    Returns:
        The column model ("winner", or the name of a simple model), and those of
        `ForecastScores.frame`; None where the study is no forecast, or has no test scores.
    """
    winner = study.winner
    if winner is None or winner.forecast is None:
        return None
    scores = {WINNER: winner.forecast}
    baselines = study.simple_baselines
    if baselines is not None:
        for baseline in baselines.baselines:
            if baseline.forecast is not None:
                scores[baseline.name] = baseline.forecast
    return frame_of_scores(scores, by)
