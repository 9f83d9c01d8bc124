"""The figures of a study as pictures of a page."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from tcn_search.report.study_figure import StudyFigure

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
    described: Sequence[StudyFigure], figures: Mapping[str, Figure], pictures: Mapping[str, bytes]
) -> tuple[FigureView, ...]:
    """Return the figures of a study, in their order, as pictures of a page.

    Args:
        described: their words, of `figures_of`.
        figures: of `study_figures`.
        pictures: PNG of each figure.
    """
    words = {figure.name: figure for figure in described}
    return tuple(_view(words[name], figure, pictures[name]) for name, figure in figures.items())


def _view(words: StudyFigure, figure: Figure, picture: bytes) -> FigureView:
    width, height = figure.get_size_inches()
    return FigureView(
        name=words.name,
        title=words.title,
        caption=words.caption,
        description=_description(words, figure),
        source=f"data:image/png;base64,{base64.b64encode(picture).decode()}",
        width=round(width * _PIXELS_PER_INCH),
        height=round(height * _PIXELS_PER_INCH),
    )


def _description(words: StudyFigure, figure: Figure) -> str:
    """Return title, caption and what the axes show."""
    axes = []
    for ax in figure.axes:
        labels = [label for label in (ax.get_ylabel(), ax.get_xlabel()) if label]
        if labels:
            axes.append(" by ".join(labels))
    parts = [words.title, words.caption, "; ".join(dict.fromkeys(axes))]
    return ". ".join(part.rstrip(".") for part in parts if part) + "."
