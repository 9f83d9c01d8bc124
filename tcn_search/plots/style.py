"""Sizes, colours, axes, legend and scales of all figures. No global style is changed."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakSet

from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import AutoLocator, FixedLocator, MaxNLocator
from matplotlib.transforms import ScaledTranslation

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas
    from matplotlib.artist import Artist
    from matplotlib.cm import ScalarMappable
    from matplotlib.container import BarContainer

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
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED)
MARKERS = ("o", "s", "^", "D", "v", "P")  # beside the colours, for prints without them

MOST_DRAWN = 1_000  # markers that PDF and SVG hold as shapes; more are pixels there
COLUMN_WIDTH = 3.4  # inches, of a column of a paper
SCREEN_WIDTH = 6.0  # inches; its text can still be read on a screen of 400 pixels
_GROWING: WeakSet[Figure] = WeakSet()  # figures that were made here and have no legend yet
_NARROW = 4.5  # inches, below which the text is that of a paper
_LEFT_OF_AXES = 44  # points, of the labels there

# Statuses of trials that ran into a limit. Tables of earlier versions say "over_time".
LIMITS = ("out_of_memory", "timed_out", "over_time", "unbuildable", "too_large")


class TextSizes(NamedTuple):
    """Sizes of the text of a figure, in points."""

    title: float
    label: float
    tick: float


class StatusStyle(NamedTuple):
    """How bars of trials of one status are filled."""

    colour: str
    hatch: str


STATUS_STYLES = {
    "complete": StatusStyle(BLUE, ""),
    "pruned": StatusStyle(SKY, "///"),
    "running": StatusStyle(GREEN, "..."),
    "diverged": StatusStyle(RED, "xxx"),
    "failed": StatusStyle(RED, "\\\\\\"),
    "stale": StatusStyle(GREY, "|||"),
}
_OVER_LIMIT = StatusStyle(PURPLE, "+++")
_OTHER = StatusStyle(FAINT, "---")


def status_style(status: str) -> StatusStyle:
    """Return how bars of trials of a status are filled."""
    if status in LIMITS:
        return _OVER_LIMIT
    return STATUS_STYLES.get(status, _OTHER)


def figure_of(ax: Axes) -> Figure:
    """Return the figure of axes; of axes in a part of a figure, the whole one."""
    figure: Any = ax.figure
    while not isinstance(figure, Figure):
        figure = figure.figure
    return figure


def text_sizes(ax: Axes) -> TextSizes:
    """Return the sizes of text that fit the width of the figure."""
    if figure_of(ax).get_size_inches()[0] < _NARROW:
        return TextSizes(title=9, label=8, tick=7.5)
    return TextSizes(title=11, label=10, tick=9)


def axes_or_new(ax: Axes | None, width: float = SCREEN_WIDTH, height: float = 3.6) -> Axes:
    """Return `ax`, or the axes of a new pyplot figure, which a notebook shows, in our style.

    Args:
        ax: existing axes, or None.
        width: of a new figure, in inches.
        height: of a new figure, in inches.
    """
    if ax is None:
        from matplotlib import pyplot

        figure, ax = pyplot.subplots(figsize=(width, height), layout="constrained")
        _GROWING.add(figure)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(GREY)
    ax.tick_params(which="both", colors=INK, labelsize=text_sizes(ax).tick)
    ax.grid(True, color=FAINT, linewidth=0.6)
    ax.set_axisbelow(True)
    return ax


def axes_without_window(width: float = SCREEN_WIDTH, height: float = 3.6) -> Axes:
    """Return the axes of a new figure that belongs to no window, and so needs no closing."""
    figure = Figure(figsize=(width, height), layout="constrained")
    _GROWING.add(figure)
    return figure.add_subplot()


def unit_of_time(longest: float) -> tuple[int, str]:
    """Return the seconds and the name of the unit in which a number of seconds is shown.

    >>> unit_of_time(90), unit_of_time(90_000)
    ((1, 'seconds'), (3600, 'hours'))
    """
    for seconds, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if longest > 2 * seconds:
            return seconds, name
    return 1, "seconds"


def colour_bar(ax: Axes, colours: ScalarMappable, name: str) -> None:
    """Draw a bar of colours beside the axes."""
    sizes = text_sizes(ax)
    bar = ax.figure.colorbar(colours, ax=ax, pad=0.02, aspect=30)
    bar.set_label(name, color=INK, fontsize=sizes.label)
    bar.ax.tick_params(labelsize=sizes.tick, colors=INK)
    bar.outline.set_visible(False)


def fit_height(ax: Axes, rows: float, each: float = 0.2, around: float = 1.1) -> None:
    """Give a figure that was made here the height of its rows, in inches."""
    if figure_of(ax) in _GROWING:
        figure_of(ax).set_figheight(rows * each + around)


def label_bars(ax: Axes, bars: BarContainer, labels: Sequence[str]) -> None:
    """Write a label at the end of each bar."""
    ax.bar_label(bars, labels, padding=4, color=INK, fontsize=text_sizes(ax).tick)


def label_axes(ax: Axes, title: str, x: str = "", y: str = "") -> None:
    """Set the title and the names of both axes; what is longer than the figure is wrapped."""
    sizes = text_sizes(ax)
    title = _wrapped(ax, title, sizes.title)
    ax.set_title(title, loc="left", fontsize=sizes.title, color=INK)
    ax.set_xlabel(_wrapped(ax, x, sizes.label), fontsize=sizes.label, color=INK)
    is_narrow = figure_of(ax).get_size_inches()[0] < _NARROW
    if is_narrow and isinstance(ax.xaxis.get_major_locator(), AutoLocator):
        ax.xaxis.set_major_locator(MaxNLocator(5))
    height = 72 * figure_of(ax).get_size_inches()[1] / _rows(ax)
    lines = textwrap.fill(y, max(12, int(0.7 * height / (0.54 * sizes.label))))
    ax.set_ylabel(lines, fontsize=sizes.label, color=INK)


def nothing_to_show(ax: Axes, title: str, words: str) -> Axes:
    """Return axes that have a title, and words why there is nothing to see."""
    label_axes(ax, title)
    say(ax, words)
    return ax


def say(ax: Axes, words: str) -> None:
    """Write words into empty axes, in place of ticks: why there is nothing to see."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(False)
    size = text_sizes(ax).label
    ax.text(
        0.5,
        0.5,
        _wrapped(ax, words, size, share=0.75),
        transform=ax.transAxes,
        ha="center",
        va="center",
        color=INK,
        fontsize=size,
    )


