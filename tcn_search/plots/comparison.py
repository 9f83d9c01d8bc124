"""Plot the scores of a TCN and of other networks and classifiers, with a dot for each seed."""

from __future__ import annotations

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
    say,
)


def plot_comparison(runs: pd.DataFrame, metric: str, ax: Axes | None = None) -> Axes:
    """Plot the metric of every final training: validation and test, with their means as lines.

    Args:
        runs: one row for each final training, with the columns contender, metric (on the validation
            split), test, parameters and seconds_an_epoch; the last two are 0 where they mean
            nothing. Optional columns: title, the contenders' names for people, and seconds, the
            time of a training.
        metric: name of the metric, for the label.
        ax: where to draw; default: a new figure.
    """
    ax = axes_or_new(ax)
    contenders = list(dict.fromkeys(runs["contender"]))[::-1]
    for column, colour, marker, shift, label in (
        ("metric", BLUE, "o", 0.13, "validation"),
        ("test", ORANGE, "D", -0.13, "test"),
    ):
        scored = runs.dropna(subset=column)
        if scored.empty:
            continue
        heights = [contenders.index(contender) + shift for contender in scored["contender"]]
        ax.scatter(
            scored[column],
            heights,
            s=30,
            marker=marker,
            color=colour,
            alpha=0.8,
            label=f"{label}, one per seed",
            zorder=3,
        )
        for contender, mean in scored.groupby("contender")[column].mean().items():
            height = contenders.index(contender) + shift
            ax.plot([mean, mean], [height - 0.11, height + 0.11], color=colour, linewidth=2.2)
    labels = [_label(runs, contender) for contender in contenders]
    ax.set_yticks(range(len(contenders)), labels, color=INK)
    ax.set_ylim(-0.6, len(contenders) - 0.4)
    log_scale_if_wide(ax, pd.concat([runs["metric"], runs["test"]]), "x")
    ax.grid(axis="y", visible=False)
    ax.axhline(-0.6, color=GREY, linewidth=0.8)
    label_axes(ax, "Against other networks and classifiers", metric)
    if not contenders:
        say(ax, "Nothing has been compared yet")
    legend_outside(ax)
    return ax


def _label(runs: pd.DataFrame, contender: str) -> str:
    own_runs = runs[runs["contender"] == contender]
    first_run = own_runs.iloc[0]
    lines = [first_run.get("title", contender)]
    if first_run["parameters"]:
        lines.append(f"{first_run['parameters']:,} parameters")
    if "seconds" in runs and own_runs["seconds"].notna().any():
        lines.append(f"{own_runs['seconds'].median():.3g} s of training")
    elif first_run["seconds_an_epoch"]:
        lines.append(f"{first_run['seconds_an_epoch']:.3g} s an epoch")
    return "\n".join(lines)
