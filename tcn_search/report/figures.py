"""The figures of a study's report, each from its frames."""

from __future__ import annotations

from matplotlib.figure import Figure

from tcn_search.plots.history import plot_history
from tcn_search.plots.learning_curves import plot_learning_curves
from tcn_search.plots.receptive_field_score import plot_receptive_field_score
from tcn_search.study.study import Study


def study_figures(study: Study) -> dict[str, Figure]:
    """history, receptive_field and learning_curves, by file name."""
    trials, definition = study.trials(), study.definition
    objective = definition.objective
    best = best_trial(study)
    drawn = {
        "history": plot_history(trials, objective.name, objective.direction),
        "receptive_field": plot_receptive_field_score(
            trials, objective.name, definition.required_context, definition.spec.seq_len, excluded_fields(study)
        ),
        "learning_curves": plot_learning_curves(study.learning_curves(), objective.name, best),
    }
    return {name: ax.figure for name, ax in drawn.items()}  # type: ignore[misc]


def best_trial(study: Study) -> int | None:
    """Number of the best complete trial, or None if there is none."""
    if not (study.trials()["ended"] == "complete").any():
        return None
    return study.candidates()[0].trial


def excluded_fields(study: Study) -> list[int]:
    """Receptive fields of the space's geometries that a narrowed search never samples, each once."""
    space = study.definition.task_space()
    if not space.narrow:
        return []
    geometry = space.geometry
    return sorted({geometry.architecture(point).receptive_field for point in geometry.falling_short | geometry.blind})
