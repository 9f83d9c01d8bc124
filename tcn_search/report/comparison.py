"""A comparison as files."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from matplotlib.figure import Figure

from tcn_search.atomic_files import reason_of, replacing
from tcn_search.errors import InputError
from tcn_search.evaluation.comparison import SEARCH_SEED, Comparison
from tcn_search.plots.comparison import plot_comparison


def comparison_figure(comparison: Comparison) -> Figure:
    """The final runs, the best contender on top."""
    figure = Figure(figsize=(8, 1.6 + 0.8 * len(comparison.contenders)), layout="constrained")
    runs = comparison.runs_frame()
    order = comparison.frame()["contender"].tolist()
    final = runs[runs["seed"] != SEARCH_SEED].sort_values(
        "contender", key=lambda names: names.map(order.index), kind="stable"
    )
    plot_comparison(final, comparison.metric, ax=figure.add_subplot())
    return figure


def write_comparison(comparison: Comparison, folder: Path) -> Path:
    """comparison.csv, one row a contender, and the figure as PNG and SVG. Returns the folder.

    Raises:
        InputError: a file cannot be written.
    """
    figure = comparison_figure(comparison)
    failure = f"The comparison cannot be written to {folder}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{failure}: {reason_of(error)}") from error
    names = ("comparison.csv", "comparison.png", "comparison.svg")
    with ExitStack() as files:  # they take their places when all are written
        table, *pictures = (
            files.enter_context(replacing(folder / name, f"{failure}: {name}")) for name in names
        )
        comparison.frame().to_csv(table, index=False)
        for picture in pictures:
            figure.savefig(picture, dpi=150)
    return folder
