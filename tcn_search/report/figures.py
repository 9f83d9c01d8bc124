"""The figures of a study's report, in their order, with their words."""

from __future__ import annotations

from matplotlib.figure import Figure

from tcn_search.plots.style import SCREEN_WIDTH
from tcn_search.report.comparison import comparison_figure
from tcn_search.report.forecast_figures import FORECASTS
from tcn_search.report.study_figure import StudyFigure
from tcn_search.report.trial_figures import CAUSES, COSTS, PROGRESS, pareto_figures
from tcn_search.report.winner_figures import FIGURES as WINNER
from tcn_search.study.results import StudyResults


def _comparison(study: StudyResults, width: float) -> Figure | None:
    comparison = study.comparison
    if comparison is None or not len(comparison.frame()):
        return None
    return comparison_figure(comparison, study.simple_baselines, width)


_COMPARISON = StudyFigure(
    name="comparison",
    title="Other networks and classifiers",
    caption="The score of each final training of the winner and of what it is compared with.",
    draw=_comparison,
)


def figures_of(study: StudyResults) -> list[StudyFigure]:
    """Return the figures that a study can have, in the order of its report, with their words."""
    return [
        *PROGRESS,
        *pareto_figures(study),
        *CAUSES,
        *COSTS,
        *WINNER,
        *FORECASTS,
        _COMPARISON,
    ]


def study_figures(study: StudyResults, width: float = SCREEN_WIDTH) -> dict[str, Figure]:
    """Return the figures of a study by file name; they belong to no window.

    There are always history, receptive_field and learning_curves; timeline and budget once a trial
    has ended; pareto_COST for each further objective, once a trial is complete; importances,
    slices, parallel_coordinates and contour once there are trials enough; candidates and seeds of a
    winner, with confusion_matrix and class_scores, or true_against_predicted, where `best` stored
    the answers on the test split; error_by_step, forecasts and residuals of a forecast's winner;
    and comparison, if other networks have been trained.

    Args:
        study: a study, or better its `snapshot`, whose trials are read once.
        width: in inches; 3.4 for a column of a paper. Text has the same size in both.
    """
    figures = {}
    for described in figures_of(study):
        figure = described.draw(study, width)
        if figure is not None:
            figures[described.name] = figure
    return figures
