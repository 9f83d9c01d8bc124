"""Learning curves of all trials, the best one in front."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from tcn_search.plots.style import BLUE, GREY, INK, ORANGE, axes_or_new, legend_outside, log_scale_if_wide


def plot_learning_curves(
    curves: pd.DataFrame, objective: str, best_trial: int | None = None, ax: Axes | None = None
) -> Axes:
    """The validation value of every epoch, one line a trial.

    Args:
        curves: columns trial, epoch and `objective` (such as val_loss), and fold where a trial has several, each
            of which is a line; the training part's number (loss) is drawn for the best trial if it is there.
        objective: the column to draw.
        best_trial: the trial to put in front.
        ax: where to draw; default a new figure.
    """
    ax = axes_or_new(ax)
    others = "other trials"
    of_others = curves[curves["trial"] != best_trial]
    for curve in _lines(of_others):
        ax.plot(curve["epoch"], curve[objective], color=GREY, alpha=0.45, linewidth=0.9, label=others)
        ax.plot(
            curve["epoch"].iloc[-1:], curve[objective].iloc[-1:], ".", color=GREY, markersize=4, alpha=0.6
        )
        others = "_nolegend_"
    best = curves[curves["trial"] == best_trial]
    for number, curve in enumerate(_lines(best)):
        _draw_best(ax, curve, objective, None if number else f"trial {best_trial}")
    log_scale_if_wide(ax, curves.get(objective, pd.Series(dtype=float)))  # no column before the first epoch
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("epoch")
    ax.set_ylabel(objective)
    ax.set_title("Learning curves", loc="left", fontsize=11, color=INK)
    legend_outside(ax)
    return ax


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
