"""Write a comparison with other networks and classifiers to files."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from tcn_search.atomic_files import reason_of, replacing
from tcn_search.baselines.contender_names import title
from tcn_search.errors import InputError
from tcn_search.evaluation.comparison import Comparison
from tcn_search.evaluation.simple_baselines import SimpleBaseline, SimpleBaselines
from tcn_search.plots.comparison import plot_comparison
from tcn_search.plots.style import (
    COLUMN_WIDTH,
    SCREEN_WIDTH,
    axes_without_window,
    figure_of,
)
from tcn_search.report.study_figure import save_figure
from tcn_search.report.tables import latex_of_comparison


def comparison_frame(
    comparison: Comparison, baselines: SimpleBaselines | None = None
) -> pd.DataFrame:
    """Return `Comparison.frame`, of a forecast with the simple models among the contenders."""
    frame = comparison.frame()
    rows = [
        {
            "contender": baseline.name,
            "validation": baseline.validation,
            "test": baseline.test,
            "seconds": baseline.seconds,
        }
        for baseline in _of_forecast(baselines)
    ]
    if not rows:
        return frame
    joined = pd.concat([frame, pd.DataFrame(rows).astype({"test": float})], ignore_index=True)
    ascending = comparison.metric_direction == "minimize"
    return joined[list(frame.columns)].sort_values(
        "validation", ascending=ascending, kind="stable", ignore_index=True
    )


def _of_forecast(baselines: SimpleBaselines | None) -> list[SimpleBaseline]:
    """Return the simple models of a forecast, fitted on the training split as its contenders are.

    They have no test score where the models that were scored there had seen more.
    """
    if baselines is None or baselines.kind != "forecast":
        return []
    if baselines.joined:
        return [replace(baseline, test=None) for baseline in baselines.baselines]
    return baselines.baselines


def comparison_figure(
    comparison: Comparison,
    baselines: SimpleBaselines | None = None,
    width: float = SCREEN_WIDTH,
) -> Figure:
    """Return a figure of the final trainings, with the best contender on top."""
    contenders = comparison_frame(comparison, baselines)["contender"].tolist()
    runs = comparison.runs_frame()
    runs["title"] = runs["contender"].map(title)
    # Runs of contenders and seeds that only an earlier call wanted are stored, too.
    final = runs[runs["seed"].isin(comparison.final_seeds) & runs["contender"].isin(contenders)]
    simple = [
        {
            "contender": baseline.name,
            "title": baseline.name,
            "metric": baseline.validation,
            "test": baseline.test,
            "parameters": 0,
            "seconds_an_epoch": 0.0,
            "seconds": baseline.seconds,
        }
        for baseline in _of_forecast(baselines)
    ]
    if simple:
        final = pd.concat([final, pd.DataFrame(simple)], ignore_index=True)
    final = final.sort_values(
        "contender", key=lambda names: names.map(contenders.index), kind="stable"
    )
    ax = axes_without_window(width, height=1.6 + 0.7 * len(contenders))
    return figure_of(plot_comparison(final, comparison.metric, ax=ax))


def write_comparison(
    comparison: Comparison, folder: Path, baselines: SimpleBaselines | None = None
) -> Path:
    """Write comparison.csv, a row for each contender, and the figure as PNG, SVG and PDF.

    The PDF is as wide as a column of a paper.

    Of a forecast, its simple baselines are contenders, too.

    Earlier files are replaced once all new files are complete.

    Returns:
        `folder`, which is created if it does not exist.

    Raises:
        InputError: a file cannot be written.
    """
    figure = comparison_figure(comparison, baselines)
    failure = f"The comparison cannot be written to {folder}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{failure}: {reason_of(error)}") from error
    with ExitStack() as replacements:

        def open_file(name: str) -> Path:
            return replacements.enter_context(replacing(folder / name, f"{failure}: {name}"))

        table = open_file("comparison.csv")
        pictures = [open_file(f"comparison.{ending}") for ending in ("png", "svg", "pdf")]
        comparison_frame(comparison, baselines).to_csv(table, index=False)
        save_figure(figure, pictures[:2])
        save_figure(comparison_figure(comparison, baselines, COLUMN_WIDTH), pictures[2:])
    return folder


def write_latex(
    comparison: Comparison, folder: Path, baselines: SimpleBaselines | None = None
) -> Path:
    r"""Write comparison.tex: the table of a comparison, for a document with \usepackage{booktabs}.

    Returns:
        The file.

    Raises:
        InputError: the file cannot be written.
    """
    file = folder / "comparison.tex"
    frame = comparison_frame(comparison, baselines)
    caption = "Mean and standard deviation over final trainings, best validation value first."
    with replacing(file) as part:
        part.write_text(latex_of_comparison(frame, comparison.metric, caption), encoding="utf-8")
    return file
