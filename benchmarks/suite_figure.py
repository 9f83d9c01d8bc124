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
FARTHEST = 3  # names are written beside this many points, the farthest from the diagonal


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
        _draw_panel(panel, accuracies, ours, model)
        panel.plot([low, 1.02], [low, 1.02], color="0.6", linewidth=1, zorder=1)
        panel.set_xlim(low, 1.02)
        panel.set_ylim(low, 1.02)
        panel.set_aspect("equal")
        panel.tick_params(labelbottom=True)
        panel.set_xlabel(model)
    for panel in panels.ravel()[len(models) :]:
        panel.set_visible(False)
    for row in panels:
        row[0].set_ylabel(ours)
    figure.suptitle("Test accuracy, a point for each dataset; above the line ours is better")
    figure.tight_layout()
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
    for x, y, name in points[:FARTHEST]:
        if abs(y - x) >= 0.02:
            to_the_left = x > 0.8
            panel.annotate(
                name,
                (x, y),
                xytext=(-4 if to_the_left else 4, -3),
                textcoords="offset points",
                ha="right" if to_the_left else "left",
                fontsize=7,
            )
