"""Plot the tree of a dilated network: which input steps reach the output, level by level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator

from tcn_search.plots.style import (
    BLUE,
    FAINT,
    GREY,
    ORANGE,
    RED,
    SCREEN_WIDTH,
    axes_or_new,
    label_axes,
    legend_outside,
)

MOST_SINGLE_STEPS = 48
_MOST_CELLS = 240
_PADDING_SHARE = 1 / 8  # of the sequence length: the most padding that is shown on each side
_PADDING_COLOUR = "#F2F2F2"


def plot_receptive_field_tree(tree: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    """Plot the steps of each level on which the output depends, with blind spots and padding.

    Up to 48 steps, each step is a dot and each tap a line. Longer sequences are drawn as one strip
    for each level, darker where more of the steps in a cell are needed.

    Args:
        tree: as `receptive_field_rows` returns it: seq_len; unit; output, the position read out;
            pool, a readout of all positions, not of this one alone, in words; rows from the input
            on, each with label, positions and edges (from, to) from the row before; blind, the
            positions of the input that are required and not reached.
        ax: where to draw; default: a new figure (`Axes.figure`).
    """
    rows = tree["rows"]
    ax = axes_or_new(ax, width=SCREEN_WIDTH, height=max(2.6, 1.2 + 0.36 * len(rows)))
    ax.grid(False)
    labels = [row["label"] for row in rows]
    labels[-1] += ", output"
    lowest = 0
    is_short = tree["seq_len"] <= MOST_SINGLE_STEPS
    if is_short:
        _draw_steps(ax, tree)
    else:
        _draw_strips(ax, tree)
        if tree["blind"]:
            labels.insert(0, "blind spots")
            lowest = -1
    ax.set_yticks(range(lowest, len(rows)), labels)
    ax.tick_params(left=False)
    ax.spines[["left"]].set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    unit = tree.get("unit", "steps")
    title = f"{len(rows[0]['positions']):,} of {tree['seq_len']:,} {unit} reach "
    if tree.get("pool"):
        title += f"step {tree['output']:,} of the TCN"
        if not tree["blind"]:
            title += f"; through {tree['pool']} the output sees all"
    else:
        title += f"the output at step {tree['output']:,}"
    if tree["blind"]:
        title += f", {len(tree['blind']):,} blind spots"
    label_axes(ax, title, "time step")
    _draw_legend(ax, tree, is_short)
    return ax


def _drawn_range(tree: Mapping[str, Any]) -> tuple[int, int]:
    """Return first and last position that is drawn; padding is included where taps read it."""
    seq_len = tree["seq_len"]
    sources = [source for row in tree["rows"] for source, _ in row["edges"]]
    margin = int(seq_len * _PADDING_SHARE)
    first = max(min([0, *sources]), -margin)
    last = min(max([seq_len - 1, *sources]), seq_len - 1 + margin)
    return first, last


def _draw_steps(ax: Axes, tree: Mapping[str, Any]) -> None:
    """Draw a dot for each step of each level, and a line for each tap."""
    first, last = _drawn_range(tree)
    seq_len = tree["seq_len"]
    rows = tree["rows"]
    inside = []
    outside = []
    for level, row in enumerate(rows):
        for source, target in row["edges"]:
            line = ((source, level - 1), (target, level))
            if 0 <= source < seq_len:
                inside.append(line)
            elif first <= source <= last:
                outside.append(line)
    ax.add_collection(LineCollection(inside, colors=BLUE, linewidths=0.8, alpha=0.6))
    ax.add_collection(
        LineCollection(outside, colors=GREY, linewidths=0.7, alpha=0.5, linestyles="dotted")
    )
    _shade_padding(ax, first, last, seq_len, len(rows))
    for level, row in enumerate(rows):
        positions = row["positions"]
        not_needed = sorted(set(range(seq_len)) - set(positions))
        ax.scatter(
            not_needed,
            [level] * len(not_needed),
            s=14,
            facecolors="white",
            edgecolors=GREY,
            linewidths=0.7,
            zorder=3,
        )
        colour = _level_colour(level, len(rows))
        ax.scatter(positions, [level] * len(positions), s=26, color=colour, zorder=4)
    ax.scatter(tree["blind"], [0] * len(tree["blind"]), s=46, color=RED, marker="X", zorder=5)
    ax.set_xlim(first - 0.7, last + 0.7)
    ax.set_ylim(-0.6, len(rows) - 0.4)


def _draw_strips(ax: Axes, tree: Mapping[str, Any]) -> None:
    """Draw one strip for each level, and one for the blind spots below them."""
    first, last = _drawn_range(tree)
    seq_len = tree["seq_len"]
    rows = tree["rows"]
    cells = min(_MOST_CELLS, seq_len)
    edges = np.unique(np.linspace(0, seq_len, cells + 1).round().astype(int))
    for level, row in enumerate(rows):
        share = _share_of_cells(row["positions"], edges)
        _draw_strip(ax, edges, level, share, _level_colour(level, len(rows)))
    lowest = 0
    if tree["blind"]:
        lowest = -1
        _draw_strip(ax, edges, lowest, _share_of_cells(tree["blind"], edges), RED)
    _shade_padding(ax, first, last, seq_len, len(rows))
    ax.set_xlim(first - 0.5, last + 0.5)
    ax.set_ylim(lowest - 0.6, len(rows) - 0.4)


def _level_colour(level: int, levels: int) -> str:
    return ORANGE if level == levels - 1 else BLUE


def _share_of_cells(positions: Sequence[int], edges: np.ndarray) -> np.ndarray:
    """Return, for each cell between two edges, the share of its steps that are in `positions`."""
    counts, _ = np.histogram(np.asarray(positions, dtype=float), bins=edges)
    return counts / np.diff(edges)


def _draw_strip(ax: Axes, edges: np.ndarray, level: int, share: np.ndarray, colour: str) -> None:
    """Draw one row of cells, wide and dark enough that a single step in a long sequence shows."""
    low = level - 0.32
    height = 0.64
    length = edges[-1]
    ax.add_patch(Rectangle((-0.5, low), length, height, facecolor="none", edgecolor=FAINT, lw=0.6))
    for cell in np.flatnonzero(share):
        width = max(edges[cell + 1] - edges[cell], length / 300)
        corner = (edges[cell + 1] - 0.5 - width, low)
        shade = (*to_rgb(colour), 0.25 + 0.75 * share[cell])
        ax.add_patch(Rectangle(corner, width, height, facecolor=shade, lw=0))


def _shade_padding(ax: Axes, first: int, last: int, seq_len: int, levels: int) -> None:
    """Shade the padding before the first and after the last step of the sequence."""
    if first < 0:
        _shade(ax, first - 0.5, -0.5, levels)
    if last >= seq_len:
        _shade(ax, seq_len - 0.5, last + 0.5, levels)


def _shade(ax: Axes, low: float, high: float, levels: int) -> None:
    ax.add_patch(
        Rectangle(
            (low, -0.6),
            high - low,
            levels + 0.2,
            facecolor=_PADDING_COLOUR,
            edgecolor=FAINT,
            hatch="///",
            lw=0,
            zorder=0,
        )
    )


def _draw_legend(ax: Axes, tree: Mapping[str, Any], is_short: bool) -> None:
    needed = "needed for the output" if is_short else "needed (darker: more of them)"
    handles = [
        Patch(color=BLUE, label=needed),
        Patch(color=ORANGE, label="output step"),
        Patch(facecolor="white", edgecolor=GREY, label="not used"),
    ]
    if tree["blind"]:
        handles.append(Patch(color=RED, label="blind spots: no path leads to the output"))
    first, last = _drawn_range(tree)
    if first < 0 or last >= tree["seq_len"]:
        handles.append(
            Patch(
                facecolor=_PADDING_COLOUR,
                edgecolor="#BBBBBB",
                hatch="///",
                label="padding, zeros",
            )
        )
    legend_outside(ax, handles)
