"""Columns of times: text or numbers, with or without time zones, day or month first."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tcn_search.errors import InputError
from tcn_search.formats.table_layout import TableFormat

_YEAR_FIRST = r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})(?:[-/.](?P<day>\d{1,2}))?(?P<clock>[T ].*)?"
_YEAR_LAST = (
    r"(?P<first>\d{1,2})[-/.](?P<second>\d{1,2})[-/.](?P<year>\d{4}|\d{2})(?P<clock>[T ,].*)?"
)
_ZONE = r".*\d *(?:Z|UTC|GMT|[+-]\d{2}:?\d{2})"
_DAY_OR_MONTH = r"\b\d{1,2}[-/., ]+\d{1,2}[-/., ]+\d{2,4}\b"
_MONTH = r"(?i)jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_ISO = r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?"
_AM_OR_PM = r"(?i).*\d *[ap]\.?m\.?\b.*"
_DATES_AS_NUMBERS = {6: "%Y%m", 8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_CLOCK = r"(?i)\d{1,2}(:\d{2}){1,2}(\.\d+)?( *[ap]\.?m\.?)?"
_FIRST_YEAR = 1000  # pandas puts text without a year into the year 1
_FEW_YEARS = 12
_LAST_YEAR_OF_2000 = 68  # years of two digits as in POSIX: 68 is 2068, 69 is 1969


def read_times(
    path: Path,
    name: str,
    column: pd.Series,
    table_format: TableFormat = TableFormat(),
    expected: TableFormat = TableFormat(),
) -> pd.Index:
    """Return a column of text as numbers or as times; times with a zone are put into UTC."""
    times = read_zoned_times(path, name, column, table_format, expected)
    if isinstance(times, pd.DatetimeIndex) and times.tz is not None:
        return times.tz_convert(None)
    return times


def read_zoned_times(
    path: Path,
    name: str,
    column: pd.Series,
    table_format: TableFormat = TableFormat(),
    expected: TableFormat = TableFormat(),
    are_dates: bool | None = None,
) -> pd.Index:
    """Return a column of text as numbers or as times, which are in UTC if they have a zone.

    Args:
        path: errors name the file.
        name: errors name the column.
        table_format: `time_format` and `dayfirst` if the user set them.
        expected: `dayfirst` decides where the order of day and month is ambiguous; `decimal` is
            the decimal sign of numbers.
        are_dates: whether numbers such as 20240131 are dates. None: if they are not evenly spaced
            and each is a date.

    Raises:
        InputError: a cell is neither a number nor a time, or dates can be read in two ways; names
            column, row and reason.
    """
    cells = column.astype(str).str.strip()
    without_digits = ~cells.str.contains(r"\d")  # pandas reads "now" and "nan" as times
    if without_digits.any():
        row = int(np.argmax(without_digits))
        raise _not_a_time(path, name, cells, row, table_format.time_format or "")
    if table_format.time_format is not None:
        utc = "%z" in table_format.time_format
        return _parse(path, name, cells, cells, table_format.time_format, utc)
    written_numbers = cells
    if expected.decimal == ",":
        written_numbers = cells.str.replace(",", ".")
    numbers = pd.to_numeric(written_numbers, errors="coerce")
    if numbers.notna().all():
        dates = None
        if are_dates or (are_dates is None and not _are_evenly_spaced(numbers.to_numpy())):
            dates = _dates_as_numbers(path, name, cells)
        if dates is not None:
            return dates
        return _require_finite(path, name, cells, numbers)
    texts = cells
    pandas_format = "ISO8601"
    if cells.str.fullmatch(_ISO).all():
        pass
    elif cells.str.fullmatch(_YEAR_FIRST).all():
        texts = _iso_texts(cells.str.extract(_YEAR_FIRST))
    elif cells.str.fullmatch(_YEAR_LAST).all():
        texts = _iso_texts(_days_and_months(path, name, cells, table_format, expected))
    else:
        pandas_format = "mixed"
        ambiguous = cells.str.contains(_DAY_OR_MONTH) & ~cells.str.contains(_MONTH)
        if ambiguous.any():
            raise InputError(
                f"The dates in column {name} of {path} can be read in two ways, such as "
                f"{cells[ambiguous].iloc[0]!r}. Set how they are written: "
                'time_format = "%d/%m/%Y".'
            )
    if cells.str.fullmatch(_AM_OR_PM).any():
        pandas_format = "mixed"
    has_zone = cells.str.fullmatch(_ZONE) & cells.str.contains(r":|T\d")  # not 01-05-2024
    if has_zone.any() and not has_zone.all():
        row = int(np.argmax(has_zone != has_zone.iloc[0]))
        raise InputError(
            f"Times of column {name} of {path} must all have a zone, or none. Received: "
            f"{cells.iloc[0]!r} in row 1, {cells.iloc[row]!r} in row {row + 1}"
        )
    return _parse(path, name, cells, texts, pandas_format, utc=bool(has_zone.any()))


def _days_and_months(
    path: Path, name: str, cells: pd.Series, table_format: TableFormat, expected: TableFormat
) -> pd.DataFrame:
    """Return dates that end in the year as columns day, month, year and clock."""
    parts = cells.str.extract(_YEAR_LAST)
    dayfirst = table_format.dayfirst
    if dayfirst is None:
        dayfirst = _is_day_first(parts)
    if dayfirst is None:
        dayfirst = expected.dayfirst
    if dayfirst is None:
        raise InputError(
            f"The dates in column {name} of {path} can be read in two ways, such as "
            f"{cells.iloc[0]!r}. Set which is meant: dayfirst = true or false, or "
            'a time_format such as "%d/%m/%Y".'
        )
    if dayfirst:
        return parts.assign(day=parts["first"], month=parts["second"])
    return parts.assign(day=parts["second"], month=parts["first"])


def _parse(
    path: Path, name: str, cells: pd.Series, texts: pd.Series, pandas_format: str, utc: bool
) -> pd.DatetimeIndex:
    """Return `texts`, the rewritten `cells`, as times; in UTC if `utc`, else without a zone."""
    try:
        index = _to_datetimes(texts, pandas_format, utc, "raise")
    except (ValueError, TypeError, OverflowError, re.error) as error:
        row = _first_unreadable(texts, pandas_format)
        raise _not_a_time(path, name, cells, row, pandas_format) from error
    if index.hasnans:
        raise _not_a_time(path, name, cells, int(np.argmax(index.isna())), pandas_format)
    if pandas_format == "mixed" and (index.year < _FIRST_YEAR).any():
        row = int(np.argmax(index.year < _FIRST_YEAR))
        raise InputError(
            f"Times of column {name} of {path} must have a year. Received: {cells.iloc[row]!r} in "
            f'row {row + 1}. Set how they are written with time_format, such as "%b-%y".'
        )
    return index


def _not_a_time(
    path: Path, name: str, cells: pd.Series, row: int, pandas_format: str
) -> InputError:
    cell = cells.iloc[row]
    in_format = ""
    hint = ""
    if "%" in pandas_format:
        in_format = f" in the format {pandas_format!r}"
    elif re.search(r"\d", cell):
        hint = ". Set how they are written with time_format"
    return InputError(
        f"Column {name} of {path} must hold numbers or times{in_format}. Received: {cell!r} in "
        f"row {row + 1}{hint}"
    )


def _to_datetimes(texts: pd.Series, pandas_format: str, utc: bool, errors: Any) -> pd.DatetimeIndex:
    """Return texts as times; "mixed" first tries the format of the first text, which is fast."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # pandas warns if there is no common format
        if pandas_format == "mixed":
            try:
                return pd.DatetimeIndex(pd.to_datetime(texts, utc=utc))
            except (ValueError, TypeError, OverflowError):
                pass
        times = pd.to_datetime(texts, format=pandas_format, utc=utc, errors=errors)
        return pd.DatetimeIndex(times)


