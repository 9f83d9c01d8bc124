"""Text tables (CSV, TSV): how a file is written, its header, and its cells as they stand there."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import itertools
import re
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tcn_search.errors import InputError, first_line
from tcn_search.formats.table_layout import DELIMITERS, TableFormat, plain_name

_BYTE_ORDER_MARKS = {  # UTF-32's begins with UTF-16's
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_NUMBERS = {".": _NUMBER, ",": re.compile(r"[+-]?(\d+,?\d*|,\d+)([eE][+-]?\d+)?")}
_INTEGER = re.compile(r"-?(0|[1-9]\d*)")
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
_UNNAMED = re.compile(
    r"Unnamed: \d+(\.\d+)*"
)  # so pandas calls, and writes, a column without a name
_MARK_OF_THOUSANDS = {".": _THOUSANDS, ",": re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+")}
_INDICES = (
    "index",
    "rownames",
    *(f"level_{k}" for k in range(4)),
)  # names of an index that was written, too
_COUNTERS = (*_INDICES, "row", "#", "no", "no.", "nr", "id")
_ARCHIVES = {
    b"\x1f\x8b": "compressed with gzip: call it .csv.gz",
    b"PK\x03\x04": "a zip archive or a spreadsheet: save it as CSV",
}
_SAMPLE = 1000


@dataclass(frozen=True)
class TextTable:
    """A table whose header has been read and whose rows all have as many cells as it.

    Attributes:
        names: of the columns, "" where the header has none.
        header_lines: lines of `text` up to the end of the header.
        surplus: whether each row ends in a delimiter, so that an empty cell follows the last column.
    """

    path: Path
    text: str
    names: tuple[str, ...]
    header_lines: int
    delimiter: str
    decimal: str
    surplus: bool

    def read(
        self, text_columns: Collection[str] = (), wanted: Collection[str] = ()
    ) -> pd.DataFrame:
        """Read the cells, as text or as numbers; an empty cell is NaN, and nothing else is.

        Rows are numbered from 0. A column that only counts the rows is left out, `attrs["ignored"]` names it:
        one of no name among the first, or one called index, row, rownames or level_0.

        Args:
            text_columns: those that are read as they are written, but for spaces around a cell.
            wanted: further ones that are never left out.

        Raises:
            InputError: no rows, a column that occurs twice, or one without a name that holds data.
        """
        keys = [name or self._unused_name(place) for place, name in enumerate(self.names)]
        twice = [key for key, count in Counter(keys).items() if count > 1]
        if twice:
            raise InputError(
                f"{self.path} has two columns called {twice[0]!r}. Give each a name of its own."
            )
        text = [place for place, key in enumerate(keys) if key in text_columns]
        try:
            frame = pd.read_csv(
                self._below_header(),
                sep=self.delimiter,
                decimal=self.decimal,
                header=None,
                dtype=dict.fromkeys(text, str),
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
        if self.surplus:
            frame = frame.iloc[:, :-1]
        frame.columns = pd.Index(keys)
        for place in text:
            cells = frame[keys[place]].str.strip()
            frame[keys[place]] = cells.where(cells != "")
        filled = np.flatnonzero(frame.notna().any(axis=1))
        if not len(filled):
            raise InputError(f"{self.path} holds no rows.")
        frame = frame.iloc[: filled[-1] + 1]  # spreadsheets write empty rows below the last
        return self._without_row_numbers(frame, {*text_columns, *wanted})

    def _without_row_numbers(self, frame: pd.DataFrame, wanted: Collection[str]) -> pd.DataFrame:
        ignored: list[str] = []
        for place, key in enumerate(frame.columns):
            column = frame[key]
            if key in wanted:
                continue
            if _UNNAMED.fullmatch(key):
                first = len(ignored) == place
                if not column.isna().all() and not (first and _counts_rows("index", column)):
                    raise InputError(
                        f"Column {place + 1} of {self.path} has no name and does not number the rows: it begins with "
                        f"{str(column.iloc[0])!r}. Give it a name, or take it out."
                    )
                ignored.append(key)
            elif key.lower() in _COUNTERS and _counts_rows(key.lower(), column):
                ignored.append(key)
        kept = frame.drop(columns=ignored)
        kept.attrs["ignored"] = [key for key in ignored if frame[key].notna().any()]
        return kept

    def _unused_name(self, place: int) -> str:
        name = f"Unnamed: {place}"
        while name in self.names:
            name += ".1"
        return name

    def _below_header(self) -> io.StringIO:
        lines = io.StringIO(self.text, newline="")
        for _ in range(self.header_lines):
            lines.readline()
        return lines


def _counts_rows(name: str, column: pd.Series) -> bool:
    """Whether a column holds n, n + 1, n + 2, ...; an index may begin anew, or hold each integer once."""
    values = column.to_numpy()
    if values.dtype.kind not in "iu":
        return False
    goes_on = np.diff(values) == 1
    if name in _INDICES:
        return bool(column.is_unique or (goes_on | (values[1:] == values[0])).all())
    return bool(goes_on.all())


def open_table(
    path: Path,
    table_format: TableFormat = TableFormat(),
    expected: TableFormat = TableFormat(),
    roles: Collection[str] = (),
) -> TextTable:
    """Find out how the file is written, and read its header.

    Args:
        expected: decides where the file could be read in two ways.
        roles: names that a header may well have, as `plain_name` gives them.

    Raises:
        InputError: the file cannot be read, it cannot be told how it is written, it has no header, or a row has
            more or fewer cells than the header.
    """
    text = decoded(path, table_format.encoding, expected.encoding)
    declared = re.match(r"sep=(.)\r?\n", text)  # Excel's own way to say it
    text = text[declared.end() if declared else 0 :]
    if not text.strip(' \t\r\n"'):
        raise InputError(f"{path} holds no rows.")
    delimiter = table_format.delimiter or (declared[1] if declared else None)
    delimiter = delimiter or _sniff_delimiter(path, text, expected.delimiter)
    if delimiter not in DELIMITERS:
        raise InputError(
            f"{path} says sep={delimiter}. A delimiter is {', '.join(DELIMITERS.values())}."
        )
    rows = _rows(path, text, delimiter)
    line, header = next(rows, (0, []))
    if not header:
        raise InputError(f"{path} holds no rows.")
    following = next(rows, (line, []))
    while _is_remark(header, following[1]):
        (line, header), following = following, next(rows, (line, []))
    names = [cell.strip() for cell in header]
    names[0] = names[0].lstrip("#").strip() or names[0]  # as numpy.savetxt writes it
    below = itertools.chain([following[1]] if following[1] else [], (cells for _, cells in rows))
    sample = list(itertools.islice(below, _SAMPLE))
    _check_header(path, names, sample, roles)
    surplus = _has_surplus(path, itertools.chain(sample, below), len(names))
    decimal = table_format.decimal
    if decimal is None:
        between_commas = delimiter == "," and expected.decimal != ","  # where commas need quotes
        decimal = "." if between_commas else _sniff_decimal(path, sample, expected.decimal)
    return TextTable(
        path=path,
        text=text,
        names=tuple(names),
        header_lines=line,
        delimiter=delimiter,
        decimal=decimal,
        surplus=surplus,
    )


def _is_remark(cells: Sequence[str], following: Sequence[str]) -> bool:
    """Whether a row that begins with # is no header: there is one below, or it has fewer cells."""
    if not cells[0].startswith("#") or not following:
        return False
    another = following[0].startswith("#") or not any(
        _NUMBER.fullmatch(cell.strip()) for cell in following
    )
    return another or len(cells) < len(following)


