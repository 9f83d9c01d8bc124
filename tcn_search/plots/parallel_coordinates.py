"""Plot each trial as a line through its hyperparameters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize

from tcn_search.plots.hyperparameters import is_numeric, varied_hyperparameters
from tcn_search.plots.style import (
    GREY,
    INK,
    axes_or_new,
    colour_bar,
    label_axes,
    nothing_to_show,
    text_sizes,
)

_MOST_LINES = 400
_MOST_WORDS = 8  # of one axis


def plot_parallel_coordinates(
    trials: pd.DataFrame,
    objective: str,
    direction: str = "minimize",
    hyperparameters: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Plot each complete trial as a line, darker the better its score; the best are thick.

    The best are a tenth of them, at most ten.

    Of more than 400 trials, the best 200 and evenly chosen others are drawn.

    Args:
        trials: as in `Study.trials` or trials.csv.
        objective: name of the score, for the bar of colours.
        direction: "minimize" or "maximize".
        hyperparameters: columns to show; default: all that differ between trials.
        ax: where to draw; default: a new figure.
    """
    ax = axes_or_new(ax)
    title = "Hyperparameters of the complete trials"
    complete = trials[trials["ended"] == "complete"].dropna(subset="score")
    names = varied_hyperparameters(complete, hyperparameters)
    if complete.empty or not names:
        return nothing_to_show(ax, title, "No two complete trials differ in a hyperparameter yet")
    ranked = complete.sort_values("score", ascending=direction == "minimize")
    if len(ranked) > _MOST_LINES:
        best = ranked.head(_MOST_LINES // 2)
        others = ranked.iloc[_MOST_LINES // 2 :]
        places = np.linspace(0, len(others) - 1, _MOST_LINES // 2).astype(int)
        title += f" ({_MOST_LINES:,} of {len(ranked):,})"
        ranked = pd.concat([best, others.iloc[places]])
    heights = np.column_stack([_heights(ax, ranked[name], at) for at, name in enumerate(names)])
    lines = [np.column_stack([np.arange(len(names)), row]) for row in heights]
    colours = _draw_lines(ax, lines, ranked["score"].to_numpy(dtype=float), direction)
    for at in range(len(names)):
        ax.axvline(at, color=GREY, linewidth=0.8, zorder=0)
    ax.grid(False)
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.set_yticks([])
    ax.set_xticks(range(len(names)), names, rotation=30, ha="right", rotation_mode="anchor")
    ax.set_xlim(-0.15, len(names) - 0.35)
    label_axes(ax, title)
    colour_bar(ax, colours, objective)
    return ax


def _heights(ax: Axes, values: pd.Series, at: int) -> np.ndarray:
    """Return the heights from 0 to 1 of a hyperparameter's values, and name some beside its axis.

    Values that a trial does not have lie below all others.
    """
    if is_numeric(values):
        numbers = values.astype(float)
        positive = numbers.min() > 0 and numbers.max() / numbers.min() > 10
        scaled = np.log(numbers) if positive else numbers
        span = scaled.max() - scaled.min()
        heights = (scaled - scaled.min()) / (span or 1)
        ends = {0.0: f"{numbers.min():.2g}", 1.0: f"{numbers.max():.2g}"}
        if not span:
            ends = {0.0: f"{numbers.min():.2g}"}
    else:
        words = sorted(values.dropna().map(str).unique())
        places = np.linspace(0, 1, max(len(words), 2))
        by_word = dict(zip(words, places, strict=False))
        heights = values.map(lambda value: by_word.get(str(value), np.nan))
        every = -(-len(words) // _MOST_WORDS)
        ends = {by_word[word]: word for word in words[::every]}
    for height, word in ends.items():
        ax.annotate(
            word,
            (at, height),
            xytext=(3, 2),
            textcoords="offset points",
            color=INK,
            fontsize=text_sizes(ax).tick - 1,
            zorder=5,
            bbox={"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.5},
        )
    return np.asarray(heights.fillna(-0.12), dtype=float)


def _draw_lines(
    ax: Axes, lines: list[np.ndarray], scores: np.ndarray, direction: str
) -> ScalarMappable:
    """Draw the lines, the best last, and return what maps scores to colours."""
    shades = "cividis_r" if direction == "maximize" else "cividis"
    low, high = np.quantile(scores, [0.05, 0.95])
    colours = ScalarMappable(Normalize(low, high if high > low else low + 1e-9), shades)
    best = min(10, max(1, len(lines) // 10))
    for chosen, width, alpha in ((slice(best, None), 0.8, 0.45), (slice(None, best), 2.0, 1.0)):
        segments = lines[chosen][::-1]
        rgba = colours.to_rgba(scores[chosen][::-1])
        ax.add_collection(LineCollection(segments, colors=rgba, linewidths=width, alpha=alpha))
    ax.set_ylim(-0.16, 1.08)
    return colours
