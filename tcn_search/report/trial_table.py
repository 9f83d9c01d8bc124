"""The table of a study's trials for a page: every trial, in text, best first."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tcn_search.search.ranking import ranked
from tcn_search.study.results import StudyResults
from tcn_search.trial_status import TrialStatus

ROWS_AT_ONCE = 100  # that a browser shows; the others are behind a button
_LEFT_OUT = ("state",)  # Optuna's word; "ended" says more
# At the right end: what few people look for.
_LAST = (
    "fold_scores",
    "fold_std",
    "seconds_build",
    "seconds_compile",
    "seconds_training",
    "seconds_validation",
    "outside_share",
    "started",
    "completed",
    "machine",
)
# Columns that stay even where they are the same in all trials.
_ALWAYS = ("trial", "ended", "score", "seconds")


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes:
        name: as in trials.csv.
        is_number: whether its texts are numbers, which are sorted as such.
        is_detail: whether few people look for it; a printed page does without it.
    """

    name: str
    is_number: bool
    is_detail: bool

    @property
    def parts(self) -> list[str]:
        """The name, cut where a line may break."""
        return re.findall(r"[^_]+_?", self.name)

    @property
    def css_class(self) -> str:
        """Classes of its cells, separated by spaces."""
        classes = {"number": self.is_number, "detail": self.is_detail}
        return " ".join(name for name, is_given in classes.items() if is_given)


@dataclass(frozen=True)
class Cell:
    """A cell of the table; in the first column, with the mark of its row."""

    text: str
    css_class: str
    mark: str


@dataclass(frozen=True)
class Row:
    """A row of the table; `mark` is "" for most."""

    cells: tuple[Cell, ...]
    mark: str


@dataclass(frozen=True)
class TrialTable:
    """The trials of a study as text.

    Attributes:
        columns: of the table.
        rows: a text for each column of each trial, the best trial first.
        marks: words for some trials by the text of their number, such as "winner".
        statuses: that occur, in words.
        constants: columns that are the same in all trials, with their value.
        rows_at_once: number of rows that are shown first.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    marks: dict[str, str]
    statuses: tuple[str, ...]
    constants: tuple[tuple[str, str], ...]
    rows_at_once: int

    @property
    def count(self) -> str:
        """Number of the trials, as text."""
        return f"{len(self.rows):,}"

    @property
    def is_cut(self) -> bool:
        """Whether there are more trials than are shown first."""
        return len(self.rows) > self.rows_at_once

    @property
    def first_rows(self) -> list[Row]:
        """The rows that are shown first, and without JavaScript."""
        return [self._row(texts) for texts in self.rows[: self.rows_at_once]]

    def _row(self, texts: tuple[str, ...]) -> Row:
        mark = self.marks.get(texts[0], "")
        cells = [
            Cell(text, column.css_class, "" if number else mark)
            for number, (column, text) in enumerate(zip(self.columns, texts, strict=True))
        ]
        return Row(tuple(cells), mark)

    @property
    def status_column(self) -> int:
        """Position of the column by which trials are selected."""
        return [column.name for column in self.columns].index("ended")

    @property
    def data(self) -> dict[str, Any]:
        """Everything that the page's script needs, as JSON knows it."""
        return {
            "numbers": [column.is_number for column in self.columns],
            "rows": self.rows,
            "marks": self.marks,
            "statusColumn": self.status_column,
            "rowsAtOnce": self.rows_at_once,
        }


def trial_table(study: StudyResults) -> TrialTable:
    """Return the table of a study's trials."""
    frame = study.trials()
    frame = frame.set_index("trial", drop=False).loc[_best_first(study)]
    names = [name for name in frame if name not in (*_LEFT_OUT, *_LAST)]
    names += [name for name in _LAST if name in frame]
    texts = {name: _texts(frame[name]) for name in names}
    columns = []
    constants = []
    for name in names:
        values = set(texts[name])
        if len(values) > 1 or name in _ALWAYS:
            columns.append(Column(name, _is_number(frame[name]), name in _LAST))
        elif values != {""}:
            constants.append((name, texts[name][0]))
    return TrialTable(
        columns=tuple(columns),
        rows=tuple(zip(*(texts[column.name] for column in columns), strict=True)),
        marks=_marks(study),
        statuses=tuple(dict.fromkeys(texts["ended"])),
        constants=tuple(constants),
        rows_at_once=ROWS_AT_ONCE,
    )


def _best_first(study: StudyResults) -> list[int]:
    """Return the numbers of the trials: complete ones by rank, others by score, then the rest."""
    records = study.records()
    direction = study.definition.objective.direction
    statuses = [TrialStatus.COMPLETE, *(each for each in TrialStatus if each != "complete")]
    order = [record.number for status in statuses for record in ranked(records, direction, status)]
    seen = set(order)
    return [*order, *(record.number for record in records if record.number not in seen)]


def _marks(study: StudyResults) -> dict[str, str]:
    marks = {}
    if study.best_trial is not None:
        marks[str(study.best_trial)] = "best"
    winner = study.winner
    if winner is not None:
        marks[str(winner.trial)] = "winner"
    return marks


def _is_number(values: pd.Series) -> bool:
    return all(_is_plain_number(value) for value in values if not _is_missing(value))


def _is_plain_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_missing(value: object) -> bool:
    return value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value))


def _texts(values: pd.Series) -> list[str]:
    """Return the text of each value; whole numbers, such as epochs, have no decimal point."""
    plain = values.astype(object).tolist()
    known = [value for value in plain if not _is_missing(value)]
    is_whole = all(_is_plain_number(value) and float(value).is_integer() for value in known)
    return [_text(value, is_whole) for value in plain]


def _text(value: Any, is_whole: bool) -> str:
    if _is_missing(value):
        return ""
    if is_whole:
        return str(int(value))
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if hasattr(value, "strftime"):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return str(value)
