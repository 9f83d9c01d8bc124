"""Coverage by lag: which of the steps that the task needs are reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from tcn_search.plots.style import BLUE, FAINT, INK, RED, SKY, axes_or_new, legend_outside

_CELLS = 200


def plot_coverage(lags: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    """Share of the lags that a path reaches, in at most 200 cells; the past is on the left.

    Args:
        lags: seq_len; reached, lags (steps back from the output step, below 0 ahead of it); wanted and field,
            the (newest, oldest) lag of the required context and of the receptive field.
        ax: where to draw; default a new figure (`Axes.figure`).
    """
    ax = axes_or_new(ax, height=2.8)
    (newest, oldest), (ahead, back) = lags["wanted"], lags["field"]
    reached = np.asarray(lags["reached"], dtype=int)
    low = min(newest, int(reached.min()))
    high = max(oldest, int(reached.max()))
    edges = np.unique(
        np.linspace(low, high + 1, min(_CELLS, high + 1 - low) + 1).round().astype(int)
    )
    steps = np.arange(low, high + 1)
    seen = np.isin(steps, reached)
    wanted = (steps >= newest) & (steps <= oldest)
    inside = (steps >= ahead) & (steps <= back)
    kinds = {
        "reached": (BLUE, seen & wanted),
        "reached, not required": (SKY, seen & ~wanted),
        "blind spot": (RED, ~seen & wanted & inside),
        "out of reach": (FAINT, ~seen & wanted & ~inside),
    }
    bottom = np.zeros(len(edges) - 1)
    for label, (colour, chosen) in kinds.items():
        share = np.histogram(steps[chosen], bins=edges)[0] / np.diff(edges)
        if share.any():
            ax.bar(
                edges[:-1] - 0.5,
                share,
                np.diff(edges),
                bottom,
                align="edge",
                color=colour,
                label=label,
            )
        bottom += share
    margin = 0.02 * (high - low + 1)
    for place in (oldest + 0.5, *([newest - 0.5] if newest < 0 else [])):
        ax.axvline(place, color=INK, linewidth=1.2, linestyle="--")
    ax.set_xlim(high + 0.5 + margin, low - 0.5 - margin)
    ax.set_ylim(0, 1.02)
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.set_xlabel("lag (steps back from the output; the dashed line ends the required context)")
    ax.set_ylabel("lags")
    ax.set_title(
        f"Required context {oldest - newest + 1:,} of {lags['seq_len']:,} steps, "
        f"receptive field {back - ahead + 1:,}",
        loc="left",
        fontsize=11,
        color=INK,
    )
    ax.grid(False, axis="x")
    legend_outside(ax)
    return ax
