"""Plot the learning curves of all trials, with the best trial and those in training in front."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.ticker import MaxNLocator

from tcn_search.plots.style import (
    BLUE,
    COLOURS,
    GREY,
    MARKERS,
    ORANGE,
    axes_or_new,
    clip_outliers,
    label_axes,
    legend_outside,
    log_scale_if_wide,
    say,
)

_MOST_OTHERS = 200  # more lines cannot be told apart
_RUNNING_COLOURS = tuple(colour for colour in COLOURS if colour not in (BLUE, ORANGE))


def plot_learning_curves(
    curves: pd.DataFrame,
    objective: str,
    best_trial: int | None = None,
    ax: Axes | None = None,
    running: Sequence[int] = (),
) -> Axes:
    """Plot the objective of every epoch, one line for each trial (and fold).

    Of more than 200 other trials, every second, third, ... is drawn, which the legend says. The
    axis is logarithmic where the values span more than a factor of 30, and else ends where nearly
    all values do.

    Args:
        curves: one row for each epoch, with the columns trial, epoch and `objective` (such as
            val_loss), and fold where trials have several folds. The same number on the training
            split (loss), if there is such a column, is drawn for the best trial.
        objective: the column to draw.
        best_trial: the trial to put in front.
        ax: where to draw; default: a new figure.
        running: trials in training, each of which has a colour and a marker.
    """
    ax = axes_or_new(ax)
    in_front = [best_trial, *running]
    _draw_other_trials(ax, curves[~curves["trial"].isin(in_front)], objective)
    for index, trial in enumerate(running):
        _draw_running_trial(ax, curves[curves["trial"] == trial], objective, index)
    for index, curve in enumerate(_trainings(curves[curves["trial"] == best_trial])):
        name = f"trial {best_trial}" if index == 0 else None  # one legend entry for all folds
        _draw_best_trial(ax, curve, objective, name)
    if objective in curves:  # before the first epoch there is no such column
        log_scale_if_wide(ax, curves[objective])
        clip_outliers(ax, curves[objective])
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    label_axes(ax, "Learning curves", "epoch", objective.removeprefix("val_"))
    if curves.empty:
        say(ax, "No trial has finished an epoch yet")
    legend_outside(ax)
    return ax


def _draw_other_trials(ax: Axes, curves: pd.DataFrame, objective: str) -> None:
    trials = curves["trial"].unique()
    if not len(trials):
        return
    step = math.ceil(len(trials) / _MOST_OTHERS)
    label = "other trials, validation"
    if step > 1:
        label += f" (one in {step} of {len(trials):,})"
    drawn = _trainings(curves[curves["trial"].isin(trials[::step])])
    lines = [curve[["epoch", objective]].to_numpy(dtype=float) for curve in drawn]
    ax.add_collection(LineCollection(lines, colors=GREY, alpha=0.45, linewidths=0.9, label=label))
    ends = [line[-1] for line in lines]
    ax.plot(*zip(*ends, strict=True), ".", color=GREY, markersize=4, alpha=0.6)
    ax.autoscale_view()


def _trainings(curves: pd.DataFrame) -> list[pd.DataFrame]:
    """Split the epochs into one frame for each training: a trial, or a fold of a trial."""
    keys = [column for column in ("trial", "fold") if column in curves]
    return [curve for _, curve in curves.groupby(keys, dropna=False)]


def _draw_running_trial(ax: Axes, curves: pd.DataFrame, objective: str, index: int) -> None:
    """Draw the validation values of a trial in training, the last one as a marker."""
    for number, curve in enumerate(_trainings(curves)):
        ax.plot(
            curve["epoch"],
            curve[objective],
            color=_RUNNING_COLOURS[index % len(_RUNNING_COLOURS)],
            linewidth=1.4,
            marker=MARKERS[index % len(MARKERS)],
            markevery=[-1],
            markersize=5,
            label=f"trial {curve['trial'].iloc[0]}, in training" if number == 0 else None,
            zorder=2.5,
        )


def _draw_best_trial(ax: Axes, curve: pd.DataFrame, objective: str, name: str | None) -> None:
    """Draw validation and training values; without a name they have no entry in the legend."""
    ax.plot(
        curve["epoch"],
        curve[objective],
        color=BLUE,
        linewidth=1.8,
        label=name and f"{name}, validation",
        zorder=3,
    )
    training = objective.removeprefix("val_")
    if training in curve:
        ax.plot(
            curve["epoch"],
            curve[training],
            color=ORANGE,
            linewidth=1.2,
            linestyle="--",
            label=name and f"{name}, training",
        )
