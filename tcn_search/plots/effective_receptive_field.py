"""Plot the effective receptive field beside the nominal one: the influence of the lags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from tcn_search.plots.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    SKY,
    axes_or_new,
    label_axes,
    legend_outside,
)

_COLOURS = (BLUE, SKY, GREEN, PURPLE)
_LINES = ("-", "--", "-.", ":")


def plot_effective_receptive_field(
    shares: Mapping[str, tuple[Sequence[int], Sequence[float]]],
    seq_len: int,
    receptive_field: int,
    share: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Plot the share of the influence that comes from the newest steps, one curve for each name.

    Where a curve has lags below 0 (padding "same"), the horizontal axis counts the steps around the
    output instead of the newest steps.

    Args:
        shares: for each name, (lags, share of the influence at each lag), lags ascending. That may
            be a measured gradient, or the distribution of paths before training. Each is scaled to
            a sum of 1.
        seq_len: steps of the sequence.
        receptive_field: nominal receptive field, in steps.
        share: the cumulative share at which each curve has a dot.
        ax: where to draw; default: a new figure (`Axes.figure`).
    """
    ax = axes_or_new(ax, height=3.6)
    centred = any(lags[0] < 0 for lags, _ in shares.values())
    for index, (name, (lags, weights)) in enumerate(shares.items()):
        widths, ordered = _widths(np.asarray(lags), np.asarray(weights, dtype=float), centred)
        cumulative = np.cumsum(ordered)
        cumulative = cumulative / cumulative[-1]
        colour = _COLOURS[index % len(_COLOURS)]
        dot = int(np.searchsorted(cumulative, share))
        ax.step(
            widths,
            cumulative,
            where="post",
            color=colour,
            linestyle=_LINES[index % len(_LINES)],
            label=f"{name}: {share:.0%} in {widths[dot]:,.0f} steps",
        )
        ax.plot([widths[dot]], [cumulative[dot]], "o", color=colour, markersize=5)
    ax.axvline(
        receptive_field,
        color=GREY,
        linewidth=1.2,
        label=f"nominal receptive field, {receptive_field:,}",
    )
    ax.axvline(
        seq_len, color=ORANGE, linewidth=1.2, linestyle="--", label=f"sequence length, {seq_len:,}"
    )
    ax.axhline(share, color=INK, linewidth=0.6, linestyle=":")
    ax.set_ylim(0, 1.03)
    ax.set_xlim(left=0)
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    steps = "newest steps, counted back from the output"
    if centred:
        steps = "steps around the output"
    label_axes(ax, "Effective and nominal receptive field", steps, "share of the influence")
    legend_outside(ax)
    return ax


def _widths(lags: np.ndarray, weights: np.ndarray, centred: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of steps that hold each lag, ascending, and the weights in that order."""
    if not centred:
        return lags + 1, weights
    order = np.argsort(np.abs(lags), kind="stable")
    return 2 * np.abs(lags[order]) + 1, weights[order]
