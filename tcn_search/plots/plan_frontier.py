"""Plot a plan: receptive field against cost, and the frontier of the cheapest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from tcn_search.plots.style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    RED,
    axes_or_new,
    label_axes,
    legend_outside,
    nothing_to_show,
)

_NAMES = {
    "parameters": "parameters",
    "multiply_adds": "multiply-adds per sequence",
    "depth": "dilated convolutions",
}


def plot_plan_frontier(
    plan: pd.DataFrame | Iterable[Mapping[str, Any]],
    cost: str = "parameters",
    ax: Axes | None = None,
) -> Axes:
    """Plot receptive field against cost of each architecture, and the cheapest as a line.

    Args:
        plan: columns receptive_field, the cost, smallest, required_context and seq_len, as `plan`
            returns them; or such rows as mappings. Without a required context (None) the output
            sees every step through a pool.
        cost: "parameters", "multiply_adds" or "depth".
        ax: where to draw; default: a new figure (`Axes.figure`).
    """
    ax = axes_or_new(ax)
    frame = pd.DataFrame(plan)
    if frame.empty:
        return nothing_to_show(
            ax,
            "No architecture covers the required context",
            "Give more levels, larger kernels or a larger base of the dilations",
        )
    required = frame["required_context"].iloc[0]
    seq_len = frame["seq_len"].iloc[0]
    is_bounded = not pd.isna(required)
    leftmost = required if is_bounded else frame["receptive_field"].min()
    ax.scatter(
        frame["receptive_field"],
        frame[cost],
        s=16,
        color=GREY,
        alpha=0.5,
        linewidths=0,
        label="covers",
    )
    frontier = _frontier(frame, cost)
    ax.step(
        [leftmost, *frontier["receptive_field"]],
        [frontier[cost].iloc[0], *frontier[cost]],
        where="pre",
        color=BLUE,
        marker="o",
        markersize=4,
        markevery=slice(1, None),
        label="cheapest for its field",
    )
    smallest = frame[frame["smallest"]].nsmallest(1, cost)
    ax.scatter(
        smallest["receptive_field"],
        smallest[cost],
        s=90,
        marker="*",
        color=RED,
        zorder=5,
        label=f"smallest that suffices, {smallest['receptive_field'].iloc[0]:,}",
    )
    if is_bounded:
        title = f"{len(frame):,} architectures cover {required:,} of {seq_len:,} steps"
        ax.axvline(
            required,
            color=ORANGE,
            linestyle="--",
            linewidth=1.2,
            label=f"required context, {required:,}",
        )
    else:
        title = f"{len(frame):,} architectures; through the pool the output sees {seq_len:,} steps"
    if required != seq_len:
        label = f"sequence length, {seq_len:,}"
        ax.axvline(seq_len, color=INK, linestyle="--", linewidth=1.2, label=label)
    ax.set_xscale("log")
    if frame[cost].max() > 20 * frame[cost].min():
        ax.set_yscale("log")
    field = "receptive field of one step of the TCN (steps)"
    label_axes(ax, title, field, _NAMES.get(cost, cost))
    legend_outside(ax)
    return ax


def _frontier(frame: pd.DataFrame, cost: str) -> pd.DataFrame:
    """Return the architectures that are cheaper than all others with as large a receptive field."""
    ordered = frame.sort_values(["receptive_field", cost], ascending=[False, True])
    cheapest_before = ordered[cost].cummin().astype(float).shift(fill_value=float("inf"))
    kept = ordered[ordered[cost] < cheapest_before]
    return kept.sort_values("receptive_field")
