"""Plot the score over two hyperparameters."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from matplotlib.tri import Triangulation

from tcn_search.plots.hyperparameters import is_numeric
from tcn_search.plots.style import (
    MOST_DRAWN,
    axes_or_new,
    colour_bar,
    label_axes,
    marker_scale,
    say,
)

_CELLS = 12  # a side, in which the scores of close trials are averaged


def plot_contour(
    trials: pd.DataFrame, x: str, y: str, objective: str, ax: Axes | None = None
) -> Axes:
    """Plot the score between the trials as shades, and a dot for each trial with a score.

    Scores of trials that lie close together are averaged. Where all trials lie on a line there are
    dots alone.

    Args:
        trials: as in `Study.trials` or trials.csv.
        x, y: columns on the axes; numbers that span more than a factor of 10 are logarithmic, and
            values that are no numbers are in alphabetical order.
        objective: name of the score, for the bar of colours.
        ax: where to draw; default: a new figure.

    Raises:
        ValueError: a column is not there.
    """
    for name in (x, y):
        if name not in trials:
            raise ValueError(f"x and y must be columns of the trials. Received: {name!r}")
    ax = axes_or_new(ax)
    scored = trials.dropna(subset=["score", x, y])
    label_axes(ax, f"{objective} over {x} and {y}", x, y)
    if scored.empty:
        say(ax, "No trial with a score has both hyperparameters yet")
        return ax
    places = pd.DataFrame(
        {
            "x": _places(ax, scored[x], "x"),
            "y": _places(ax, scored[y], "y"),
            "score": scored["score"].astype(float),
        }
    )
    low, high = np.quantile(places["score"], [0.05, 0.95])
    if low == high:
        high = low + 1
    _draw_shades(ax, places, np.linspace(low, high, 9))
    dots = ax.scatter(
        places["x"],
        places["y"],
        c=places["score"],
        s=26 * marker_scale(len(places)),
        cmap="cividis",
        vmin=low,
        vmax=high,
        edgecolors="white",
        linewidths=0.4,
        rasterized=len(places) > MOST_DRAWN,
        zorder=3,
    )
    ax.use_sticky_edges = False  # dots on the ends of the shades are drawn in full
    ax.margins(0.06)
    if places["score"].nunique() > 1:
        colour_bar(ax, dots, objective)
    return ax


def _places(ax: Axes, values: pd.Series, axis: str) -> pd.Series:
    """Return the places of values on an axis, whose scale and ticks are set."""
    if is_numeric(values):
        numbers = values.astype(float)
        if numbers.min() > 0 and numbers.max() / numbers.min() > 10:
            ax.set(**{f"{axis}scale": "log"})
        elif (numbers % 1 == 0).all():
            ticks = ax.xaxis if axis == "x" else ax.yaxis
            ticks.set_major_locator(MaxNLocator("auto", integer=True))
        return numbers
    words = sorted(values.map(str).unique())
    set_ticks = ax.set_xticks if axis == "x" else ax.set_yticks
    set_ticks(range(len(words)), words)
    return values.map(str).map(words.index).astype(float)


def _draw_shades(ax: Axes, places: pd.DataFrame, levels: np.ndarray) -> None:
    """Draw filled contours of the mean scores of cells, unless these lie on a line."""
    cells = {}
    for name in ("x", "y"):
        scale = getattr(ax, f"get_{name}scale")()
        numbers = np.log(places[name]) if scale == "log" else places[name]
        span = numbers.max() - numbers.min()
        cells[name] = ((numbers - numbers.min()) / (span or 1) * _CELLS).round()
    means = places.groupby([cells["x"], cells["y"]]).mean()
    try:
        cell_triangles = Triangulation(*(means.index.get_level_values(level) for level in (0, 1)))
    except (ValueError, RuntimeError):  # fewer than three places, or all on a line
        return
    triangles = Triangulation(means["x"], means["y"], cell_triangles.triangles)
    ax.tricontourf(
        triangles,
        means["score"],
        levels=levels,
        cmap="cividis",
        alpha=0.6,
        extend="both",
        zorder=1,
    )
