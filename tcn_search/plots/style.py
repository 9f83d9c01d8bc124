"""Colours and an empty axes, shared by the pictures. No global style is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.transforms import ScaledTranslation

if TYPE_CHECKING:
    import pandas

# Okabe and Ito's palette: told apart with any colour vision.
BLUE = "#0072B2"
ORANGE = "#E69F00"
GREEN = "#009E73"
RED = "#D55E00"
GREY = "#8A8A8A"
SKY = "#56B4E9"
PURPLE = "#CC79A7"
INK = "#333333"
FAINT = "#DDDDDD"


def axes_or_new(ax: Axes | None, width: float = 7.2, height: float = 4.2) -> Axes:
    """`ax`, or the axes of a new pyplot figure, which a notebook shows."""
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
    """A legend below the axis label, if there is anything to name; as many columns as its words allow."""
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


def smaller(count: int) -> float:
    """By how much the marks of so many points are smaller in area, so that they do not hide each other.

    >>> smaller(100), smaller(1_200), smaller(50_000)
    (1.0, 0.25, 0.12)
    """
    return max(0.12, min(1.0, 300 / max(1, count)))


def log_scale_if_wide(ax: Axes, values: pandas.Series, axis: str = "y") -> None:
    """Losses that span more than a factor of 30 are read better on a logarithmic scale."""
    values = values.dropna()
    if len(values) and values.min() > 0 and values.max() / values.min() > 30:
        ax.set(**{f"{axis}scale": "log"})