def _first_unreadable(texts: pd.Series, pandas_format: str) -> int:
    """Return the row of the first text that is not in the format."""
    try:
        return int(np.argmax(_to_datetimes(texts, pandas_format, True, "coerce").isna()))
    except (ValueError, TypeError, OverflowError, re.error):  # the format itself is invalid
        return 0


def _require_finite(path: Path, name: str, cells: pd.Series, numbers: pd.Series) -> pd.Index:
    bad = np.flatnonzero(~np.isfinite(numbers))
    if len(bad):
        raise InputError(
            f"Column {name} of {path} must be finite. Received: {cells.iloc[bad[0]]} in row "
            f"{bad[0] + 1}"
        )
    return pd.Index(numbers)


def _are_evenly_spaced(numbers: np.ndarray) -> bool:
    return len(np.unique(np.diff(np.unique(numbers)))) < 2


def _dates_as_numbers(path: Path, name: str, cells: pd.Series) -> pd.DatetimeIndex | None:
    """Return whole numbers as dates if each is a date, else None."""
    widths = set(cells.str.len())
    if len(widths) > 1 or not cells.str.isdecimal().all():
        return None
    time_format = _DATES_AS_NUMBERS.get(max(widths))
    if time_format is None:
        return None
    dates = pd.to_datetime(cells, format=time_format, errors="coerce")
    if _are_dates(dates):
        return pd.DatetimeIndex(dates)
    if time_format != "%Y%m%d":
        return None
    for year_last in ("%d%m%Y", "%m%d%Y"):
        if _are_dates(pd.to_datetime(cells, format=year_last, errors="coerce")):
            raise InputError(
                f"Numbers of column {name} of {path} look like dates, such as {cells.iloc[0]!r}. "
                f'Set how they are written: time_format = "{year_last}".'
            )
    return None


