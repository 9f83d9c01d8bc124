"""Write a comparison with other networks and classifiers to files."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from matplotlib.figure import Figure

from tcn_search.atomic_files import reason_of, replacing
from tcn_search.baselines.contender_names import title
from tcn_search.errors import InputError
from tcn_search.evaluation.comparison import SEARCH_SEED, Comparison
from tcn_search.plots.comparison import plot_comparison


def comparison_figure(comparison: Comparison) -> Figure:
    """Return a figure of the final trainings, with the best contender on top."""
    figure = Figure(figsize=(8, 1.6 + 0.8 * len(comparison.contenders)), layout="constrained")
    runs = comparison.runs_frame()
    runs["title"] = runs["contender"].map(title)
    contenders = comparison.frame()["contender"].tolist()
    # Runs of contenders that only an earlier call wanted are stored, too.
    final = runs[(runs["seed"] != SEARCH_SEED) & runs["contender"].isin(contenders)].sort_values(
        "contender", key=lambda names: names.map(contenders.index), kind="stable"
    )
    plot_comparison(final, comparison.metric, ax=figure.add_subplot())
    return figure


def write_comparison(comparison: Comparison, folder: Path) -> Path:
    """Write comparison.csv, with a row for each contender, and the figure as PNG and SVG.

    Earlier files are replaced once all new files are complete.

    Returns:
        `folder`, which is created if it does not exist.

    Raises:
        InputError: a file cannot be written.
    """
    figure = comparison_figure(comparison)
    failure = f"The comparison cannot be written to {folder}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{failure}: {reason_of(error)}") from error
    with ExitStack() as replacements:

        def open_file(name: str) -> Path:
            return replacements.enter_context(replacing(folder / name, f"{failure}: {name}"))

        table = open_file("comparison.csv")
        pictures = [open_file("comparison.png"), open_file("comparison.svg")]
        comparison.frame().to_csv(table, index=False)
        for picture in pictures:
            figure.savefig(picture, dpi=150)
    return folder
