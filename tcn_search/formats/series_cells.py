"""Cells of a table of series: numbers, texts as numbers, holidays, and what stays the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from tcn_search.errors import InputError
from tcn_search.formats.csv_files import numbers_of, require_cells
from tcn_search.formats.series_columns import SeriesColumns

# How tables write a missing number.
_MISSING = ("NA", "N/A", "NaN", "nan", "null", "NULL", "None", "#N/A")
_NO_HOLIDAY = ("", "0", "0.0", "false", "no", "none")
_MOST_TEXTS = 100


class Cells(NamedTuple):
    """Cells of all rows of a file, in its order.

    Attributes:
        values: (rows, inputs) float64, NaN where a value is missing; texts have their numbers.
        static: (rows, static columns), likewise.
        holidays: (rows,) booleans; None where no column says so.
        texts: columns of text, each with its texts in the order of their numbers.
        unknown: texts that were not trained on, with their columns; their number is −1.
    """

    values: np.ndarray
    static: np.ndarray
    holidays: np.ndarray | None
    texts: dict[str, tuple[str, ...]]
    unknown: tuple[str, ...] = ()


def read_cells(
    path: Path,
    frame: pd.DataFrame,
    columns: SeriesColumns,
    decimal: str,
    known_texts: Mapping[str, tuple[str, ...]] | None = None,
) -> Cells:
    """Return the cells of a table of series as numbers.

    A column that is not predicted and holds no number is text: each of its texts has a number.
    Cells such as NA are missing.

    Args:
        known_texts: the texts that were trained on, by column. None if the table is read for
            training.

    Raises:
        InputError: a cell is not a number; names its column and row. Or a column has too many
            texts, or an empty cell though it is the same in all rows of a series.
    """
    words = {name: _without_words_for_missing(frame[name]) for name in columns.static}
    require_cells(path, pd.DataFrame(words), columns.static)
    texts: dict[str, tuple[str, ...]] = {}
    unknown: list[str] = []
    by_name: dict[str, np.ndarray] = {}
    for name in (*columns.inputs, *columns.static):
        column = _without_words_for_missing(frame[name])
        known = None
        if known_texts is not None:
            known = known_texts.get(name)
        may_be_text = known_texts is None and name not in columns.target
        if known is None and not (may_be_text and _is_text(column)):
            cells = pd.DataFrame({name: column})
            by_name[name] = numbers_of(path, cells, [name], decimal, allow_empty=True)[:, 0]
            continue
        if known is None:
            known = _texts_of(path, name, column)
        texts[name] = known
        by_name[name] = _numbers_of_texts(column, known)
        if (by_name[name] == -1).any():
            text = column[by_name[name] == -1].iloc[0]
            unknown.append(f"{text!r} of column {name}")
    holidays = None
    if columns.holidays:
        holidays = _holidays(frame[columns.holidays])
    return Cells(
        values=_table([by_name[name] for name in columns.inputs], len(frame)),
        static=_table([by_name[name] for name in columns.static], len(frame)),
        holidays=holidays,
        texts=texts,
        unknown=tuple(unknown),
    )


def _table(columns: Sequence[np.ndarray], rows: int) -> np.ndarray:
    """Return columns side by side (rows, columns)."""
    if not columns:
        return np.empty((rows, 0))
    return np.stack(columns, axis=1)


def _without_words_for_missing(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column):
        return column
    return column.where(~column.isin(_MISSING), np.nan)


def _is_text(column: pd.Series) -> bool:
    """Return whether a column has cells, and none of them begins as a number does."""
    if pd.api.types.is_numeric_dtype(column):
        return False
    cells = column.dropna().astype(str).str.strip()
    return bool(len(cells) and not cells.str.match(r"[+-]?[.,]?\d").any())


def _texts_of(path: Path, name: str, column: pd.Series) -> tuple[str, ...]:
    """Return the different texts of a column, in order."""
    texts = sorted(set(column.dropna().astype(str).str.strip()))
    if len(texts) > _MOST_TEXTS:
        raise InputError(
            f"Column {name} of {path} must hold numbers, or at most {_MOST_TEXTS} different texts. "
            f"Received: {len(texts):,} texts, such as {texts[0]!r}. To leave it out, name the "
            "columns to read besides the target: past = [...]."
        )
    return tuple(texts)


def _numbers_of_texts(column: pd.Series, texts: Sequence[str]) -> np.ndarray:
    """Return the number of each text, −1 for one that is unknown, NaN for an empty cell."""
    stripped = column.map(lambda cell: str(cell).strip(), na_action="ignore")
    numbers = stripped.map({text: number for number, text in enumerate(texts)})
    numbers = numbers.astype("float64").fillna(-1).where(column.notna())
    return np.asarray(numbers.to_numpy("float64"))


def _holidays(column: pd.Series) -> np.ndarray:
    """Return whether a cell marks a holiday: it is neither empty nor 0, false or no."""
    cells = column.astype(object).where(column.notna(), "").map(str)
    return np.asarray(~cells.str.strip().str.lower().isin(_NO_HOLIDAY), dtype=bool)


def same_in_all_rows(
    path: Path, names: Sequence[str], frame: pd.DataFrame, static: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Return the values (static columns,) of a series, which are the same in all of its rows.

    Raises:
        InputError: names the first row with another value.
    """
    values = static[rows]
    for position, name in enumerate(names):
        column = values[:, position]
        other = (column != column[0]) & ~(np.isnan(column) & np.isnan(column[0]))
        if other.any():
            row = rows[int(np.argmax(other))]
            raise InputError(
                f"Column {name} of {path} must have one value for each series, as it is static. "
                f"Received: {frame[name].iloc[rows[0]]} in row {rows[0] + 1} and "
                f"{frame[name].iloc[row]} in row {row + 1}"
            )
    return np.asarray(values[0])
