"""Optimisation history: the score of every trial, and the best so far."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from tcn_search.plots.style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    RED,
    axes_or_new,
    legend_outside,
    log_scale_if_wide,
    smaller,
)


def plot_history(
    trials: pd.DataFrame, objective: str, direction: str = "minimize", ax: Axes | None = None
) -> Axes:
    """Score by trial.

    Args:
        trials: columns trial, ended, score.
        objective: what the score is, for the label.
        direction: "minimize" or "maximize".
        ax: where to draw; default a new figure (`Axes.figure`).
    """
    ax = axes_or_new(ax)
    complete, stopped = (
        trials[trials["ended"] == ended].dropna(subset="score") for ended in ("complete", "pruned")
    )
    scale = smaller(len(stopped) + len(complete))
    ax.scatter(
        stopped["trial"],
        stopped["score"],
        s=26 * scale,
        facecolors="none",
        edgecolors=GREY,
        linewidths=1.5 * scale**0.5,
        label="pruned early",
    )
    ax.scatter(
        complete["trial"],
        complete["score"],
        s=30 * scale,
        color=BLUE,
        linewidths=1.5 * scale**0.5,
        label="complete",
        zorder=3,
    )
    if not complete.empty:
        best = complete["score"].cummax() if direction == "maximize" else complete["score"].cummin()
        end = max(trials["trial"].max(), complete["trial"].max())
        ax.step(
            [*complete["trial"], end],
            [*best, best.iloc[-1]],
            where="post",
            color=ORANGE,
            label="best so far",
        )
        ax.annotate(
            f"{best.iloc[-1]:.4g}",
            (end, best.iloc[-1]),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color=INK,
            fontsize=9,
        )
    _mark_uncounted(ax, trials)
    log_scale_if_wide(ax, pd.concat([complete["score"], stopped["score"]]))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("trial")
    ax.set_ylabel(f"{objective} (best epoch)")
    ax.set_title("Optimisation history", loc="left", fontsize=11, color=INK)
    legend_outside(ax)
    return ax


def _mark_uncounted(ax: Axes, trials: pd.DataFrame) -> None:
    """Marks on the axis for trials whose score, if they have one, does not count."""
    limits = ["out_of_memory", "over_time", "unbuildable", "too_large"]
    for endings, colour, label in (
        (["infeasible"], GREY, "infeasible, never built"),
        (["diverged"], RED, "diverged"),
        (["failed"], RED, "failed"),
        (limits, RED, "out of memory, over time, unbuildable or too large"),
    ):
        rows = trials[trials["ended"].isin(endings)]
        if len(rows):
            marker = "|" if endings == ["infeasible"] else "x"
            ax.scatter(
                rows["trial"],
                [0.015] * len(rows),
                marker=marker,
                s=28 * smaller(len(rows)),
                color=colour,
                transform=ax.get_xaxis_transform(),
                label=label,
                clip_on=False,
            )
