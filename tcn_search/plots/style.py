"""Colours, axes, legend and scales of all figures. No global style is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.transforms import ScaledTranslation

if TYPE_CHECKING:
    import pandas

# Okabe and Ito's palette: distinguishable with any colour vision.
BLUE = "#0072B2"
ORANGE = "#E69F00"
GREEN = "#009E73"
RED = "#D55E00"
GREY = "#8A8A8A"
SKY = "#56B4E9"
PURPLE = "#CC79A7"
INK = "#333333"
FAINT = "#DDDDDD"

# Statuses of trials that ran into a limit. Tables of earlier versions say "over_time".
LIMITS = ("out_of_memory", "timed_out", "over_time", "unbuildable", "too_large")


def axes_or_new(ax: Axes | None, width: float = 7.2, height: float = 4.2) -> Axes:
    """Return `ax`, or the axes of a new pyplot figure, which a notebook shows, in our style.

    Args:
        ax: existing axes, or None.
        width: of a new figure, in inches.
        height: of a new figure, in inches.
    """
    if ax is None:
        from matplotlib import pyplot

        _, ax = pyplot.subplots(figsize=(width, height), layout="constrained")
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(GREY)
    ax.tick_params(colors=INK, labelsize=9)
    ax.grid(True, color=FAINT, linewidth=0.6)
    ax.set_axisbelow(True)
    return ax


def legend_outside(ax: Axes) -> None:
    """Draw a legend below the axis label, in up to three columns; none if nothing has a label."""
    _, labels = ax.get_legend_handles_labels()
    if not labels:
        return
    below = ax.transAxes + ScaledTranslation(0, -36 / 72, ax.figure.dpi_scale_trans)
    columns = max(1, min(3, 100 // (max(map(len, labels)) + 6)))
    ax.legend(
        frameon=False,
        fontsize=9,
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        bbox_transform=below,
        ncols=columns,
    )


def marker_scale(count: int) -> float:
    """Return the factor for the area of `count` markers, so that they do not hide each other.

    >>> marker_scale(100), marker_scale(1_200), marker_scale(50_000)
    (1.0, 0.25, 0.12)
    """
    return max(0.12, min(1.0, 300 / max(1, count)))


def log_scale_if_wide(ax: Axes, values: pandas.Series, axis: str = "y", factor: float = 30) -> None:
    """Make an axis logarithmic if its values are positive and span more than `factor`."""
    values = values.dropna()
    if len(values) and values.min() > 0 and values.max() / values.min() > factor:
        ax.set(**{f"{axis}scale": "log"})