def legend_outside(ax: Axes, handles: Sequence[Artist] | None = None) -> None:
    """Draw a legend below the axis label, in up to three columns; none if nothing has a label.

    A figure that was made here becomes higher by the legend, so that the axes keep their height.

    Args:
        ax: its labels have been set.
        handles: artists with labels; default: all of the axes.
    """
    if handles is None:
        handles, labels = ax.get_legend_handles_labels()
    else:
        labels = [str(handle.get_label()) for handle in handles]
    if not labels:
        return
    size = text_sizes(ax).tick
    below_label = -24 - 12 * (ax.get_xlabel().count("\n") + 1)
    below = ax.transAxes + ScaledTranslation(0, below_label / 72, ax.figure.dpi_scale_trans)
    labels = [_wrapped(ax, label, size, share=0.85) for label in labels]
    longest = max(len(line) for label in labels for line in label.splitlines())
    columns = max(1, min(3, _characters(ax, size) // (longest + 7)))
    lines = sum(label.count("\n") + 1 for label in labels) / columns
    if figure_of(ax) in _GROWING:
        _GROWING.discard(figure_of(ax))
        height = figure_of(ax).get_figheight() + max(0, lines - 1) * 1.5 * size / 72
        figure_of(ax).set_figheight(height)
    legend = ax.legend(
        handles,
        labels,
        frameon=False,
        fontsize=size,
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        bbox_transform=below,
        ncols=columns,
    )
    for handle in legend.legend_handles:
        if isinstance(handle, PathCollection):
            handle.set_sizes([26])  # markers of thousands of trials are too small to tell apart


def short_dates(ax: Axes) -> None:
    """Write the dates of a horizontal axis of times as short as they can be."""
    locator = ax.xaxis.get_major_locator()
    if isinstance(locator, AutoDateLocator):
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
        ax.xaxis.get_offset_text().set(color=INK, fontsize=text_sizes(ax).tick)


def _characters(ax: Axes, size: float) -> int:
    """Return how many characters of a size, in points, fit into the width of the axes."""
    width = 72 * figure_of(ax).get_size_inches()[0]
    place = ax.get_subplotspec()
    if place is not None:
        width *= len(place.colspan) / place.get_gridspec().ncols
    left = max((len(line) for label in _tick_words(ax) for line in label.split("\n")), default=0)
    left_of_axes = max(_LEFT_OF_AXES, 0.6 * text_sizes(ax).tick * left + 12)
    return int((width - left_of_axes) / (0.54 * size))


def _tick_words(ax: Axes) -> list[str]:
    """Return the words beside the vertical axis, if it has words in place of numbers."""
    if isinstance(ax.yaxis.get_major_locator(), FixedLocator):
        return [label.get_text() for label in ax.get_yticklabels()]
    return []


def _rows(ax: Axes) -> int:
    """Return how many axes stand one below the other in the figure."""
    place = ax.get_subplotspec()
    if place is None:
        return 1
    return int(place.get_gridspec().nrows)


def _wrapped(ax: Axes, text: str, size: float, share: float = 1.0) -> str:
    """Break a text into lines that fit into a share of the width of the axes."""
    width = max(12, int(share * _characters(ax, size)))
    return textwrap.fill(text, width, break_on_hyphens=False)


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


def clip_outliers(ax: Axes, values: pandas.Series) -> None:
    """End a linear vertical axis where nearly all values end, and say how many lie beyond.

    The axis is clipped where the central 90% of the values fill less than a tenth of it.
    """
    values = values.dropna()
    if ax.get_yscale() == "log" or values.empty:
        return
    low = float(values.quantile(0.05))
    high = float(values.quantile(0.95))
    margin = high - low
    ends = [float(values.min()), float(values.max())]
    if margin == 0 or ends[1] - ends[0] < 10 * margin:
        return
    ends[0] = max(ends[0], low - margin)
    ends[1] = min(ends[1], high + margin)
    beyond = int(((values < ends[0]) | (values > ends[1])).sum())
    room = 0.05 * (ends[1] - ends[0])
    ax.set_ylim(ends[0] - room, ends[1] + room)
    ax.text(
        0.99,
        0.98,
        f"{beyond:,} of {len(values):,} values lie beyond this axis",
        transform=ax.transAxes,
        ha="right",
        va="top",
        color=INK,
        fontsize=text_sizes(ax).tick,
    )
