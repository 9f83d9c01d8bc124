"""The figures of a study's report, each from its frames."""

from __future__ import annotations

from matplotlib.figure import Figure

from tcn_search.plots.history import plot_history
from tcn_search.plots.learning_curves import plot_learning_curves
from tcn_search.plots.receptive_field_score import plot_receptive_field_score
from tcn_search.report.comparison import comparison_figure
from tcn_search.study.study import Study

NAMES = ("history", "receptive_field", "learning_curves")


def study_figures(study: Study) -> dict[str, Figure]:
    """history, receptive_field, learning_curves, and comparison where there is one, by file name; of no window."""
    trials, definition = study.trials(), study.definition
    objective, spec = definition.objective, definition.spec
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
    plot_learning_curves(study.learning_curves(), objective.name, study.best_trial, ax=learning_curves)
    if study.comparison is not None and len(study.comparison.frame()):
        figures["comparison"] = comparison_figure(study.comparison)
    return figures
