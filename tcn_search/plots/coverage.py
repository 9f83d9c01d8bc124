"""Coverage by lag: which of the steps that the task needs are reached."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from tcn_search.plots.style import BLUE, GREY, INK, RED, axes_or_new, legend_outside

_CELLS = 200


def coverage_by_lag(
    reached: Sequence[int], required_context: int, seq_len: int, receptive_field: int, ax: Axes | None = None
) -> Axes:
    """Share of the lags that a path reaches, up to 200 cells; where it is below 1 there are blind spots.

    Args:
        reached: lags that are reached, steps back from the output step; below 0 lies ahead.
        required_context: steps that the task needs to see.
        seq_len: steps of the sequence.
        receptive_field: nominal receptive field, in steps.
        ax: where to draw; default a new figure (`Axes.figure`).
    """
    ax = axes_or_new(ax, height=2.8)
    lags = np.asarray(reached, dtype=int)
    low, high = (
        min(0, int(lags.min(initial=0))),
        max(int(lags.max(initial=0)), required_context - 1 + min(0, int(lags.min(initial=0)))),
    )
    edges = np.unique(np.linspace(low, high + 1, min(_CELLS, high + 1 - low) + 1).round().astype(int))
    share = np.histogram(lags, bins=edges)[0] / np.diff(edges)
    widths = np.diff(edges)
    ax.bar(edges[:-1] - 0.5, share, widths, align="edge", color=BLUE, label="reached")
    missing = np.where(edges[:-1] <= required_context - 1 + low, 1 - share, 0)
    ax.bar(
        edges[:-1] - 0.5,
        missing,
        widths,
        bottom=share,
        align="edge",
        color=RED,
        alpha=0.75,
        label="not reached",
    )
    ax.axvline(
        required_context - 1 + low + 0.5, color=INK, linewidth=1, linestyle="--", label="required context"
    )
    ax.set_xlim(high + 0.5, low - 0.5)  # the past on the left, as in a sequence
    ax.set_ylim(0, 1.02)
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.set_xlabel("lag (steps back from the output)")
    ax.set_ylabel("lags reached")
    ax.set_title(
        f"Required context {required_context:,} of {seq_len:,} steps, receptive field {receptive_field:,}",
        loc="left",
        fontsize=11,
        color=INK,
    )
    ax.grid(False, axis="x")
    ax.spines["left"].set_color(GREY)
    legend_outside(ax)
    return ax
