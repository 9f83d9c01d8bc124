"""Plot the seconds that trials of each status took."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from tcn_search.plots.style import (
    axes_or_new,
    fit_height,
    label_axes,
    label_bars,
    nothing_to_show,
    status_style,
    unit_of_time,
)


def plot_budget(trials: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Plot the time spent on trials of each status, with their number and share.

    Args:
        trials: columns ended and seconds, as in `Study.trials` or trials.csv.
        ax: where to draw; default: a new figure.
    """
    ax = axes_or_new(ax, height=2.4)
    title = "Time spent, by how trials ended"
    seconds = trials.assign(seconds=trials["seconds"].astype(float)).groupby("ended")["seconds"]
    table = seconds.agg(["sum", "size"]).sort_values("sum")
    total = float(table["sum"].sum())
    if not total:
        return nothing_to_show(ax, title, "No trial has taken any time yet")
    longest = float(table["sum"].max())
    divisor, unit = unit_of_time(longest)
    fit_height(ax, len(table), each=0.32)
    styles = [status_style(str(status)) for status in table.index]
    bars = ax.barh(
        range(len(table)),
        table["sum"] / divisor,
        0.62,
        color=[style.colour for style in styles],
        hatch=[style.hatch for style in styles],
        edgecolor="white",
    )
    label_bars(ax, bars, [f"{spent / total:.0%}" for spent in table["sum"]])
    labels = [
        f"{str(status).replace('_', ' ')} ({int(count):,})"
        for status, count in table["size"].items()
    ]
    ax.set_yticks(range(len(table)), labels)
    ax.set_xlim(0, 1.14 * longest / divisor)  # room for the numbers
    ax.grid(False, axis="y")
    label_axes(ax, title, f"{unit} of training, in all")
    return ax
