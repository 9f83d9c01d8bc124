"""A comparison as files."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from tcn_search.errors import InputError
from tcn_search.plots.comparison import plot_comparison
from tcn_search.study.comparison import SEARCH_SEED, Comparison


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
        InputError: the folder cannot be written.
    """
    figure = comparison_figure(comparison)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        comparison.frame().to_csv(folder / "comparison.csv", index=False)
        figure.savefig(folder / "comparison.png", dpi=150)
        figure.savefig(folder / "comparison.svg")
    except OSError as error:
        raise InputError(f"The comparison cannot be written to {folder}: {error}") from error
    return folder
