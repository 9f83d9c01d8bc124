"""Text tables (CSV, TSV): their header, and their cells as text or numbers."""

from __future__ import annotations

import io
import itertools
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tcn_search.errors import InputError, first_line
from tcn_search.formats.csv_dialect import (
    NUMBER,
    THOUSANDS_WITH_COMMAS,
    csv_rows,
    detect_decimal,
    detect_delimiter,
    ends_in_delimiter,
    is_comment,
    require_header,
)
from tcn_search.formats.table_layout import DELIMITERS, TableFormat
from tcn_search.formats.text_files import read_text
from tcn_search.text import listed

# Patterns of numbers, by the decimal sign.
_NUMBERS = {".": NUMBER, ",": re.compile(r"[+-]?(\d+,?\d*|,\d+)([eE][+-]?\d+)?")}
_MARKS_OF_THOUSANDS = {
    ".": THOUSANDS_WITH_COMMAS,
    ",": re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+"),
}
_INTEGER = re.compile(r"-?(0|[1-9]\d*)")
# The name that pandas gives to a column without a name, and writes.
_UNNAMED = re.compile(r"Unnamed: \d+(\.\d+)*")
# Names under which pandas and R write an index.
_INDEX_NAMES = ("index", "rownames", "level_0", "level_1", "level_2", "level_3")
_ROW_NUMBER_NAMES = (*_INDEX_NAMES, "row", "#", "no", "no.", "nr", "id")
_SAMPLE_ROWS = 1000
_NAMES_SHOWN = 12


@dataclass(frozen=True)
class TextTable:
    """A table whose header has been read and whose rows have as many cells as the header.

    Attributes:
        names: names of the columns, "" where the header has none.
        header_lines: number of lines of `text` up to the end of the header.
        surplus: whether each row ends in a delimiter, so that an empty cell follows the last
            column.
    """

    path: Path
    text: str
    names: tuple[str, ...]
    header_lines: int
    delimiter: str
    decimal: str
    surplus: bool

    def read(
        self, text_columns: Collection[str] = (), kept_columns: Collection[str] = ()
    ) -> pd.DataFrame:
        """Return the cells as text or numbers. An empty cell is NaN, and nothing else is.

        Rows are numbered from 0. A column that only numbers the rows is dropped, and listed in
        `attrs["ignored"]`: a column without a name among the first, or one named index, row,
        rownames, level_0 or the like.

        Args:
            text_columns: columns to read as text, without the spaces around a cell.
            kept_columns: further columns that are never dropped.

        Raises:
            InputError: no rows, two columns of one name, or a column with data but without a name.
        """
        names = [name or self._unused_name(position) for position, name in enumerate(self.names)]
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise InputError(
                f"{self.path} has two columns called {twice[0]!r}. Give each a name of its own."
            )
        text_positions = [k for k, name in enumerate(names) if name in text_columns]
        frame = self._parse(text_positions)
        if self.surplus:
            frame = frame.iloc[:, :-1]
        frame.columns = pd.Index(names)
        for position in text_positions:
            cells = frame[names[position]].str.strip()
            frame[names[position]] = cells.where(cells != "")
        filled = np.flatnonzero(frame.notna().any(axis=1))
        if not len(filled):
            raise InputError(f"{self.path} holds no rows.")
        frame = frame.iloc[: filled[-1] + 1]  # spreadsheets write empty rows below the last
        return self._drop_row_numbers(frame, {*text_columns, *kept_columns})

    def _parse(self, text_positions: Sequence[int]) -> pd.DataFrame:
        try:
            return pd.read_csv(
                self._below_header(),
                sep=self.delimiter,
                decimal=self.decimal,
                header=None,
                dtype=dict.fromkeys(text_positions, str),
                keep_default_na=False,
                na_values=[""],
                skipinitialspace=True,
                index_col=False,
                low_memory=False,
                float_precision="round_trip",
            )
        except pd.errors.EmptyDataError as error:
            raise InputError(f"{self.path} holds no rows.") from error
        except (ValueError, OverflowError) as error:  # pandas' ParserError is a ValueError
            reason = first_line(error).removeprefix("Error tokenizing data. C error: ")
            raise InputError(f"{self.path} cannot be read as CSV: {reason}") from error

    def _drop_row_numbers(self, frame: pd.DataFrame, kept_columns: Collection[str]) -> pd.DataFrame:
        """Return the frame without columns that number its rows, unless they are to be kept."""
        ignored: list[str] = []
        for position, name in enumerate(frame.columns):
            column = frame[name]
            if name in kept_columns:
                continue
            if _UNNAMED.fullmatch(name):
                is_among_first = len(ignored) == position
                is_index = is_among_first and _numbers_rows("index", column)
                if not column.isna().all() and not is_index:
                    raise InputError(
                        f"Column {position + 1} of {self.path} has no name and does not number the "
                        f"rows: it begins with {str(column.iloc[0])!r}. Name it, or remove it."
                    )
                ignored.append(name)
            elif name.lower() in _ROW_NUMBER_NAMES and _numbers_rows(name.lower(), column):
                ignored.append(name)
        kept = frame.drop(columns=ignored)
        kept.attrs["ignored"] = [name for name in ignored if frame[name].notna().any()]
        return kept

    def _unused_name(self, position: int) -> str:
        name = f"Unnamed: {position}"
        while name in self.names:
            name += ".1"
        return name

    def _below_header(self) -> io.StringIO:
        lines = io.StringIO(self.text, newline="")
        for _ in range(self.header_lines):
            lines.readline()
        return lines


