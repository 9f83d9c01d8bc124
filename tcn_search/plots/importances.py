"""Plot the importance of each hyperparameter."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from tcn_search.plots.style import (
    BLUE,
    axes_or_new,
    fit_height,
    label_axes,
    label_bars,
    nothing_to_show,
)


def plot_importances(importances: pd.DataFrame, objective: str, ax: Axes | None = None) -> Axes:
    """Plot how much each hyperparameter decides whether a trial is among the best, as bars.

    Args:
        importances: columns name and importance (shares of 1), as `StudyResults.importances`
            returns them; empty where there are too few trials.
        objective: name of the score, for the title.
        ax: where to draw; default: a new figure.
    """
    ax = axes_or_new(ax)
    title = f"What decides {objective}"
    if importances.empty:
        return nothing_to_show(
            ax, title, "Importances need at least 10 complete trials in which something was varied"
        )
    ordered = importances.sort_values("importance")
    heights = range(len(ordered))
    fit_height(ax, len(ordered), each=0.26)
    bars = ax.barh(heights, ordered["importance"], color=BLUE, height=0.62)
    label_bars(ax, bars, [f"{share:.0%}" for share in ordered["importance"]])
    ax.set_yticks(heights, list(ordered["name"]))
    ax.set_xlim(0, 1.18 * max(float(ordered["importance"].max()), 0.01))  # room for the numbers
    ax.xaxis.set_major_formatter("{x:.0%}")
    ax.grid(False, axis="y")
    label_axes(ax, title, "importance (share)")
    return ax
