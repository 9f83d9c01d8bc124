"""Plot a comparison over several datasets or studies: scores and ranks, critical difference."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.stats import studentized_range

from tcn_search.plots.style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    axes_or_new,
    fit_height,
    label_axes,
    legend_outside,
    nothing_to_show,
    text_sizes,
)


def plot_studies(
    scores: pd.DataFrame, metric: str, direction: str = "maximize", ax: Axes | None = None
) -> Axes:
    """Plot the scores of each contender on all datasets, with their mean and mean rank.

    Args:
        scores: one row for each dataset, one column for each contender; missing where a contender
            was not trained. Ranks are those among the rows without a missing score.
        metric: name of the score, for the label.
        direction: "maximize" or "minimize".
        ax: where to draw; default: a new figure.
    """
    ax = axes_or_new(ax)
    title = f"Scores on {len(scores):,} datasets, best mean rank on top"
    if scores.empty:
        return nothing_to_show(
            ax, "Scores on several datasets", "There is no dataset that has been compared"
        )
    ranks = mean_ranks(scores, direction)
    order = list(ranks.sort_values(kind="stable").index)
    fit_height(ax, len(order), each=0.5, around=1.4)
    for height, name in enumerate(order):
        own = scores[name].dropna()
        label = "one dataset" if height == 0 else None
        ax.scatter(own, [height] * len(own), s=24, facecolors="none", edgecolors=GREY, label=label)
        label = "mean" if height == 0 else None
        ax.scatter(
            [own.mean()], [height], s=110, marker="|", color=BLUE, linewidths=2.6, label=label
        )
    labels = [f"{name}\nmean {scores[name].mean():.4g}, rank {ranks[name]:.2f}" for name in order]
    ax.set_yticks(range(len(order)), labels)
    ax.set_ylim(len(order) - 0.5, -0.5)
    label_axes(ax, title, metric)
    legend_outside(ax)
    return ax


def mean_ranks(scores: pd.DataFrame, direction: str) -> pd.Series:
    """Return the mean rank of each column over the rows without a missing score; 1 is best."""
    complete = scores.dropna()
    if complete.empty:
        complete = scores
    return complete.rank(axis=1, ascending=direction == "minimize").mean()


def plot_critical_difference(
    scores: pd.DataFrame,
    direction: str = "maximize",
    level: float = 0.05,
    ax: Axes | None = None,
) -> Axes:
    """Plot mean ranks, joined where their difference may be chance (Nemenyi's test).

    Two contenders differ if their mean ranks over n datasets are at least
    CD = q · sqrt(k · (k + 1) / (6 · n)) apart, for k contenders and the quantile q of the
    studentised range divided by √2. Source: Demšar 2006, section 3.2.2.

    Args:
        scores: one row for each dataset, one column for each contender. Rows with a missing score
            are left out.
        direction: "maximize" or "minimize".
        level: probability of telling equal contenders apart.
        ax: where to draw; default: a new figure.
    """
    ax = axes_or_new(ax, height=2.6)
    complete = scores.dropna()
    count = scores.shape[1]
    if len(complete) < 2 or count < 2:
        return nothing_to_show(
            ax,
            "Critical difference",
            "A critical difference needs two contenders with scores on two datasets",
        )
    ranks = mean_ranks(complete, direction).sort_values(kind="stable")
    quantile = studentized_range.ppf(1 - level, count, np.inf) / math.sqrt(2)
    difference = float(quantile * math.sqrt(count * (count + 1) / (6 * len(complete))))
    fit_height(ax, count, each=0.26, around=1.2)
    size = text_sizes(ax).tick
    low = 1 - 0.15 * (count - 1)
    for height, (name, rank) in enumerate(ranks.items(), start=1):
        ax.plot([rank, rank], [0, height], color=GREY, linewidth=0.8)
        ax.plot([low, rank], [height, height], color=GREY, linewidth=0.8)
        ax.scatter([rank], [height], s=28, color=BLUE, zorder=3)
        words = f"{name}, {rank:.2f}"
        ax.annotate(
            words,
            (rank, height),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            color=INK,
            fontsize=size,
            bbox={"facecolor": "white", "linewidth": 0, "pad": 0.5},
        )
    for bar, (first, last) in enumerate(_groups(ranks.to_numpy(), difference)):
        label = "no clear difference" if bar == 0 else None
        above = -0.35 - 0.3 * bar
        ax.plot([first, last], [above, above], color=ORANGE, linewidth=3, label=label)
    ax.set_xlim(low, count + 0.35 * (count - 1))
    ax.set_xticks(range(1, count + 1))
    ax.set_ylim(count + 0.6, -0.6 - 0.3 * count)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.grid(False)
    title = (
        f"Mean ranks on {len(complete):,} datasets; clear at {level:.0%} from a difference of "
        f"{difference:.2f}"
    )
    label_axes(ax, title, "mean rank (1 is best)")
    legend_outside(ax)
    return ax


def _groups(ranks: np.ndarray, difference: float) -> list[tuple[float, float]]:
    """Return first and last of each largest group of ascending ranks within the difference."""
    groups: list[tuple[int, int]] = []
    for first in range(len(ranks)):
        last = int(np.searchsorted(ranks, ranks[first] + difference)) - 1
        if last > first and (not groups or last > groups[-1][1]):
            groups.append((first, last))
    return [(float(ranks[first]), float(ranks[last])) for first, last in groups]
