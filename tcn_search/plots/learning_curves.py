"""Learning curves of all trials, the best one in front."""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.ticker import MaxNLocator

from tcn_search.plots.style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    axes_or_new,
    legend_outside,
    log_scale_if_wide,
)

_MOST_OTHERS = 200  # of which each can still be told from the next


def plot_learning_curves(
    curves: pd.DataFrame, objective: str, best_trial: int | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the validation value of every epoch, one line a trial.

    Of more than 200 other trials every second, third, ... is drawn, which the legend says.

    Args:
        curves: columns trial, epoch and `objective` (such as val_loss), and fold where a trial has several, each
            of which is a line; the training part's number (loss) is drawn for the best trial if it is there.
        objective: the column to draw.
        best_trial: the trial to put in front.
        ax: where to draw; default a new figure.
    """
    ax = axes_or_new(ax)
    _draw_others(ax, curves[curves["trial"] != best_trial], objective)
    best = curves[curves["trial"] == best_trial]
    for number, curve in enumerate(_lines(best)):
        _draw_best(ax, curve, objective, None if number else f"trial {best_trial}")
    log_scale_if_wide(
        ax, curves.get(objective, pd.Series(dtype=float))
    )  # no column before the first epoch
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("epoch")
    ax.set_ylabel(objective)
    ax.set_title("Learning curves", loc="left", fontsize=11, color=INK)
    legend_outside(ax)
    return ax


def _draw_others(ax: Axes, curves: pd.DataFrame, objective: str) -> None:
    trials = curves["trial"].unique()
    if not len(trials):
        return
    step = math.ceil(len(trials) / _MOST_OTHERS)
    label = "other trials" if step == 1 else f"other trials, one in {step} of {len(trials):,}"
    shown = _lines(curves[curves["trial"].isin(trials[::step])])
    lines = [curve[["epoch", objective]].to_numpy(dtype=float) for curve in shown]
    ax.add_collection(LineCollection(lines, colors=GREY, alpha=0.45, linewidths=0.9, label=label))
    ends = [line[-1] for line in lines]
    ax.plot(*zip(*ends, strict=True), ".", color=GREY, markersize=4, alpha=0.6)
    ax.autoscale_view()


def _lines(curves: pd.DataFrame) -> list[pd.DataFrame]:
    """The epochs of one training each."""
    keys = [column for column in ("trial", "fold") if column in curves]
    return [curve for _, curve in curves.groupby(keys, dropna=False)]


def _draw_best(ax: Axes, best: pd.DataFrame, objective: str, name: str | None) -> None:
    training = objective.removeprefix("val_")
    ax.plot(
        best["epoch"],
        best[objective],
        color=BLUE,
        linewidth=1.8,
        label=name and f"{name}, validation",
        zorder=3,
    )
    if training in best:
        ax.plot(
            best["epoch"],
            best[training],
            color=ORANGE,
            linewidth=1.2,
            linestyle="--",
            label=name and f"{name}, training",
        )
