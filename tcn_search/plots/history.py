"""Plot the optimisation history: the score of every trial, and the best so far."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from tcn_search.plots.style import (
    BLUE,
    GREY,
    LIMITS,
    MOST_DRAWN,
    ORANGE,
    RED,
    axes_or_new,
    clip_outliers,
    label_axes,
    legend_outside,
    log_scale_if_wide,
    marker_scale,
    say,
)


def plot_history(
    trials: pd.DataFrame, objective: str, direction: str = "minimize", ax: Axes | None = None
) -> Axes:
    """Plot the score of each trial, the best score so far, and marks for trials without a score.

    Args:
        trials: columns trial, ended and score, as in `Study.trials` or trials.csv.
        objective: name of the score, for the label.
        direction: "minimize" or "maximize".
        ax: where to draw; default: a new figure (`Axes.figure`).
    """
    ax = axes_or_new(ax)
    scored = trials.dropna(subset="score")
    complete = scored[scored["ended"] == "complete"]
    pruned = scored[scored["ended"] == "pruned"]
    scale = marker_scale(len(pruned) + len(complete))
    is_rasterized = len(trials) > MOST_DRAWN
    if not pruned.empty:
        ax.scatter(
            pruned["trial"],
            pruned["score"],
            s=26 * scale,
            facecolors="none",
            edgecolors=GREY,
            linewidths=1.5 * scale**0.5,
            rasterized=is_rasterized,
            label="pruned early",
        )
    if not complete.empty:
        ax.scatter(
            complete["trial"],
            complete["score"],
            s=30 * scale,
            color=BLUE,
            linewidths=1.5 * scale**0.5,
            rasterized=is_rasterized,
            label="complete",
            zorder=3,
        )
        scores = complete["score"]
        best = scores.cummax() if direction == "maximize" else scores.cummin()
        end = max(trials["trial"].max(), complete["trial"].max())
        ax.step(
            [*complete["trial"], end],
            [*best, best.iloc[-1]],
            where="post",
            color=ORANGE,
            label=f"best so far, {best.iloc[-1]:.4g}",
        )
    _mark_trials_without_score(ax, trials)
    values = pd.concat([complete["score"], pruned["score"]])
    log_scale_if_wide(ax, values)
    clip_outliers(ax, values)
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    label_axes(ax, "Optimisation history", "trial", f"{objective} (best epoch)")
    if scored.empty:
        say(ax, "No trial has a score yet")
    legend_outside(ax)
    return ax


def _mark_trials_without_score(ax: Axes, trials: pd.DataFrame) -> None:
    """Mark, on the horizontal axis, the trials whose score does not count or does not exist."""
    for statuses, marker, colour, label in (
        (("infeasible",), "|", GREY, "infeasible, never built"),
        (("diverged",), "x", RED, "diverged"),
        (("failed",), "+", RED, "failed"),
        (LIMITS, "1", RED, "out of memory, timed out, unbuildable or too large"),
    ):
        rows = trials[trials["ended"].isin(statuses)]
        if len(rows):
            ax.scatter(
                rows["trial"],
                [0.03] * len(rows),
                marker=marker,
                s=28 * marker_scale(len(rows)),
                color=colour,
                rasterized=len(rows) > MOST_DRAWN,
                transform=ax.get_xaxis_transform(),
                label=label,
            )
