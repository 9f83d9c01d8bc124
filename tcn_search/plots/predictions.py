"""Plot predictions against the truth: classes as a matrix and as scores, numbers as dots."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from tcn_search.plots.style import (
    BLUE,
    GREY,
    INK,
    MOST_DRAWN,
    ORANGE,
    axes_or_new,
    figure_of,
    fit_height,
    label_axes,
    legend_outside,
    marker_scale,
    nothing_to_show,
    text_sizes,
)

_MOST_COUNTS = 12  # classes whose counts are written into the matrix
_MOST_CLASSES = 30  # whose scores are drawn


def plot_confusion_matrix(counts: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Plot how often each class was taken for each, darker for a larger share of the true class.

    Args:
        counts: one row for each true class and one column for each predicted one, in the same
            order; index and columns are the names of the classes.
        ax: where to draw; default: a new figure.
    """
    ax = axes_or_new(ax)
    total = int(counts.to_numpy().sum()) if len(counts) else 0
    if not total:
        return nothing_to_show(ax, "Confusion matrix", "There are no predictions")
    fit_height(ax, 1, each=0.82 * figure_of(ax).get_figwidth(), around=0)
    values = counts.to_numpy(dtype=float)
    shares = values / np.maximum(values.sum(axis=1, keepdims=True), 1)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="equal")
    names = [str(name) for name in counts.index]
    size = text_sizes(ax).tick
    if len(names) <= _MOST_COUNTS:
        for (row, column), count in np.ndenumerate(counts.to_numpy()):
            colour = "white" if shares[row, column] > 0.55 else INK
            text = f"{int(count):,}" if count else ""
            ax.text(column, row, text, ha="center", va="center", color=colour, fontsize=size)
    every = -(-len(names) // int(4.2 * figure_of(ax).get_figwidth()))
    ticks = range(0, len(names), every)
    crowded = len(names) * max(map(len, names)) > 30
    ax.set_yticks(ticks, names[::every])
    ax.set_xticks(ticks, names[::every], rotation=90 if crowded else 0)
    ax.grid(False)
    right = int(np.trace(values))
    title = f"Confusion matrix: {right:,} of {total:,} right"
    label_axes(ax, title, "predicted class", "true class")
    return ax


def plot_class_scores(scores: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Plot precision, recall and F1 of each class, the lowest F1 on top.

    Of more than 30 classes, those of the lowest F1 are drawn.

    Args:
        scores: columns class, precision, recall, f1, and examples (of the class).
        ax: where to draw; default: a new figure.
    """
    ax = axes_or_new(ax)
    title = "Scores by class"
    if scores.empty:
        return nothing_to_show(ax, title, "There are no predictions")
    shown = scores.sort_values("f1").head(_MOST_CLASSES)
    if len(shown) < len(scores):
        title += f": the {_MOST_CLASSES} of lowest F1, of {len(scores):,}"
    fit_height(ax, len(shown), each=0.3, around=1.4)
    heights = range(len(shown))
    ax.hlines(heights, 0, shown["f1"], color=GREY, linewidth=0.8, zorder=1)
    for column, label, marker, colour, face in (
        ("f1", "F1", "o", BLUE, BLUE),
        ("precision", "precision", ">", ORANGE, "none"),
        ("recall", "recall", "<", INK, "none"),
    ):
        ax.scatter(
            shown[column],
            heights,
            s=34,
            marker=marker,
            facecolors=face,
            edgecolors=colour,
            label=label,
            zorder=3,
        )
    labels = [f"{row['class']} ({row['examples']:,})" for _, row in shown.iterrows()]
    ax.set_yticks(heights, labels)
    ax.set_ylim(len(shown) - 0.5, -0.5)
    ax.set_xlim(-0.02, 1.02)
    ax.grid(False, axis="y")
    label_axes(ax, title, "score", "class (examples)")
    legend_outside(ax)
    return ax


def plot_true_against_predicted(predictions: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Plot each predicted number over the true one; on the line they are equal.

    Args:
        predictions: columns truth and prediction, in the units of the target.
        ax: where to draw; default: a new figure.
    """
    ax = axes_or_new(ax)
    title = "True and predicted"
    known = predictions.dropna(subset=["truth", "prediction"])
    if known.empty:
        return nothing_to_show(ax, title, "There are no predictions")
    numbers = known[["truth", "prediction"]].to_numpy(dtype=float)
    low, high = float(numbers.min()), float(numbers.max())
    margin = 0.04 * (high - low or 1)
    ends = (low - margin, high + margin)
    ax.plot(ends, ends, color=GREY, linewidth=1, label="equal", zorder=1)
    ax.scatter(
        known["truth"],
        known["prediction"],
        s=22 * marker_scale(len(known)),
        color=BLUE,
        alpha=0.5,
        linewidths=0,
        rasterized=len(known) > MOST_DRAWN,
        label=f"one of {len(known):,} predictions",
    )
    ax.set_xlim(ends)
    ax.set_ylim(ends)
    error = float((known["truth"] - known["prediction"]).abs().mean())
    label_axes(ax, f"{title}: mean absolute error {error:.3g}", "truth", "prediction")
    legend_outside(ax)
    return ax