def decoded(path: Path, encoding: str | None = None, expected: str | None = None) -> str:
    """Return the text of a file or of a .gz: by its byte order mark, in `encoding`, or as UTF-8.

    Args:
        expected: an encoding for what is not UTF-8.

    Raises:
        InputError: it cannot be read, or is no text in this encoding.
    """
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    try:
        data = path.read_bytes()
        if path.name.lower().endswith(".gz"):
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {first_line(error)}") from error
    kind = next((kind for start, kind in _ARCHIVES.items() if data.startswith(start)), None)
    if kind is not None:
        raise InputError(f"{path} is {kind}.")
    marked = next((name for mark, name in _BYTE_ORDER_MARKS.items() if data.startswith(mark)), None)
    try:
        text = _decode(data, marked or encoding, expected)
    except (UnicodeDecodeError, UnicodeError) as error:
        named = encoding or "UTF-8"
        raise InputError(
            f"{path} is not written in {named}: {first_line(error)}. Say in what it is with encoding, such as "
            'encoding = "latin-1", or save it as UTF-8.'
        ) from error
    if "\0" in text:
        raise InputError(
            f"{path} holds bytes of zero, so it is no text in {marked or encoding or 'UTF-8'}. If it is UTF-16, say "
            'encoding = "utf-16-le" or "utf-16-be".'
        )
    return text


