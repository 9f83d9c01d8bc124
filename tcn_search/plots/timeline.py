"""Plot when each trial was trained, on which worker, and how it ended."""

from __future__ import annotations

import heapq

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from tcn_search.plots.style import (
    axes_or_new,
    fit_height,
    label_axes,
    legend_outside,
    nothing_to_show,
    status_style,
    unit_of_time,
)

_MOST_HATCHED = 300  # bars; more are too narrow for a pattern


def plot_timeline(trials: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Plot a bar for each trial from its start to its end; trials at the same time are in rows.

    A row is a worker as far as the times tell: a trial takes the first row of its machine that is
    free. Trials that were never built have no bar.

    Args:
        trials: columns ended, started, seconds and machine, and perhaps completed, as in
            `Study.trials` or trials.csv.
        ax: where to draw; default: a new figure.
    """
    ax = axes_or_new(ax, height=2.4)
    title = "Trials over time, by worker"
    timed = _timed(trials)
    if timed.empty:
        return nothing_to_show(ax, title, "No trial has a start and a duration yet")
    timed = timed.assign(row=_rows(timed))
    first = timed["start"].min()
    span = (timed["end"].max() - first).total_seconds()
    divisor, unit = unit_of_time(span)
    fit_height(ax, timed["row"].nunique(), each=0.28, around=1.2)
    handles = []
    for status, own in timed.groupby("ended", sort=False):
        style = status_style(str(status))
        hatch = style.hatch if len(timed) <= _MOST_HATCHED else ""
        for row, bars in own.groupby("row"):
            starts = (bars["start"] - first).dt.total_seconds() / divisor
            widths = (bars["end"] - bars["start"]).dt.total_seconds() / divisor
            ax.broken_barh(
                list(zip(starts, widths, strict=True)),
                (row - 0.4, 0.8),
                facecolors=style.colour,
                edgecolors="white",
                linewidth=0.5 if len(timed) <= _MOST_HATCHED else 0,
                hatch=hatch,
            )
        label = f"{str(status).replace('_', ' ')} ({len(own):,})"
        handles.append(
            Patch(facecolor=style.colour, edgecolor="white", hatch=style.hatch, label=label)
        )
    rows = timed["row"].nunique()
    ax.set_yticks(range(rows), [str(row + 1) for row in range(rows)])
    ax.set_ylim(rows - 0.5, -0.5)
    ax.grid(False, axis="y")
    label_axes(ax, title, f"{unit} since the first trial started", "worker")
    legend_outside(ax, handles)
    return ax


def _timed(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the trials that took time, with start and end, in the order of their starts."""
    start = pd.to_datetime(trials["started"])
    end = start + pd.to_timedelta(trials["seconds"].astype(float), unit="s")
    if "completed" in trials:
        end = pd.to_datetime(trials["completed"]).fillna(end)
    timed = trials.assign(start=start, end=end).dropna(subset=["start", "end", "seconds"])
    return timed[timed["end"] > timed["start"]].sort_values("start")


def _rows(timed: pd.DataFrame) -> list[int]:
    """Return the row of each trial: the first of its machine that is free when it starts."""
    free_again: dict[str, list[tuple[pd.Timestamp, int]]] = {}
    rows = []
    used = 0
    for trial in timed.itertuples():
        machine = str(getattr(trial, "machine", ""))
        waiting = free_again.setdefault(machine, [])
        if waiting and waiting[0][0] <= trial.start:
            _, row = heapq.heappop(waiting)
        else:
            row = used
            used += 1
        heapq.heappush(waiting, (trial.end, row))
        rows.append(row)
    return rows
