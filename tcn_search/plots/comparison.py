"""A TCN and recurrent networks of its size, each seed a dot."""

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
)


def plot_comparison(runs: pd.DataFrame, metric: str, ax: Axes | None = None) -> Axes:
    """The metric of every final run: validation and test side by side, their means as lines.

    Args:
        runs: columns contender, metric (validation) and test, one row a final training.
        metric: what the numbers are, for the label.
        ax: where to draw; default a new figure.
    """
    ax = axes_or_new(ax)
    names = list(dict.fromkeys(runs["contender"]))[::-1]
    for column, colour, shift, label in (
        ("metric", BLUE, 0.13, "validation"),
        ("test", ORANGE, -0.13, "test"),
    ):
        shown = runs.dropna(subset=column)
        if shown.empty:
            continue
        places = [names.index(name) + shift for name in shown["contender"]]
        ax.scatter(
            shown[column],
            places,
            s=30,
            color=colour,
            alpha=0.8,
            label=f"{label}, one a seed",
            zorder=3,
        )
        for name, mean in shown.groupby("contender")[column].mean().items():
            place = names.index(name) + shift
            ax.plot([mean, mean], [place - 0.11, place + 0.11], color=colour, linewidth=2.2)
    ax.set_yticks(range(len(names)), [_label(runs, name) for name in names], color=INK)
    ax.set_ylim(-0.6, len(names) - 0.4)
    log_scale_if_wide(ax, pd.concat([runs["metric"], runs["test"]]), "x")
    ax.grid(axis="y", visible=False)
    ax.axhline(-0.6, color=GREY, linewidth=0.8)
    ax.set_xlabel(metric)
    ax.set_title("Against recurrent networks of the same size", loc="left", fontsize=11, color=INK)
    legend_outside(ax)
    return ax


def _label(runs: pd.DataFrame, name: str) -> str:
    row = runs[runs["contender"] == name].iloc[0]
    return f"{name}\n{row['parameters']:,} parameters\n{row['seconds_an_epoch']:.3g} s an epoch"