def _numbers_rows(name: str, column: pd.Series) -> bool:
    """Return whether a column holds n, n + 1, n + 2, ...

    A column with the name of an index may start again, or hold each integer once in any order.
    """
    values = column.to_numpy()
    if values.dtype.kind not in "iu":
        return False
    counts_up = np.diff(values) == 1
    if name in _INDEX_NAMES:
        return bool(column.is_unique or (counts_up | (values[1:] == values[0])).all())
    return bool(counts_up.all())


def open_table(
    path: Path,
    table_format: TableFormat = TableFormat(),
    expected: TableFormat = TableFormat(),
    known_names: Collection[str] = (),
) -> TextTable:
    """Detect how a file is written, and read its header.

    Args:
        table_format: fields that the user set; the others are detected.
        expected: decides where the file could be read in two ways.
        known_names: names that mark a row as a header, in the form of `plain_name`.

    Raises:
        InputError: the file cannot be read, its delimiter or decimal sign cannot be detected, it
            has no header, or a row has more or fewer cells than the header.
    """
    text = read_text(path, table_format.encoding, expected.encoding)
    declared = re.match(r"sep=(.)\r?\n", text)  # Excel's way to declare the delimiter
    delimiter = table_format.delimiter
    if declared:
        text = text[declared.end() :]
        delimiter = delimiter or declared[1]
    if not text.strip(' \t\r\n"'):
        raise InputError(f"{path} holds no rows.")
    delimiter = delimiter or detect_delimiter(path, text, expected.delimiter)
    if delimiter not in DELIMITERS:
        raise InputError(
            f"{path} declares sep={delimiter}. A delimiter is {', '.join(DELIMITERS.values())}."
        )
    rows = csv_rows(path, text, delimiter)
    line, header = next(rows, (0, []))
    if not header:
        raise InputError(f"{path} holds no rows.")
    following = next(rows, (line, []))
    while is_comment(header, following[1]):
        line, header = following
        following = next(rows, (line, []))
    names = [cell.strip() for cell in header]
    names[0] = names[0].lstrip("#").strip() or names[0]  # numpy.savetxt writes "# " before it
    below = (cells for _, cells in itertools.chain([following], rows) if cells)
    sample = list(itertools.islice(below, _SAMPLE_ROWS))
    require_header(path, names, sample, known_names)
    surplus = ends_in_delimiter(path, itertools.chain(sample, below), len(names))
    decimal = table_format.decimal
    if decimal is None and delimiter == "," and expected.decimal != ",":
        decimal = "."  # decimal commas between commas need quotes
    elif decimal is None:
        decimal = detect_decimal(path, sample, expected.decimal)
    return TextTable(
        path=path,
        text=text,
        names=tuple(names),
        header_lines=line,
        delimiter=delimiter,
        decimal=decimal,
        surplus=surplus,
    )


def require_columns(path: Path, names: Sequence[str], required: Collection[str]) -> None:
    """Raise an InputError if a table with columns of these names lacks a required one."""
    available = set(names)
    missing = [name for name in required if name not in available]
    if missing:
        raise InputError(
            f"{path} must have the columns that were trained on. Missing: {join_names(missing)}. "
            f"It has: {join_names([name for name in names if name])}"
        )