def _decode(data: bytes, encoding: str | None, expected: str | None) -> str:
    if encoding is not None or expected is None:
        return data.decode(encoding or "utf-8")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return data.decode(expected)
    return data.decode(expected) if "\0" in text else text


def _rows(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Number of the last line and cells of each row; empty lines are left out."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        for cells in reader:
            if cells and (len(cells) > 1 or cells[0].strip()):
                yield reader.line_num, cells
    except csv.Error as error:
        raise InputError(
            f"{path} cannot be read as CSV: line {reader.line_num}: {error}"
        ) from error


def _sniff_delimiter(path: Path, text: str, expected: str | None) -> str:
    """Return the delimiter that cuts header and first rows into equally many cells, more than one."""
    fits: dict[str, int] = {}
    header_by_comma: list[str] = []
    for delimiter in DELIMITERS:
        rows = [cells for _, cells in itertools.islice(_rows(path, text, delimiter), 20)]
        rows = [cells for cells in rows if not cells[0].startswith("#")] or rows
        width = len(rows[0]) if rows else 0
        if width > 1:
            fits[delimiter] = sum(len(cells) - width in (0, 1) for cells in rows)
        if delimiter == ",":
            header_by_comma = rows[0] if rows else []
    if not fits:
        _refuse_spaces(path, text)
        return ","  # a single column
    best = max(fits.values())
    found = [delimiter for delimiter, count in fits.items() if count == best]
    if expected in found:
        return expected
    inside = [one for one in found if any(one in cell for cell in header_by_comma)]
    if len(found) > 1 and len(inside) == 1:  # "temp, C;hum, %": the commas are the text's
        return inside[0]
    if len(found) > 1 and "," not in found:
        raise InputError(
            f"Cells of {path} may end at {' or '.join(DELIMITERS[one] for one in found)}. Say which with delimiter."
        )
    return found[0]


def _refuse_spaces(path: Path, text: str) -> None:
    widths = {len(line.split()) for line in text.splitlines()[:20] if line.strip()}
    if len(widths) == 1 and widths != {1}:
        raise InputError(
            f"Cells of {path} are separated by spaces. Write one of {', '.join(DELIMITERS.values())} between them."
        )


def _sniff_decimal(path: Path, rows: Sequence[Sequence[str]], expected: str | None) -> str:
    """Tell decimal commas from points, in a table whose cells do not end at commas."""
    cells = [cell.strip() for row in rows for cell in row if "," in cell]
    commas = [cell for cell in cells if _DECIMAL_COMMA.fullmatch(cell)]
    if not commas:
        return "."
    if all(_THOUSANDS.fullmatch(cell) for cell in commas):
        if expected is not None:
            return expected
        raise InputError(
            f'{commas[0]} in {path} may be a decimal comma or a mark of thousands. Say which with decimal = "," or '
            'decimal = "."; marks of thousands have to be taken out.'
        )
    return ","


def _has_surplus(path: Path, rows: Iterable[Sequence[str]], width: int) -> bool:
    """Return whether every row has one cell more than the header, an empty one.

    Raises:
        InputError: some row has more or fewer cells than the header.
    """
    endings = set()
    for number, cells in enumerate(rows, start=1):
        ends_in_delimiter = len(cells) == width + 1 and not cells[-1].strip()
        endings.add(ends_in_delimiter)
        if (len(cells) != width and not ends_in_delimiter) or len(endings) > 1:
            raise InputError(
                f"Row {number} of {path} has {len(cells)} cells, the header {width}. A number with a decimal comma, or "
                "a text with a delimiter in it, needs quotes; a header needs a name for every column."
            )
    return endings == {True}


def _check_header(
    path: Path, names: Sequence[str], below: Sequence[Sequence[str]], roles: Collection[str]
) -> None:
    """Raise an InputError where the first row holds data, so that its numbers are no names.

    Numbers beside a usual name are names, and so are 0, 1, 2, ... and numbers that ascend beside other names.
    """
    numbers = [float(name) for name in names if _NUMBER.fullmatch(name)]
    steps = np.diff(numbers)
    ordered = (steps > 0).all() or ((steps < 0).all() and len(numbers) > 3)
    if len(numbers) == len(names):  # of which any row may ascend
        ordered = len(numbers) > 1 and (steps == 1).all() and numbers[0] in (0, 1)
    if not numbers or ordered:
        return
    for place, name in enumerate(names):  # a class may be called y
        if plain_name(name) in roles and all(
            name != cells[place].strip() for cells in below if place < len(cells)
        ):
            return
    shown = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
    raise InputError(
        f"{path} has no header: its first row is {shown}. Write the columns' names above it."
    )


def require_columns(table: TextTable, wanted: Collection[str]) -> None:
    """Raise an InputError that names the columns which a table lacks."""
    there = set(table.names)
    missing = [name for name in wanted if name not in there]
    if missing:
        raise InputError(
            f"{table.path} must have the columns that were trained on. Missing: {some(missing)}. "
            f"It has: {some([name for name in table.names if name])}"
        )


def require_cells(path: Path, frame: pd.DataFrame, columns: Collection[str]) -> None:
    """Raise an InputError where a cell of these columns is empty."""
    for name in columns:
        empty = np.flatnonzero(frame[name].isna())
        if len(empty):
            raise InputError(
                f"Column {name} of {path} must not have empty cells. Received: {len(empty)}, the first in row "
                f"{empty[0] + 1}"
            )


def some(names: Sequence[str]) -> str:
    """Return the first dozen of the names."""
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")


def numbers_of(
    path: Path, frame: pd.DataFrame, columns: Sequence[str], decimal: str = "."
) -> np.ndarray:
    """Return the columns as float64 (rows, columns).

    Raises:
        InputError: names column and row of what is not a finite number.
    """
    require_cells(path, frame, columns)
    values = np.empty((len(frame), len(columns)))
    for place, name in enumerate(columns):
        column = frame[name]
        is_read = pd.api.types.is_numeric_dtype(column)
        numbers = (column if is_read else _numbers_in(column.astype(str), decimal)).to_numpy(
            "float64"
        )
        bad = np.flatnonzero(np.isnan(numbers))
        if len(bad):
            raise InputError(
                f"Column {name} of {path} must hold numbers. Received: {column.iloc[bad[0]]!r} in row {bad[0] + 1}"
                f"{_other_decimal(str(column.iloc[bad[0]]), decimal)}"
            )
        bad = np.flatnonzero(np.isinf(numbers))
        if len(bad):
            raise InputError(
                f"Column {name} of {path} must be finite. Received: {column.iloc[bad[0]]} in row {bad[0] + 1}"
            )
        values[:, place] = numbers
    return values


def _other_decimal(cell: str, decimal: str) -> str:
    other = "," if decimal == "." else "."
    return (
        f'. Say decimal = "{other}" if it has a decimal sign.'
        if _NUMBERS[other].fullmatch(cell)
        else ""
    )


def _numbers_in(cells: pd.Series, decimal: str) -> pd.Series:
    """Return text as numbers, NaN where it is none."""
    if decimal == ",":
        cells = cells.str.replace(".", "?", regex=False).str.replace(",", ".", regex=False)
    return pd.to_numeric(cells, errors="coerce")


def as_written(path: Path, name: str, column: pd.Series, decimal: str = ".") -> np.ndarray:
    """Return a column of text as numbers, where each cell is one written in the usual way, else as text.

    "01" and "1_12" are text, and so is all of a column in which they stand.

    Raises:
        InputError: some cells are fractions and others no numbers, so that neither can be meant.
    """
    cells = column.astype(str)
    if cells.map(lambda cell: _INTEGER.fullmatch(cell) is not None).all():
        try:
            return cells.astype("int64").to_numpy()
        except OverflowError:
            return cells.to_numpy("str")
    marked = cells.str.fullmatch(_MARK_OF_THOUSANDS[decimal].pattern).to_numpy(bool)
    are_numbers = cells.str.fullmatch(_NUMBERS[decimal].pattern).to_numpy(bool)
    if marked.any() and (marked | are_numbers).all():
        row = int(np.argmax(marked))
        raise InputError(
            f"Column {name} of {path} has marks of thousands, such as {cells.iloc[row]!r} in row {row + 1}. Take them "
            "out."
        )
    are_integers = cells.str.fullmatch(r"[+-]?\d+").to_numpy(bool)
    fractions = are_numbers & ~are_integers
    if are_numbers.all() and fractions.any():
        return _numbers_in(cells, decimal).to_numpy("float64")
    if fractions.sum() > len(cells) / 2:
        row = int(np.argmin(are_numbers))
        raise InputError(
            f"Column {name} of {path} must hold numbers throughout, or classes. Received: {column.iloc[row]!r} in row "
            f"{row + 1}, {column.iloc[int(np.argmax(fractions))]!r} elsewhere"
        )
    return column.astype(str).to_numpy("str")
