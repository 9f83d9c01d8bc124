"""Plot the trainings over seeds: of the winner with its ensemble, and of ranked candidates."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from tcn_search.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    axes_or_new,
    fit_height,
    label_axes,
    legend_outside,
    nothing_to_show,
)


def plot_seeds(scores: pd.DataFrame, metric: str, ax: Axes | None = None) -> Axes:
    """Plot the score of each final training of the winner, and of their ensemble as lines.

    Args:
        scores: columns split ("validation" or "test"), seed (missing for the ensemble) and score.
        metric: name of the score, for the label.
        ax: where to draw; default: a new figure.
    """
    ax = axes_or_new(ax)
    title = "The winner over seeds"
    known = scores.dropna(subset="score")
    if known.empty:
        return nothing_to_show(ax, title, "No final training has a score")
    members = known.dropna(subset="seed")
    seeds = sorted(members["seed"].astype(int).unique())
    for split, colour, marker, line in (
        ("validation", BLUE, "o", "--"),
        ("test", ORANGE, "D", "-"),
    ):
        own = members[members["split"] == split]
        if len(own):
            places = [seeds.index(int(seed)) for seed in own["seed"]]
            label = f"{split}, mean {own['score'].mean():.4g}"
            ax.scatter(
                places, own["score"], s=40, marker=marker, color=colour, label=label, zorder=3
            )
        together = known[known["seed"].isna() & (known["split"] == split)]
        if len(together):
            score = together["score"].iloc[0]
            label = f"{split}, ensemble {score:.4g}"
            ax.axhline(score, color=colour, linestyle=line, linewidth=1.6, label=label)
    ax.set_xticks(range(len(seeds)), [str(seed) for seed in seeds])
    ax.set_xlim(-0.5, len(seeds) - 0.5)
    label_axes(ax, title, "seed of the final training", metric)
    legend_outside(ax)
    return ax


def plot_candidates(runs: pd.DataFrame, objective: str, ax: Axes | None = None) -> Axes:
    """Plot the trainings by which the best trials were ranked: the trial's own, and its re-runs.

    Args:
        runs: columns trial, seed and score, the winner first.
        objective: name of the score, for the label.
        ax: where to draw; default: a new figure.
    """
    ax = axes_or_new(ax)
    title = "The best trials over seeds, the winner on top"
    known = runs.dropna(subset="score")
    if known.empty:
        return nothing_to_show(ax, title, "No trial was trained again")
    trials = list(dict.fromkeys(known["trial"]))
    fit_height(ax, len(trials), each=0.34, around=1.4)
    heights = known["trial"].map(trials.index)
    label = "one training"
    ax.scatter(known["score"], heights, s=30, facecolors="none", edgecolors=GREY, label=label)
    means = known.groupby("trial")["score"].mean()
    ax.scatter(
        means[trials],
        range(len(trials)),
        s=90,
        marker="|",
        color=BLUE,
        linewidths=2.4,
        label="mean",
    )
    counts = known["trial"].value_counts()
    labels = [f"trial {trial} ({counts[trial]})" for trial in trials]
    ax.set_yticks(range(len(trials)), labels)
    ax.set_ylim(len(trials) - 0.5, -0.5)
    label_axes(ax, title, objective)
    legend_outside(ax)
    return ax
