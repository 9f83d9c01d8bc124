"""The figures of a study's report, each from its frames."""

from __future__ import annotations

from matplotlib.figure import Figure

from tcn_search.plots.history import plot_history
from tcn_search.plots.learning_curves import plot_learning_curves
from tcn_search.plots.pareto import plot_pareto
from tcn_search.plots.receptive_field_score import plot_receptive_field_score
from tcn_search.report.comparison import comparison_figure
from tcn_search.study.results import StudyResults

NAMES = ("history", "receptive_field", "learning_curves")


def study_figures(study: StudyResults) -> dict[str, Figure]:
    """By file name: history, receptive_field, learning_curves; pareto_COST for each further objective; comparison
    where there is one. They belong to no window.
    """
    trials = study.trials()
    definition = study.definition
    objective = definition.objective
    spec = definition.spec
    figures = {name: Figure(figsize=(8, 4.4), layout="constrained") for name in NAMES}
    history, receptive_field, learning_curves = (figures[name].add_subplot() for name in NAMES)
    plot_history(trials, objective.name, objective.direction, ax=history)
    plot_receptive_field_score(
        trials,
        objective.name,
        definition.required_context,
        spec.seq_len,
        study.excluded_receptive_fields(),
        ax=receptive_field,
    )
    plot_learning_curves(
        study.learning_curves(), objective.name, study.best_trial, ax=learning_curves
    )
    if len(definition.objectives) > 1:
        values = study.objective_values()
        for metric in definition.objectives[1:] if len(values) else ():
            figure = figures[f"pareto_{metric.name}"] = Figure(
                figsize=(8, 4.4), layout="constrained"
            )
            plot_pareto(values, metric.name, objective.name, ax=figure.add_subplot())
    comparison = study.comparison
    if comparison is not None and len(comparison.frame()):
        figures["comparison"] = comparison_figure(comparison)
    return figures
