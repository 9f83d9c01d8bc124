"""Plot which steps of sequences decide a model's output."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from tcn_search.plots.style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    RED,
    SKY,
    axes_or_new,
    fit_height,
    label_axes,
    legend_outside,
    nothing_to_show,
)

_MOST_CELLS = 200


def plot_attribution(
    attributions: pd.DataFrame,
    sequence: int | None = None,
    receptive_field: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Plot one sequence, and what each of its steps adds to the output.

    Args:
        attributions: as `attribution_frame` returns them: sequence, class, step, value and
            attribution.
        sequence: number of the sequence; default: the first one.
        receptive_field: steps that the last step sees; the steps before it are marked.
        ax: where to draw; default: a new figure.

    Raises:
        ValueError: there is no such sequence.
    """
    ax = axes_or_new(ax)
    if attributions.empty:
        return nothing_to_show(ax, "Attribution", "There is no sequence")
    if sequence is None:
        sequence = attributions["sequence"].iloc[0]
    own = attributions[attributions["sequence"] == sequence].sort_values("step")
    if own.empty:
        raise ValueError(f"sequence must be one of the table. Received: {sequence!r}")
    values = own["value"].to_numpy(dtype=float)
    weights = own["attribution"].to_numpy(dtype=float)
    steps = own["step"].to_numpy()
    spread = float(np.ptp(values)) or 1.0
    largest = float(np.abs(weights).max()) or 1.0
    ax.plot(
        steps, (values - values.min()) / spread + 0.15, color=INK, linewidth=1, label="sequence"
    )
    heights = 0.5 * weights / largest - 0.5
    for chosen, colour, hatch, label in (
        (weights >= 0, BLUE, "", "speaks for the class"),
        (weights < 0, RED, "////", "speaks against it"),
    ):
        if chosen.any():
            ax.fill_between(
                steps,
                -0.5,
                np.where(chosen, heights, -0.5),
                step="mid",
                facecolor=colour,
                edgecolor="white" if hatch else colour,
                hatch=hatch,
                linewidth=0.4,
                label=label,
            )
    ax.axhline(-0.5, color=GREY, linewidth=0.6)
    ax.set_yticks([])
    ax.set_xlim(steps[0] - 0.5, steps[-1] + 0.5)
    _mark_receptive_field(ax, receptive_field, len(steps))
    name = own["class"].iloc[0]
    label_axes(ax, f"Sequence {sequence}, class {name}: which steps decide", "time step")
    legend_outside(ax)
    return ax


def plot_class_attribution(
    attributions: pd.DataFrame, receptive_field: int | None = None, ax: Axes | None = None
) -> Axes:
    """Plot the mean absolute attribution of each step for each class, each class on its own scale.

    Args:
        attributions: as of `plot_attribution`.
        receptive_field: steps that the last step sees; its begin is marked.
        ax: where to draw; default: a new figure.
    """
    ax = axes_or_new(ax)
    title = "Which steps decide, by class"
    if attributions.empty:
        return nothing_to_show(ax, title, "There is no sequence")
    table = attributions.assign(attribution=attributions["attribution"].abs())
    means = table.pivot_table(index="class", columns="step", values="attribution", sort=True)
    length = means.shape[1]
    edges = np.unique(np.linspace(0, length, min(length, _MOST_CELLS) + 1).round().astype(int))
    cells = np.add.reduceat(means.to_numpy(), edges[:-1], axis=1) / np.diff(edges)
    shades = cells / np.maximum(np.nanmax(cells, axis=1, keepdims=True), 1e-12)
    fit_height(ax, len(means), each=0.34, around=1.4)
    ax.pcolormesh(
        edges - 0.5,
        np.arange(len(means) + 1) - 0.5,
        shades,
        cmap="Blues",
        vmin=0,
        vmax=1,
        rasterized=True,
    )
    counts = attributions.groupby("class")["sequence"].nunique()
    ax.set_yticks(range(len(means)), [f"{name} ({counts[name]:,})" for name in means.index])
    ax.set_ylim(len(means) - 0.5, -0.5)
    ax.grid(False)
    _mark_receptive_field(ax, receptive_field, length)
    label_axes(ax, f"{title}: darker decides more", "time step", "class (sequences)")
    legend_outside(ax)
    return ax


def _mark_receptive_field(ax: Axes, receptive_field: int | None, length: int) -> None:
    """Mark where the receptive field of the last step begins, and that it holds all after it."""
    if receptive_field is None:
        return
    first = max(0, length - receptive_field) - 0.5
    label = f"receptive field of the last step, {receptive_field:,} steps"
    ax.axvline(first, color=ORANGE, linewidth=1.6, linestyle="--", label=label)
    if first > 0:
        ax.axvspan(-0.5, first, facecolor="none", edgecolor=SKY, hatch="..", linewidth=0, alpha=0.5)
