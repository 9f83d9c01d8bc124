"""The tree of a dilated network: which input steps reach the output, level by level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation

from tcn_search.plots.style import BLUE, FAINT, GREY, INK, ORANGE, RED, axes_or_new

MOST_SINGLE_STEPS = 48
_CELLS = 240
_PADDING_SHARE = 1 / 8  # of the sequence's length is shown on each side, at most


def plot_receptive_field_tree(tree: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    """Which steps of each level the output step depends on, with blind spots and padding marked.

    Up to 48 steps every step is a dot and every tap a line. Longer sequences are drawn as one strip a level,
    darker where more of the steps in a cell are needed.

    Args:
        tree: seq_len; output, the position read out; rows from the input on, each with label, positions and
            edges (from, to) from the row before; blind, positions of the input.
        ax: where to draw; default a new figure (`Axes.figure`).
    """
    rows = tree["rows"]
    ax = axes_or_new(ax, width=9, height=max(2.6, 1.2 + 0.36 * len(rows)))
    ax.grid(False)
    single = tree["seq_len"] <= MOST_SINGLE_STEPS
    (_draw_steps if single else _draw_strips)(ax, tree)
    labels = [row["label"] for row in rows[:-1]] + [f"{rows[-1]['label']}, output"]
    below = ["blind spots"] if tree["blind"] and not single else []
    ax.set_yticks(range(-len(below), len(rows)), below + labels)
    ax.tick_params(left=False)
    ax.spines[["left"]].set_visible(False)
    ax.set_xlabel("time step")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    reached = len(rows[0]["positions"])
    ax.set_title(
        f"{reached:,} of {tree['seq_len']:,} steps reach the output at step {tree['output']:,}"
        + (f", {len(tree['blind']):,} blind spots" if tree["blind"] else ""),
        loc="left",
        fontsize=11,
        color=INK,
    )
    _legend(ax, tree, single)
    return ax


def _shown(tree: Mapping[str, Any]) -> tuple[int, int]:
    """First and last position that is drawn: some padding too, where taps read it."""
    seq_len = tree["seq_len"]
    sources = [source for row in tree["rows"] for source, _ in row["edges"]]
    margin = int(seq_len * _PADDING_SHARE)
    first = max(min([0, *sources]), -margin)
    last = min(max([seq_len - 1, *sources]), seq_len - 1 + margin)
    return first, last


def _draw_steps(ax: Axes, tree: Mapping[str, Any]) -> None:
    first, last = _shown(tree)
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
        others = sorted(set(range(seq_len)) - set(positions))
        ax.scatter(
            others,
            [level] * len(others),
            s=14,
            facecolors="white",
            edgecolors=GREY,
            linewidths=0.7,
            zorder=3,
        )
        colour = ORANGE if level == len(rows) - 1 else BLUE
        ax.scatter(positions, [level] * len(positions), s=26, color=colour, zorder=4)
    ax.scatter(tree["blind"], [0] * len(tree["blind"]), s=46, color=RED, marker="X", zorder=5)
    ax.set_xlim(first - 0.7, last + 0.7)
    ax.set_ylim(-0.6, len(rows) - 0.4)


def _draw_strips(ax: Axes, tree: Mapping[str, Any]) -> None:
    first, last = _shown(tree)
    seq_len = tree["seq_len"]
    rows = tree["rows"]
    edges = np.unique(np.linspace(0, seq_len, min(_CELLS, seq_len) + 1).round().astype(int))
    for level, row in enumerate(rows):
        share = _share(row["positions"], edges)
        _strip(ax, edges, level, share, ORANGE if level == len(rows) - 1 else BLUE)
    if tree["blind"]:
        _strip(ax, edges, -1, _share(tree["blind"], edges), RED)
    _shade_padding(ax, first, last, seq_len, len(rows))
    ax.set_xlim(first - 0.5, last + 0.5)
    ax.set_ylim(-1.6 if tree["blind"] else -0.6, len(rows) - 0.4)


def _share(positions: Sequence[int], edges: np.ndarray) -> np.ndarray:
    """Share of the steps between two edges that are among the positions."""
    counts, _ = np.histogram(np.asarray(positions, dtype=float), bins=edges)
    return counts / np.diff(edges)


def _strip(ax: Axes, edges: np.ndarray, level: int, share: np.ndarray, colour: str) -> None:
    """One row of cells; a single step in a long sequence still shows: neither too narrow nor too faint."""
    low = level - 0.32
    height = 0.64
    length = edges[-1]
    ax.add_patch(Rectangle((-0.5, low), length, height, facecolor="none", edgecolor=FAINT, lw=0.6))
    for index in np.flatnonzero(share):
        width = max(edges[index + 1] - edges[index], length / 300)
        corner = (edges[index + 1] - 0.5 - width, low)
        shade = (*to_rgb(colour), 0.25 + 0.75 * share[index])
        ax.add_patch(Rectangle(corner, width, height, facecolor=shade, lw=0))


def _shade_padding(ax: Axes, first: int, last: int, seq_len: int, levels: int) -> None:
    for low, high in ((first, -0.5), (seq_len - 0.5, last + 0.5)):
        if high - low > 0.5 + 1e-9:
            low = low - 0.5 if low == first else low
            ax.add_patch(
                Rectangle(
                    (low, -0.6), high - low, levels + 0.2, facecolor="#F2F2F2", edgecolor=FAINT, hatch="///",
                    lw=0, zorder=0,
                )
            )  # fmt: skip


def _legend(ax: Axes, tree: Mapping[str, Any], single: bool) -> None:
    handles = [
        Patch(
            color=BLUE, label="needed for the output" if single else "needed (darker: more of them)"
        )
    ]
    handles.append(Patch(color=ORANGE, label="output step"))
    handles.append(Patch(facecolor="white", edgecolor=GREY, label="not used"))
    if tree["blind"]:
        handles.append(Patch(color=RED, label="blind spots: no path leads to the output"))
    first, last = _shown(tree)
    if first < 0 or last >= tree["seq_len"]:
        handles.append(
            Patch(facecolor="#F2F2F2", edgecolor="#BBBBBB", hatch="///", label="padding, zeros")
        )
    below = ax.transAxes + ScaledTranslation(
        0, -38 / 72, ax.figure.dpi_scale_trans
    )  # under the axis label
    ax.legend(
        handles=handles,
        frameon=False,
        fontsize=9,
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        bbox_transform=below,
        ncols=3,
    )
