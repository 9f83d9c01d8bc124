"""Figures with matplotlib: functions that take a data frame and `ax=None` and return `Axes`.

`ts.plots.history(trials, ...)` and `ts.plot_history(trials, ...)` are the same function. Plots take
frames and plain numbers, and import nothing of the package but their own style. No function reads a
study, trains a network or changes matplotlib's global style.
"""

from tcn_search.plots.comparison import plot_comparison as comparison
from tcn_search.plots.coverage import plot_coverage as coverage
from tcn_search.plots.effective_receptive_field import (
    plot_effective_receptive_field as effective_receptive_field,
)
from tcn_search.plots.forecasts import plot_error_by_step as error_by_step
from tcn_search.plots.forecasts import plot_forecasts as forecasts
from tcn_search.plots.forecasts import plot_residuals as residuals
from tcn_search.plots.history import plot_history as history
from tcn_search.plots.learning_curves import plot_learning_curves as learning_curves
from tcn_search.plots.pareto import plot_pareto as pareto
from tcn_search.plots.plan_frontier import plot_plan_frontier as plan_frontier
from tcn_search.plots.receptive_field_score import (
    plot_receptive_field_score as receptive_field_score,
)
from tcn_search.plots.receptive_field_tree import (
    plot_receptive_field_tree as receptive_field_tree,
)

__all__ = [
    "comparison",
    "coverage",
    "effective_receptive_field",
    "error_by_step",
    "forecasts",
    "history",
    "learning_curves",
    "pareto",
    "plan_frontier",
    "receptive_field_score",
    "receptive_field_tree",
    "residuals",
]
