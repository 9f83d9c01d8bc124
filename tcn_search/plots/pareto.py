"""Plot the trade-off between the score and the cost of a network."""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.axes import Axes

from tcn_search.plots.style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    axes_or_new,
    label_axes,
    legend_outside,
    log_scale_if_wide,
    marker_scale,
    say,
    text_sizes,
)

_MOST_NUMBERS = 12  # more run into each other


def plot_pareto(
    values: pd.DataFrame,
    cost: str,
    objective: str,
    ax: Axes | None = None,
    cost_direction: str = "minimize",
) -> Axes:
    """Plot cost and score of each complete trial, with the Pareto front in front.

    The front is joined to a line if there are two objectives only.

    Args:
        values: columns trial, on_front (no other trial is better in every objective), and one for
            each objective.
        cost: the column on the horizontal axis.
        objective: the column on the vertical axis.
        ax: where to draw; default: a new figure.
        cost_direction: "minimize", or "maximize" for a second score.
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
        ax.step(
            front[cost],
            front[objective],
            where="pre" if cost_direction == "maximize" else "post",
            color=ORANGE,
            linewidth=1.4,
            zorder=2,
        )
    ax.scatter(front[cost], front[objective], s=34, color=BLUE, zorder=3, label="Pareto front")
    _number_front(ax, front, cost, objective)
    for axis, name in (("x", cost), ("y", objective)):
        log_scale_if_wide(ax, values[name], axis, factor=20)
    label_axes(ax, "Score and cost; numbers are trials", cost, f"{objective} (best epoch)")
    if values.empty:
        say(ax, "No trial is complete yet")
    legend_outside(ax)
    return ax


def _number_front(ax: Axes, front: pd.DataFrame, cost: str, objective: str) -> None:
    """Write the numbers of at most 12 trials of the front beside their markers.

    Those in the right half stand to the left of their markers, so that none crosses the frame.
    """
    every = math.ceil(len(front) / _MOST_NUMBERS)
    for place, (_, row) in enumerate(front.iterrows()):
        if place % every:
            continue
        is_left = place < len(front) / 2
        ax.annotate(
            f"{row['trial']:.0f}",
            (row[cost], row[objective]),
            xytext=(5 if is_left else -5, 5),
            textcoords="offset points",
            ha="left" if is_left else "right",
            color=INK,
            fontsize=text_sizes(ax).tick,
            annotation_clip=True,
        )
