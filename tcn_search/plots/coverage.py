"""Plot the coverage by lag: which of the steps that the task needs are reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from tcn_search.plots.style import (
    BLUE,
    FAINT,
    INK,
    RED,
    SKY,
    axes_or_new,
    label_axes,
    legend_outside,
)

_MOST_CELLS = 200


def plot_coverage(lags: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    """Plot the share of reached lags in at most 200 cells; the past is on the left.

    Args:
        lags: as `coverage_lags` returns it, with lags in steps back from the output step, below 0
            ahead of it: seq_len; unit; reached, all lags that a path reaches; wanted and field, the
            (newest, oldest) lag of the required context and of the receptive field.
        ax: where to draw; default: a new figure (`Axes.figure`).
    """
    ax = axes_or_new(ax, height=2.8)
    unit = lags.get("unit", "steps")
    newest_wanted, oldest_wanted = lags["wanted"]
    newest_seen, oldest_seen = lags["field"]
    reached = np.asarray(lags["reached"], dtype=int)
    low = min([newest_wanted, *reached.tolist()])
    high = max([oldest_wanted, *reached.tolist()])
    cells = min(_MOST_CELLS, high + 1 - low)
    edges = np.unique(np.linspace(low, high + 1, cells + 1).round().astype(int))
    steps = np.arange(low, high + 1)
    is_reached = np.isin(steps, reached)
    is_wanted = (steps >= newest_wanted) & (steps <= oldest_wanted)
    is_in_field = (steps >= newest_seen) & (steps <= oldest_seen)
    kinds = {
        "reached": (BLUE, "", is_reached & is_wanted),
        "reached, not required": (SKY, "///", is_reached & ~is_wanted),
        "blind spot": (RED, "xxx", ~is_reached & is_wanted & is_in_field),
        "out of reach": (FAINT, "", ~is_reached & is_wanted & ~is_in_field),
    }
    bottom = np.zeros(len(edges) - 1)
    for label, (colour, hatch, selected) in kinds.items():
        share = np.histogram(steps[selected], bins=edges)[0] / np.diff(edges)
        if share.any():
            ax.bar(
                edges[:-1] - 0.5,
                share,
                np.diff(edges),
                bottom,
                align="edge",
                color=colour,
                hatch=hatch,
                edgecolor="white",
                linewidth=0,
                label=label,
            )
        bottom += share
    ax.axvline(oldest_wanted + 0.5, color=INK, linewidth=1.2, linestyle="--")
    if newest_wanted < 0:
        ax.axvline(newest_wanted - 0.5, color=INK, linewidth=1.2, linestyle="--")
    margin = 0.02 * (high - low + 1)
    ax.set_xlim(high + 0.5 + margin, low - 0.5 - margin)
    ax.set_ylim(0, 1.02)
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    label_axes(
        ax,
        f"Required context {oldest_wanted - newest_wanted + 1:,} of {lags['seq_len']:,} {unit}, "
        f"receptive field {oldest_seen - newest_seen + 1:,}",
        f"lag ({unit} back from the output; the dashed line ends the required context)",
        "lags",
    )
    ax.grid(False, axis="x")
    legend_outside(ax)
    return ax
