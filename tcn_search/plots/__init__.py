"""Figures with matplotlib: functions that take a data frame and `ax=None` and return `Axes`.

`ts.plots.history(trials, ...)` and `ts.plot_history(trials, ...)` are the same function. Plots take
frames and plain numbers, and import nothing of the package but their own style. No function reads a
study, trains a network or changes matplotlib's global style.
"""

from tcn_search.plots.attribution import plot_attribution as attribution
from tcn_search.plots.attribution import plot_class_attribution as class_attribution
from tcn_search.plots.budget import plot_budget as budget
from tcn_search.plots.comparison import plot_comparison as comparison
from tcn_search.plots.contour import plot_contour as contour
from tcn_search.plots.coverage import plot_coverage as coverage
from tcn_search.plots.effective_receptive_field import (
    plot_effective_receptive_field as effective_receptive_field,
)
from tcn_search.plots.forecasts import plot_error_by_step as error_by_step
from tcn_search.plots.forecasts import plot_forecasts as forecasts
from tcn_search.plots.forecasts import plot_residuals as residuals
from tcn_search.plots.history import plot_history as history
from tcn_search.plots.importances import plot_importances as importances
from tcn_search.plots.learning_curves import plot_learning_curves as learning_curves
from tcn_search.plots.parallel_coordinates import plot_parallel_coordinates as parallel_coordinates
from tcn_search.plots.pareto import plot_pareto as pareto
from tcn_search.plots.plan_frontier import plot_plan_frontier as plan_frontier
from tcn_search.plots.predictions import plot_class_scores as class_scores
from tcn_search.plots.predictions import plot_confusion_matrix as confusion_matrix
from tcn_search.plots.predictions import plot_true_against_predicted as true_against_predicted
from tcn_search.plots.receptive_field_score import (
    plot_receptive_field_score as receptive_field_score,
)
from tcn_search.plots.receptive_field_tree import (
    plot_receptive_field_tree as receptive_field_tree,
)
from tcn_search.plots.seeds import plot_candidates as candidates
from tcn_search.plots.seeds import plot_seeds as seeds
from tcn_search.plots.slices import plot_slices as slices
from tcn_search.plots.studies import plot_critical_difference as critical_difference
from tcn_search.plots.studies import plot_studies as studies
from tcn_search.plots.timeline import plot_timeline as timeline

__all__ = [
    "attribution",
    "budget",
    "candidates",
    "class_attribution",
    "class_scores",
    "comparison",
    "confusion_matrix",
    "contour",
    "coverage",
    "critical_difference",
    "effective_receptive_field",
    "error_by_step",
    "forecasts",
    "history",
    "importances",
    "learning_curves",
    "parallel_coordinates",
    "pareto",
    "plan_frontier",
    "receptive_field_score",
    "receptive_field_tree",
    "residuals",
    "seeds",
    "slices",
    "studies",
    "timeline",
    "true_against_predicted",
]
