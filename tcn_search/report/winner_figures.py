"""Draw the figures of a study's winner: its seeds, and its answers on the test split."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from tcn_search.evaluation.winner import TEST_PREDICTIONS, Winner
from tcn_search.plots.predictions import (
    plot_class_scores,
    plot_confusion_matrix,
    plot_true_against_predicted,
)
from tcn_search.plots.seeds import plot_candidates, plot_seeds
from tcn_search.plots.style import axes_without_window, figure_of
from tcn_search.report.study_figure import StudyFigure
from tcn_search.study.results import StudyResults


def seeds_frame(winner: Winner) -> pd.DataFrame:
    """Return split, seed (missing for the ensemble) and score of the winner's final trainings."""
    usable = [run for run in winner.winning_runs if not run.diverged]
    rows: list[dict[str, object]] = [
        {"split": "validation", "seed": run.seed, "score": run.metric} for run in usable
    ]
    for run, score in zip(usable, winner.test_scores, strict=False):
        rows.append({"split": "test", "seed": run.seed, "score": score})
    together = {"validation": winner.ensemble_validation, "test": winner.ensemble_score}
    for split, ensemble in together.items():
        if ensemble is not None:
            rows.append({"split": split, "seed": None, "score": ensemble})
    frame = pd.DataFrame(rows, columns=["split", "seed", "score"])
    return frame.astype({"seed": float, "score": float})


def candidates_frame(winner: Winner) -> pd.DataFrame:
    """Return trial, seed and score of what ranked the candidates, the best trial first."""
    rows = [
        {"trial": trial, "seed": run.seed, "score": run.score}
        for trial in winner.ranked
        for run in winner.runs_of(trial)
    ]
    return pd.DataFrame(rows, columns=["trial", "seed", "score"])


def _seeds(study: StudyResults, width: float) -> Figure | None:
    winner = study.winner
    if winner is None:
        return None
    scores = seeds_frame(winner)
    if scores["score"].isna().all():
        return None
    return figure_of(plot_seeds(scores, winner.metric, ax=axes_without_window(width)))


def _candidates(study: StudyResults, width: float) -> Figure | None:
    winner = study.winner
    if winner is None or len(winner.ranked) < 2:
        return None
    runs = candidates_frame(winner)
    return figure_of(plot_candidates(runs, winner.objective, ax=axes_without_window(width)))


def _confusion_matrix(study: StudyResults, width: float) -> Figure | None:
    winner = study.winner
    if winner is None or winner.classes is None or not winner.classes.confusion:
        return None
    counts = winner.classes.confusion_frame()
    return figure_of(plot_confusion_matrix(counts, ax=axes_without_window(width)))


def _class_scores(study: StudyResults, width: float) -> Figure | None:
    winner = study.winner
    if winner is None or winner.classes is None:
        return None
    scores = winner.classes.scores_frame()
    return figure_of(plot_class_scores(scores, ax=axes_without_window(width)))


def _true_against_predicted(study: StudyResults, width: float) -> Figure | None:
    winner = study.winner
    if winner is None or study.definition.spec.kind != "regression":
        return None
    file = Path(winner.model_file).parent / TEST_PREDICTIONS
    if not file.is_file():
        return None
    predictions = pd.read_csv(file, keep_default_na=False, na_values=[""])
    outputs = list(dict.fromkeys(predictions["output"]))
    own = predictions[predictions["output"] == outputs[0]]
    ax = plot_true_against_predicted(own, ax=axes_without_window(width))
    if len(outputs) > 1:
        ax.set_xlabel(f"truth of {outputs[0]}")
    return figure_of(ax)


FIGURES = (
    StudyFigure(
        name="candidates",
        title="The best trials again",
        caption="The trainings by which the best trials were ranked: one seed can be lucky, the "
        "mean over several is what counts.",
        draw=_candidates,
    ),
    StudyFigure(
        name="seeds",
        title="The winner over seeds",
        caption="The score of each final training of the winner, and of the ensemble of them.",
        draw=_seeds,
    ),
    StudyFigure(
        name="confusion_matrix",
        title="Confusion matrix",
        caption="How often the saved model predicted each class (columns) for each true class "
        "(rows) on the test split; darker is a larger share of the row.",
        draw=_confusion_matrix,
    ),
    StudyFigure(
        name="class_scores",
        title="Scores by class",
        caption="Precision, recall and F1 of each class on the test split, worst on top.",
        draw=_class_scores,
    ),
    StudyFigure(
        name="true_against_predicted",
        title="True and predicted numbers",
        caption="The predictions of the saved model on the test split; on the line they are equal "
        "to the truth. Of several outputs, the first.",
        draw=_true_against_predicted,
    ),
)
