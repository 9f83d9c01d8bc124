"""How a text table is written: its delimiter, decimal sign and header."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from tcn_search.errors import InputError
from tcn_search.formats.table_layout import DELIMITERS, plain_name
from tcn_search.text import listed

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
THOUSANDS_WITH_COMMAS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_SNIFFED_ROWS = 20
_NAMES_SHOWN = 4


def csv_rows(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the last line and the cells of each row; skip empty lines.

    Raises:
        InputError: the text is not CSV.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        for cells in reader:
            if cells and (len(cells) > 1 or cells[0].strip()):
                yield reader.line_num, cells
    except csv.Error as error:
        raise InputError(
            f"{path} cannot be read as CSV: line {reader.line_num}: {error}"
        ) from error


def detect_delimiter(path: Path, text: str, expected: str | None) -> str:
    """Return the delimiter that cuts header and first rows into the same number of cells.

    A table in which no delimiter makes more than one cell is a single column: its delimiter is ",".

    Args:
        expected: preferred where several delimiters cut equally well.

    Raises:
        InputError: the cells are separated by spaces, or several delimiters cut equally well.
    """
    fitting_rows: dict[str, int] = {}
    header_by_comma: list[str] = []
    for delimiter in DELIMITERS:
        first_rows = itertools.islice(csv_rows(path, text, delimiter), _SNIFFED_ROWS)
        rows = [cells for _, cells in first_rows]
        rows = [cells for cells in rows if not cells[0].startswith("#")] or rows
        header = rows[0] if rows else []
        width = len(header)
        if width > 1:
            fitting_rows[delimiter] = sum(len(cells) - width in (0, 1) for cells in rows)
        if delimiter == ",":
            header_by_comma = header
    if not fitting_rows:
        _refuse_spaces(path, text)
        return ","  # a single column
    most = max(fitting_rows.values())
    candidates = [delimiter for delimiter, count in fitting_rows.items() if count == most]
    if expected in candidates:
        return expected
    inside_names = [
        delimiter for delimiter in candidates if any(delimiter in name for name in header_by_comma)
    ]
    # In "temp, C;hum, %" the commas belong to the text.
    if len(candidates) > 1 and len(inside_names) == 1:
        return inside_names[0]
    if len(candidates) > 1 and "," not in candidates:
        described = " or ".join(DELIMITERS[delimiter] for delimiter in candidates)
        raise InputError(f"Cells of {path} may end at {described}. Set delimiter to one of them.")
    return candidates[0]


def _refuse_spaces(path: Path, text: str) -> None:
    """Raise an InputError if the cells seem to be separated by spaces."""
    lines = text.splitlines()[:_SNIFFED_ROWS]
    widths = {len(line.split()) for line in lines if line.strip()}
    if len(widths) == 1 and widths != {1}:
        raise InputError(
            f"Cells of {path} are separated by spaces. Write one of "
            f"{', '.join(DELIMITERS.values())} between them."
        )


def detect_decimal(path: Path, rows: Sequence[Sequence[str]], expected: str | None) -> str:
    """Return the decimal sign, "." or ",", of a table whose cells do not end at commas.

    Args:
        expected: decides for numbers such as 1,234.

    Raises:
        InputError: all commas may be marks of thousands, and `expected` is None.
    """
    cells = [cell.strip() for row in rows for cell in row if "," in cell]
    with_comma = [cell for cell in cells if _DECIMAL_COMMA.fullmatch(cell)]
    if not with_comma:
        return "."
    if all(THOUSANDS_WITH_COMMAS.fullmatch(cell) for cell in with_comma):
        if expected is not None:
            return expected
        raise InputError(
            f"{with_comma[0]} in {path} may have a decimal comma or a mark of thousands. Set "
            'decimal = "," or decimal = "."; marks of thousands have to be removed.'
        )
    return ","


def is_comment(cells: Sequence[str], following: Sequence[str]) -> bool:
    """Return whether a row that begins with # is a comment above the header, not the header.

    It is a comment if the row below begins with #, holds no number, or has more cells.
    """
    if not cells[0].startswith("#") or not following:
        return False
    has_numbers = any(NUMBER.fullmatch(cell.strip()) for cell in following)
    return following[0].startswith("#") or not has_numbers or len(cells) < len(following)


def ends_in_delimiter(path: Path, rows: Iterable[Sequence[str]], width: int) -> bool:
    """Return whether every row has one cell more than the header, an empty one.

    Args:
        rows: cells of the rows below the header.
        width: number of cells in the header.

    Raises:
        InputError: a row has more or fewer cells than the header.
    """
    endings = set()
    for number, cells in enumerate(rows, start=1):
        has_extra_cell = len(cells) == width + 1 and not cells[-1].strip()
        endings.add(has_extra_cell)
        if (len(cells) != width and not has_extra_cell) or len(endings) > 1:
            raise InputError(
                f"Row {number} of {path} has {len(cells)} cells, the header {width}. A number with "
                "a decimal comma, or a text with a delimiter in it, needs quotes; a header needs a "
                "name for every column."
            )
    return endings == {True}


def require_header(
    path: Path,
    names: Sequence[str],
    rows_below: Sequence[Sequence[str]],
    known_names: Collection[str],
) -> None:
    """Raise an InputError if the first row holds data, so that its numbers are not names.

    Numbers are accepted as names if a known name stands beside them, if they count up from 0 or 1,
    or if they ascend, or four or more descend, beside names that are not numbers.

    Args:
        names: cells of the first row.
        known_names: names that mark a row as a header, in the form of `plain_name`.
    """
    numbers = [float(name) for name in names if NUMBER.fullmatch(name)]
    steps = np.diff(numbers)
    ordered = (steps > 0).all() or ((steps < 0).all() and len(numbers) > 3)
    if len(numbers) == len(names):  # the numbers of a row of data may ascend, too
        ordered = len(numbers) > 1 and (steps == 1).all() and numbers[0] in (0, 1)
    if not numbers or ordered:
        return
    for position, name in enumerate(names):
        if plain_name(name) not in known_names:
            continue
        cells_below = {cells[position].strip() for cells in rows_below if position < len(cells)}
        if name not in cells_below:  # a class may be called y
            return
    raise InputError(
        f"{path} has no header: its first row is {listed(names, _NAMES_SHOWN)}. Write the "
        "columns' names above it."
    )
