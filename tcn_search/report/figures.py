"""Draw the figures of a study's report."""

from __future__ import annotations

from matplotlib.figure import Figure

from tcn_search.plots.history import plot_history
from tcn_search.plots.learning_curves import plot_learning_curves
from tcn_search.plots.pareto import plot_pareto
from tcn_search.plots.receptive_field_score import plot_receptive_field_score
from tcn_search.report.comparison import comparison_figure
from tcn_search.report.forecast_figures import forecast_figures
from tcn_search.study.results import StudyResults


def study_figures(study: StudyResults) -> dict[str, Figure]:
    """Return the figures of a study by file name; they belong to no window.

    There are history, receptive_field and learning_curves; pareto_COST for each further objective,
    once a trial is complete; error_by_step, forecasts and residuals of a forecast's winner; and
    comparison, if other networks have been trained.
    """
    trials = study.trials()
    definition = study.definition
    objective = definition.objective
    figures = {name: _empty_figure() for name in ("history", "receptive_field", "learning_curves")}
    plot_history(trials, objective.name, objective.direction, ax=figures["history"].add_subplot())
    plot_receptive_field_score(
        trials,
        objective.name,
        definition.required_context,
        definition.spec.seq_len,
        study.excluded_receptive_fields(),
        ax=figures["receptive_field"].add_subplot(),
    )
    plot_learning_curves(
        study.learning_curves(),
        objective.name,
        study.best_trial,
        ax=figures["learning_curves"].add_subplot(),
    )
    further_objectives = definition.objectives[1:]
    if further_objectives:
        values = study.objective_values()
        if len(values):
            for metric in further_objectives:
                figure = _empty_figure()
                plot_pareto(values, metric.name, objective.name, ax=figure.add_subplot())
                figures[f"pareto_{metric.name}"] = figure
    figures |= forecast_figures(study)
    comparison = study.comparison
    if comparison is not None and len(comparison.frame()):
        figures["comparison"] = comparison_figure(comparison, study.simple_baselines)
    return figures


def _empty_figure() -> Figure:
    return Figure(figsize=(8, 4.4), layout="constrained")
