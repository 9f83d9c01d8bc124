"""Plot the scores of the trials by the value of each hyperparameter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from tcn_search.plots.hyperparameters import categories, varied_hyperparameters
from tcn_search.plots.style import (
    BLUE,
    GREY,
    MOST_DRAWN,
    ORANGE,
    axes_or_new,
    fit_height,
    label_axes,
    legend_outside,
    log_scale_if_wide,
    marker_scale,
    nothing_to_show,
)

_GOLDEN = 0.618034  # multiples of it, modulo 1, spread dots evenly


def plot_slices(
    trials: pd.DataFrame,
    objective: str,
    hyperparameters: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Plot the scores for each value of each hyperparameter, one row a value.

    Each row has the number of its trials, and a line at the median of the complete ones. Numbers
    that take many values, such as a learning rate, are divided into four ranges.

    Args:
        trials: as in `Study.trials` or trials.csv.
        objective: name of the score, for the label.
        hyperparameters: columns to show; default: all that differ between trials.
        ax: where to draw; default: a new figure, as high as there are rows.
    """
    ax = axes_or_new(ax)
    title = "Score by hyperparameter, with the number of trials"
    scored = trials.dropna(subset="score")
    names = varied_hyperparameters(scored, hyperparameters)
    if scored.empty or not names:
        return nothing_to_show(
            ax, title, "No two trials with a score differ in a hyperparameter yet"
        )
    labels: list[str] = []
    rows: list[pd.DataFrame] = []
    headings = []
    for name in names:
        headings.append(len(labels))
        labels.append(name)
        words, order = categories(scored[name])
        for word in order:
            own = scored.loc[words.index[words == word]]
            rows.append(own.assign(height=-float(len(labels))))
            labels.append(f"{word} ({len(own):,})")
    fit_height(ax, len(labels), around=1.3)
    _draw_rows(ax, pd.concat(rows))
    for row in rows:
        _draw_median(ax, row)
    heights = -np.arange(len(labels))
    ax.set_yticks(heights, labels)
    for heading in headings:
        ax.get_yticklabels()[heading].set_fontweight("bold")
    ax.set_ylim(-len(labels) + 0.4, 0.6)
    ax.tick_params(axis="y", length=0)
    ax.grid(False, axis="y")
    log_scale_if_wide(ax, scored["score"], "x")
    label_axes(ax, title, f"{objective} (best epoch)")
    legend_outside(ax)
    return ax


def _draw_rows(ax: Axes, drawn: pd.DataFrame) -> None:
    """Draw a dot for each trial in each of its rows, with some height to tell dots apart."""
    shift = 0.5 * ((np.arange(len(drawn)) * _GOLDEN) % 1 - 0.5)
    scale = marker_scale(drawn["trial"].nunique() if "trial" in drawn else len(drawn))
    is_complete = (drawn["ended"] == "complete").to_numpy()
    is_rasterized = len(drawn) > MOST_DRAWN
    for selected, face, edge, label in (
        (~is_complete, "none", GREY, "pruned early, or ended otherwise"),
        (is_complete, BLUE, BLUE, "complete"),
    ):
        if selected.any():
            ax.scatter(
                drawn["score"][selected],
                (drawn["height"] + shift)[selected],
                s=18 * scale,
                facecolors=face,
                edgecolors=edge,
                linewidths=scale**0.5,
                alpha=0.8,
                rasterized=is_rasterized,
                label=label,
            )


def _draw_median(ax: Axes, row: pd.DataFrame) -> None:
    complete = row.loc[row["ended"] == "complete", "score"]
    if complete.empty:
        return
    label = None
    if "median of the complete" not in ax.get_legend_handles_labels()[1]:
        label = "median of the complete"
    height = row["height"].iloc[0]
    middle = [complete.median()] * 2
    ax.plot(middle, [height - 0.4, height + 0.4], color=ORANGE, linewidth=2.4, label=label)
