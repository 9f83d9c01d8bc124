"""Plot the trade-off between the score and the cost of a network."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from tcn_search.plots.style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    axes_or_new,
    legend_outside,
    log_scale_if_wide,
    marker_scale,
)


def plot_pareto(values: pd.DataFrame, cost: str, objective: str, ax: Axes | None = None) -> Axes:
    """Plot cost and score of each complete trial, with the Pareto front in front.

    The front is joined to a line if there are two objectives only.

    Args:
        values: columns trial, on_front (no other trial is better in every objective), and one for
            each objective.
        cost: the column on the horizontal axis.
        objective: the column on the vertical axis.
        ax: where to draw; default: a new figure.
    """
    ax = axes_or_new(ax)
    front = values[values["on_front"].astype(bool)].sort_values(cost)
    others = values[~values["on_front"].astype(bool)]
    scale = marker_scale(len(others))
    ax.scatter(
        others[cost],
        others[objective],
        s=26 * scale,
        facecolors="none",
        edgecolors=GREY,
        linewidths=1.5 * scale**0.5,
        label="beaten by another",
    )
    if set(values.columns) == {"trial", "on_front", cost, objective}:
        ax.step(front[cost], front[objective], where="post", color=ORANGE, linewidth=1.4, zorder=2)
    ax.scatter(front[cost], front[objective], s=34, color=BLUE, zorder=3, label="Pareto front")
    for _, row in front.iterrows():
        ax.annotate(
            f"{row['trial']:.0f}",
            (row[cost], row[objective]),
            xytext=(4, 5),
            textcoords="offset points",
            color=INK,
            fontsize=8,
        )
    for axis, name in (("x", cost), ("y", objective)):
        log_scale_if_wide(ax, values[name], axis, factor=20)
    ax.set_xlabel(cost)
    ax.set_ylabel(f"{objective} (best epoch)")
    ax.set_title("Score and cost; numbers are trials", loc="left", fontsize=11, color=INK)
    legend_outside(ax)
    return ax
