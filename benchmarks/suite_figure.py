"""Draw our accuracies against those of published models, a panel for each model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from suite_statistics import Accuracies, compare

COLUMNS = 3
WIN = "#0072b2"
LOSS = "#d55e00"
FARTHEST = 4  # names are written beside this many points, the farthest from the diagonal ...
NAMED_FROM = 0.03  # ... if they are this far from it


def draw_scatter(accuracies: Accuracies, ours: str, models: Sequence[str], file: Path) -> None:
    """Write a figure; above the diagonal of a panel ours is better."""
    rows = -(-len(models) // COLUMNS)
    figure, panels = plt.subplots(
        rows, COLUMNS, figsize=(10, 3.5 * rows), sharex=True, sharey=True, squeeze=False
    )
    lowest = min(
        (row[model] for row in accuracies.values() for model in (ours, *models) if model in row),
        default=0.0,
    )
    low = max(0.0, lowest - 0.05)
    for panel, model in zip(panels.ravel(), models, strict=False):
        panel.plot([low, 1.02], [low, 1.02], color="0.6", linewidth=1, zorder=1)
        panel.set_xlim(low, 1.02)
        panel.set_ylim(low, 1.02)
        _draw_panel(panel, accuracies, ours, model)
        panel.set_aspect("equal")
        panel.tick_params(labelbottom=True)
        panel.set_xlabel(model)
    for panel in panels.ravel()[len(models) :]:
        panel.set_visible(False)
    for row in panels:
        row[0].set_ylabel(ours)
    figure.suptitle("Test accuracy, a point for each dataset; above the line ours is better")
    figure.tight_layout(h_pad=2)
    figure.savefig(file, dpi=110)
    plt.close(figure)


def _draw_panel(panel: Axes, accuracies: Accuracies, ours: str, model: str) -> None:
    """Draw the datasets for which both have an accuracy."""
    pair = compare(accuracies, ours, model)
    if pair is None:
        panel.set_title("no dataset in common", fontsize=9)
        return
    panel.set_title(f"{pair.wins} wins, {pair.ties} ties, {pair.losses} losses", fontsize=9)
    points = [
        (row[model], row[ours], name)
        for name, row in accuracies.items()
        if ours in row and model in row
    ]
    colours = [WIN if y >= x else LOSS for x, y, _ in points]
    panel.scatter(
        [x for x, _, _ in points], [y for _, y, _ in points], c=colours, s=18, alpha=0.8, zorder=2
    )
    points.sort(key=lambda point: -abs(point[1] - point[0]))
    named: list[tuple[float, float]] = []
    for x, y, name in points[:FARTHEST]:
        is_free = all(abs(x - a) > 0.1 or abs(y - b) > 0.04 for a, b in named)
        if abs(y - x) >= NAMED_FROM and is_free:
            named.append((x, y))
            _write_name(panel, x, y, name)


def _write_name(panel: Axes, x: float, y: float, name: str) -> None:
    """Write the name of a point on its side of the diagonal, and inside the panel."""
    offset = (-4, -3)
    side = "right"
    if y < x:
        offset = (2, -9)
        side = "left"
    elif x < panel.get_xlim()[0] + 0.25:
        offset = (0, 6)
        side = "left"
    panel.annotate(name, (x, y), xytext=offset, textcoords="offset points", ha=side, fontsize=7)
