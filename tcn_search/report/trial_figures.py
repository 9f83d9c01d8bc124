"""Draw the figures of a study's trials."""

from __future__ import annotations

from functools import partial

from matplotlib.figure import Figure

from tcn_search.plots.budget import plot_budget
from tcn_search.plots.contour import plot_contour
from tcn_search.plots.history import plot_history
from tcn_search.plots.importances import plot_importances
from tcn_search.plots.learning_curves import plot_learning_curves
from tcn_search.plots.parallel_coordinates import plot_parallel_coordinates
from tcn_search.plots.pareto import plot_pareto
from tcn_search.plots.receptive_field_score import plot_receptive_field_score
from tcn_search.plots.slices import plot_slices
from tcn_search.plots.style import axes_without_window, figure_of
from tcn_search.plots.timeline import plot_timeline
from tcn_search.report.study_figure import StudyFigure
from tcn_search.study.results import StudyResults

_MOST_SLICES = 6  # hyperparameters; the most important ones
_AXES_PER_INCH = 1.4  # of parallel coordinates; the words beside more run into each other


def _history(study: StudyResults, width: float) -> Figure:
    objective = study.definition.objective
    ax = axes_without_window(width)
    return figure_of(plot_history(study.trials(), objective.name, objective.direction, ax=ax))


def _receptive_field(study: StudyResults, width: float) -> Figure:
    definition = study.definition
    ax = plot_receptive_field_score(
        study.trials(),
        definition.objective.name,
        definition.required_context,
        definition.spec.seq_len,
        study.excluded_receptive_fields(),
        ax=axes_without_window(width),
    )
    return figure_of(ax)


def _learning_curves(study: StudyResults, width: float) -> Figure:
    name = study.definition.objective.name
    ax = axes_without_window(width)
    return figure_of(plot_learning_curves(study.learning_curves(), name, study.best_trial, ax=ax))


def _pareto(cost: str, study: StudyResults, width: float) -> Figure | None:
    values = study.objective_values()
    if values.empty:
        return None
    objective, *others = study.definition.objectives
    direction = next(metric.direction for metric in others if metric.name == cost)
    ax = axes_without_window(width)
    return figure_of(plot_pareto(values, cost, objective.name, ax=ax, cost_direction=direction))


def pareto_figures(study: StudyResults) -> list[StudyFigure]:
    """Return a figure for each objective but the first."""
    return [
        StudyFigure(
            name=f"pareto_{metric.name}",
            title=f"Score and {metric.name}",
            caption=f"No other trial is better than one on the front in both score and "
            f"{metric.name}; where there are more objectives, in all of them.",
            draw=partial(_pareto, metric.name),
        )
        for metric in study.definition.objectives[1:]
    ]


def _importances(study: StudyResults, width: float) -> Figure | None:
    importances = study.importances()
    if importances.empty:
        return None
    name = study.definition.objective.name
    return figure_of(plot_importances(importances, name, ax=axes_without_window(width)))


def _slices(study: StudyResults, width: float) -> Figure | None:
    trials = study.trials()
    if trials["score"].notna().sum() < 2:
        return None
    names = _most_important(study, _MOST_SLICES)
    name = study.definition.objective.name
    return figure_of(plot_slices(trials, name, names, ax=axes_without_window(width)))


def _parallel_coordinates(study: StudyResults, width: float) -> Figure | None:
    names = _most_important(study, int(_AXES_PER_INCH * width))
    if not names:
        return None
    objective = study.definition.objective
    ax = plot_parallel_coordinates(
        study.trials(),
        objective.name,
        objective.direction,
        names,
        ax=axes_without_window(width),
    )
    return figure_of(ax)


def _contour(study: StudyResults, width: float) -> Figure | None:
    names = _most_important(study, 2)
    if names is None or len(names) < 2:
        return None
    ax = plot_contour(
        study.trials(),
        x=names[0],
        y=names[1],
        objective=study.definition.objective.name,
        ax=axes_without_window(width),
    )
    return figure_of(ax)


def _most_important(study: StudyResults, most: int) -> list[str] | None:
    """Return the most important hyperparameters that are columns; None if none is known."""
    importances = study.importances()
    trials = study.trials()
    names = [name for name in importances["name"] if name in trials][:most]
    return names or None


def _timeline(study: StudyResults, width: float) -> Figure | None:
    trials = study.trials()
    if trials["seconds"].isna().all():
        return None
    return figure_of(plot_timeline(trials, ax=axes_without_window(width)))


def _budget(study: StudyResults, width: float) -> Figure | None:
    trials = study.trials()
    if trials["seconds"].isna().all():
        return None
    return figure_of(plot_budget(trials, ax=axes_without_window(width)))


PROGRESS = (
    StudyFigure(
        name="history",
        title="How the search went",
        caption="The score of each trial in the order of the search, and the best score so far.",
        draw=_history,
    ),
    StudyFigure(
        name="receptive_field",
        title="Receptive field",
        caption="The score of each trial over the steps that one step of its network sees, beside "
        "the steps that the task requires.",
        draw=_receptive_field,
    ),
    StudyFigure(
        name="learning_curves",
        title="Training",
        caption="The number that the search judges by, after each epoch, with the best trial in "
        "front. Where training still improves while validation gets worse, a network overfits.",
        draw=_learning_curves,
    ),
)
CAUSES = (
    StudyFigure(
        name="importances",
        title="What decides the score",
        caption="How much each hyperparameter decides whether a trial is among the best "
        "(conditional PED-ANOVA): the more its values differ between the best trials and all of "
        "them, the longer its bar.",
        draw=_importances,
    ),
    StudyFigure(
        name="slices",
        title="Score by hyperparameter",
        caption="The scores for each value of a hyperparameter, with the number of trials. Rows "
        "of few trials say little.",
        draw=_slices,
    ),
    StudyFigure(
        name="parallel_coordinates",
        title="Configurations",
        caption="Each line is a complete trial, the best ones thick: where thick lines meet, good "
        "configurations agree.",
        draw=_parallel_coordinates,
    ),
    StudyFigure(
        name="contour",
        title="The two most important hyperparameters",
        caption="The score between the trials, over the two most important hyperparameters.",
        draw=_contour,
    ),
)
COSTS = (
    StudyFigure(
        name="timeline",
        title="Trials over time",
        caption="When each trial was trained and how it ended. Gaps in a row are workers that "
        "waited.",
        draw=_timeline,
    ),
    StudyFigure(
        name="budget",
        title="Time spent",
        caption="The time of training by how trials ended, summed over all workers.",
        draw=_budget,
    ),
)
