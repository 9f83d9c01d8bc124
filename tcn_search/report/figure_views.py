"""Titles, captions and descriptions of a study's figures, and the figures as pictures of a page."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from matplotlib.figure import Figure


class _Words(NamedTuple):
    title: str
    caption: str = ""


_WORDS = {
    "history": _Words(
        "How the search went",
        "The score of each trial in the order in which they began, and the best score so far.",
    ),
    "receptive_field": _Words(
        "Receptive field",
        "The score of each trial by the receptive field of one step of its network.",
    ),
    "learning_curves": _Words(
        "Training",
        "The validation score of each trial over its epochs; the best trial stands out.",
    ),
    "comparison": _Words(
        "Other networks and classifiers",
        "Final trainings of each network, the best on validation on top.",
    ),
    "error_by_step": _Words(
        "Error by step of the horizon",
        "Errors on the test split by the number of steps ahead, beside simple forecasts.",
    ),
    "forecasts": _Words(
        "Forecasts of the test split",
        "Windows of the test split that do not overlap: truth, forecast and quantiles.",
    ),
    "residuals": _Words(
        "Residuals over time",
        "Truth minus forecast. What is left of a trend or a season was not learnt.",
    ),
}
_PIXELS_PER_INCH = 96  # of a page


@dataclass(frozen=True)
class FigureView:
    """A figure as the page shows it.

    Attributes:
        name: of its files.
        title, caption: above and below it; the caption may be empty.
        description: for people who do not see it.
        source: the picture as a data URL.
        width, height: in pixels of the page.
    """

    name: str
    title: str
    caption: str
    description: str
    source: str
    width: int
    height: int


def figure_views(
    figures: Mapping[str, Figure], pictures: Mapping[str, bytes]
) -> tuple[FigureView, ...]:
    """Return the figures of a study, in their order, as pictures of a page.

    Args:
        figures: of `study_figures`.
        pictures: PNG of each figure.
    """
    return tuple(_view(name, figure, pictures[name]) for name, figure in figures.items())


def _view(name: str, figure: Figure, picture: bytes) -> FigureView:
    words = _WORDS.get(name)
    if words is None:
        words = _words_of(name)
    width, height = figure.get_size_inches()
    return FigureView(
        name=name,
        title=words.title,
        caption=words.caption,
        description=_description(words, figure),
        source=f"data:image/png;base64,{base64.b64encode(picture).decode()}",
        width=round(width * _PIXELS_PER_INCH),
        height=round(height * _PIXELS_PER_INCH),
    )


def _words_of(name: str) -> _Words:
    """Return the words of a figure that has no entry of its own."""
    kind, _, subject = name.partition("_")
    if kind == "pareto":
        return _Words(
            f"Score and {subject}", "Complete trials; no other trial beats those on the line."
        )
    return _Words(name.replace("_", " ").capitalize())


def _description(words: _Words, figure: Figure) -> str:
    """Return title, caption and what the axes show."""
    axes = []
    for ax in figure.axes:
        labels = [label for label in (ax.get_ylabel(), ax.get_xlabel()) if label]
        if labels:
            axes.append(" by ".join(labels))
    parts = [words.title, words.caption, "; ".join(dict.fromkeys(axes))]
    return ". ".join(part.rstrip(".") for part in parts if part) + "."
