"""What a figure of a study's report is: its name, its words, how it is drawn and saved."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from tcn_search.study.results import StudyResults

Draw = Callable[[StudyResults, float], Figure | None]


@dataclass(frozen=True)
class StudyFigure:
    """A figure of a study.

    Attributes:
        name: of its files.
        title: heading over it, in a page.
        caption: what it shows and how to read it, in a sentence or two.
        draw: called with the study and the width in inches; None where it does not apply.
    """

    name: str
    title: str
    caption: str
    draw: Draw


def save_figure(figure: Figure, files: Iterable[Path]) -> None:
    """Write a figure to files, whose names say the format. Text of a PDF stays text."""
    with rc_context({"pdf.fonttype": 42}):  # publishers refuse matplotlib's default
        for file in files:
            figure.savefig(file, dpi=200)
            figure.set_layout_engine("none")  # it is laid out now; not for each format again