def _are_dates(dates: pd.Series) -> bool:
    return bool(dates.notna().all() and dates.dt.year.between(1900, 2100).all())


def detect_dayfirst(column: pd.Series) -> bool | None:
    """Return whether dates have the day before the month.

    None if the column does not hold dates that end in the year, or if that is ambiguous.
    """
    cells = column.astype(str).str.strip()
    if not cells.str.fullmatch(_YEAR_LAST).all():
        return None
    return _is_day_first(cells.str.extract(_YEAR_LAST))


def are_clock_times(column: pd.Series) -> bool:
    """Return whether a column holds times of a clock, without a date."""
    return bool(column.astype(str).str.strip().str.fullmatch(_CLOCK).all())


def require_dates_or_order(
    path: Path, name: str, column: pd.Series, rows: Sequence[np.ndarray]
) -> None:
    """Raise an InputError if times have no date and rows are not in their order.

    Such times may pass midnight, so rows cannot be sorted by them.

    Args:
        rows: the rows of each sequence, in the order of their times.
    """
    if not are_clock_times(column):
        return
    steps = [np.diff(rows_of_sequence) for rows_of_sequence in rows]
    ascending = all((row_steps > 0).all() for row_steps in steps)
    descending = all((row_steps < 0).all() for row_steps in steps) and max(map(len, steps)) > 1
    if not ascending and not descending:
        raise InputError(
            f"Times of column {name} of {path} have no date, and the rows are not in their order. "
            "Add the dates: the times may pass midnight."
        )


def _is_day_first(parts: pd.DataFrame) -> bool | None:
    """Return whether the first number of dates is the day; None if that is ambiguous."""
    first, second, year = (parts[part].astype(int) for part in ("first", "second", "year"))
    first_is_day = bool((first > 12).any())
    second_is_day = bool((second > 12).any())
    # In 20/01/05 the 20 may be a year: a column rarely has more than a dozen different years, but
    # soon has more than a dozen different days.
    may_be_year = first_is_day and bool((year <= 31).all()) and first.nunique() <= _FEW_YEARS
    if first_is_day == second_is_day or may_be_year:
        return None
    return first_is_day


def _iso_texts(parts: pd.DataFrame) -> pd.Series:
    """Return the columns year, month, day and clock as ISO 8601 text, which may have am and pm."""
    year = parts["year"]
    short = year.str.len() == 2
    if short.any():
        century = np.where(year.astype(int) <= _LAST_YEAR_OF_2000, "20", "19")
        year = year.where(~short, pd.Series(century, index=year.index) + year)
    date = year + "-" + parts["month"].str.zfill(2) + "-" + parts["day"].fillna("1").str.zfill(2)
    clock = parts["clock"].fillna("").str.lstrip("T ,").str.strip()
    clock = clock.str.replace(r"^(\d:)", r"0\1", regex=True)
    clock = clock.str.replace(r" *(?:UTC|GMT)$", "Z", regex=True)
    clock = clock.str.replace(r" +([+-])", r"\1", regex=True)
    return date + (" " + clock).where(clock != "", "")