def require_cells(path: Path, frame: pd.DataFrame, columns: Collection[str]) -> None:
    """Raise an InputError if a cell of these columns is empty."""
    for name in columns:
        empty = np.flatnonzero(frame[name].isna())
        if len(empty):
            raise InputError(
                f"Column {name} of {path} must not have empty cells. Received: {len(empty)}, the "
                f"first in row {empty[0] + 1}"
            )


def join_names(names: Sequence[str]) -> str:
    """Return the names of columns, separated by commas; at most a dozen of them."""
    return listed(names, _NAMES_SHOWN)


def numbers_of(
    path: Path,
    frame: pd.DataFrame,
    columns: Sequence[str],
    decimal: str = ".",
    allow_empty: bool = False,
) -> np.ndarray:
    """Return columns as a float64 array (rows, columns), with NaN for empty cells if allowed.

    Raises:
        InputError: a cell is empty or not a finite number; names its column and row.
    """
    if not allow_empty:
        require_cells(path, frame, columns)
    values = np.empty((len(frame), len(columns)))
    for position, name in enumerate(columns):
        column = frame[name]
        numbers = column
        if not pd.api.types.is_numeric_dtype(column):
            numbers = _to_numbers(column.astype(str), decimal)
        values[:, position] = numbers.to_numpy("float64", na_value=np.nan)
        bad = np.flatnonzero(np.isnan(values[:, position]) & column.notna().to_numpy())
        if len(bad):
            cell = column.iloc[bad[0]]
            raise InputError(
                f"Column {name} of {path} must hold numbers. Received: {cell!r} in row {bad[0] + 1}"
                f"{_hint_at_decimal(str(cell), decimal)}"
            )
        bad = np.flatnonzero(np.isinf(values[:, position]))
        if len(bad):
            raise InputError(
                f"Column {name} of {path} must be finite. Received: {column.iloc[bad[0]]} in row "
                f"{bad[0] + 1}"
            )
    return values


def _hint_at_decimal(cell: str, decimal: str) -> str:
    """Return a hint if a cell is a number with the other decimal sign, else ""."""
    other = "," if decimal == "." else "."
    if not _NUMBERS[other].fullmatch(cell):
        return ""
    return f'. Set decimal = "{other}" if it has a decimal sign.'


def _to_numbers(cells: pd.Series, decimal: str) -> pd.Series:
    """Return text as numbers, NaN where a cell is not a number."""
    if decimal == ",":
        cells = cells.str.replace(".", "?", regex=False).str.replace(",", ".", regex=False)
    return pd.to_numeric(cells, errors="coerce")


def numbers_or_text(path: Path, name: str, column: pd.Series, decimal: str = ".") -> np.ndarray:
    """Return a column as numbers if each cell is a number in its usual form, else as text.

    "01" and "1_12" are text, and so are all cells of a column that holds such a cell.

    Raises:
        InputError: numbers have marks of thousands, or most cells are fractions and others text.
    """
    cells = column.astype(str)
    if cells.map(lambda cell: _INTEGER.fullmatch(cell) is not None).all():
        try:
            return np.asarray(cells.astype("int64"))
        except OverflowError:
            return text_of(cells)
    marked = cells.str.fullmatch(_MARKS_OF_THOUSANDS[decimal].pattern).to_numpy(bool)
    are_numbers = cells.str.fullmatch(_NUMBERS[decimal].pattern).to_numpy(bool)
    if marked.any() and (marked | are_numbers).all():
        row = int(np.argmax(marked))
        raise InputError(
            f"Column {name} of {path} has marks of thousands, such as {cells.iloc[row]!r} in row "
            f"{row + 1}. Remove them."
        )
    are_integers = cells.str.fullmatch(r"[+-]?\d+").to_numpy(bool)
    fractions = are_numbers & ~are_integers
    if are_numbers.all() and fractions.any():
        return np.asarray(_to_numbers(cells, decimal), dtype="float64")
    if fractions.sum() > len(cells) / 2:
        row = int(np.argmin(are_numbers))
        fraction = column.iloc[int(np.argmax(fractions))]
        raise InputError(
            f"Column {name} of {path} must hold numbers throughout, or classes. Received: "
            f"{column.iloc[row]!r} in row {row + 1}, {fraction!r} elsewhere"
        )
    return text_of(cells)


def text_of(column: pd.Series) -> np.ndarray:
    """Return a column as an array of text."""
    text: np.ndarray = column.to_numpy("str")
    return text
