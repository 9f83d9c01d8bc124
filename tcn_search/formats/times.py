"""Columns of times: text or numbers, with or without zones, the day before the month or after it."""

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
_HALF_DAYS = r"(?i).*\d *[ap]\.?m\.?\b.*"
_DATES_AS_NUMBERS = {6: "%Y%m", 8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_CLOCK = r"(?i)\d{1,2}(:\d{2}){1,2}(\.\d+)?( *[ap]\.?m\.?)?"
_FIRST_YEAR = 1000  # pandas puts text without a year into the year 1
_FEW_YEARS = 12
_LAST_YEAR_OF_2000 = 68  # of two digits, as in POSIX: 69 is 1969


def read_times(
    path: Path,
    name: str,
    column: pd.Series,
    table_format: TableFormat = TableFormat(),
    expected: TableFormat = TableFormat(),
) -> pd.Index:
    """Return a column of text as numbers, or as times, in UTC where they have a zone.

    Numbers that are no even count but all dates, such as 20240131, are dates.

    Args:
        expected: decides where days and months cannot be told apart, and has the decimal sign.

    Raises:
        InputError: names column, row and reason; of dates that can be read in two ways, how to say which.
    """
    cells = column.astype(str).str.strip()
    wordy = ~cells.str.contains(r"\d")  # pandas knows "now", and takes "nan" for a time
    if wordy.any():
        raise _no_time(path, name, cells, int(np.argmax(wordy)), table_format.time_format or "")
    if table_format.time_format is not None:
        utc = "%z" in table_format.time_format
        return _parse(path, name, cells, cells, table_format.time_format, utc)
    written_numbers = cells.str.replace(",", ".") if expected.decimal == "," else cells
    numbers = pd.to_numeric(written_numbers, errors="coerce")
    if numbers.notna().all():
        dates = _dates_as_numbers(path, name, cells, numbers.to_numpy())
        return _finite(path, name, cells, numbers) if dates is None else dates
    texts = cells
    how = "ISO8601"
    if cells.str.fullmatch(_ISO).all():
        pass
    elif cells.str.fullmatch(_YEAR_FIRST).all():
        texts = _iso(cells.str.extract(_YEAR_FIRST))
    elif cells.str.fullmatch(_YEAR_LAST).all():
        parts = cells.str.extract(_YEAR_LAST)
        dayfirst = _is_day_first(parts) if table_format.dayfirst is None else table_format.dayfirst
        dayfirst = expected.dayfirst if dayfirst is None else dayfirst
        if dayfirst is None:
            raise _two_ways(path, name, cells.iloc[0])
        day, month = ("first", "second") if dayfirst else ("second", "first")
        texts = _iso(parts.assign(day=parts[day], month=parts[month]))
    else:
        how = "mixed"
        ambiguous = cells.str.contains(_DAY_OR_MONTH) & ~cells.str.contains(_MONTH)
        if ambiguous.any():
            raise InputError(
                f"The dates in column {name} of {path} can be read in two ways, such as "
                f'{cells[ambiguous].iloc[0]!r}. Say how they are written: time_format = "%d/%m/%Y".'
            )
    if cells.str.fullmatch(_HALF_DAYS).any():
        how = "mixed"
    zoned = cells.str.fullmatch(_ZONE) & cells.str.contains(r":|T\d")  # not 01-05-2024
    if zoned.any() and not zoned.all():
        row = int(np.argmax(zoned != zoned.iloc[0]))
        raise InputError(
            f"Times of column {name} of {path} must all have a zone, or none. Received: {cells.iloc[0]!r} in row 1, "
            f"{cells.iloc[row]!r} in row {row + 1}"
        )
    return _parse(path, name, cells, texts, how, utc=bool(zoned.any()))


def _parse(
    path: Path, name: str, cells: pd.Series, texts: pd.Series, how: str, utc: bool
) -> pd.DatetimeIndex:
    """Return `texts`, which stand for `cells`, as times in a format of pandas."""
    try:
        index = _to_datetimes(texts, how, utc, "raise")
    except (ValueError, TypeError, OverflowError, re.error) as error:
        raise _no_time(path, name, cells, _first_unreadable(texts, how), how) from error
    if index.hasnans:
        raise _no_time(path, name, cells, int(np.argmax(index.isna())), how)
    if how == "mixed" and (index.year < _FIRST_YEAR).any():
        row = int(np.argmax(index.year < _FIRST_YEAR))
        raise InputError(
            f"Times of column {name} of {path} must have a year. Received: {cells.iloc[row]!r} in row {row + 1}. Say "
            'how they are written with time_format, such as "%b-%y".'
        )
    return index if index.tz is None else index.tz_convert(None)


def _no_time(path: Path, name: str, cells: pd.Series, row: int, how: str = "") -> InputError:
    cell = cells.iloc[row]
    as_wanted = f" in the format {how!r}" if "%" in how else ""
    hint = ""
    if not as_wanted and re.search(r"\d", cell):
        hint = ". Say how they are written with time_format"
    return InputError(
        f"Column {name} of {path} must hold numbers or times{as_wanted}. Received: {cell!r} in row {row + 1}{hint}"
    )


def _to_datetimes(texts: pd.Series, how: str, utc: bool, errors: Any) -> pd.DatetimeIndex:
    """Return texts as times; mixed ones in the format of the first, which is fast, or else each in its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that no common format was found
        if how == "mixed":
            try:
                return pd.DatetimeIndex(pd.to_datetime(texts, utc=utc))
            except (ValueError, TypeError, OverflowError):
                pass
        return pd.DatetimeIndex(pd.to_datetime(texts, format=how, utc=utc, errors=errors))


def _first_unreadable(texts: pd.Series, how: str) -> int:
    try:
        return int(np.argmax(_to_datetimes(texts, how, True, "coerce").isna()))
    except (ValueError, TypeError, OverflowError, re.error):  # the format itself is none
        return 0


def _finite(path: Path, name: str, cells: pd.Series, numbers: pd.Series) -> pd.Index:
    bad = np.flatnonzero(~np.isfinite(numbers))
    if len(bad):
        raise InputError(
            f"Column {name} of {path} must be finite. Received: {cells.iloc[bad[0]]} in row {bad[0] + 1}"
        )
    return pd.Index(numbers)


def _dates_as_numbers(
    path: Path, name: str, cells: pd.Series, numbers: np.ndarray
) -> pd.DatetimeIndex | None:
    """Return whole numbers as dates, where they are not evenly spaced and each one is a date."""
    widths = set(cells.str.len())
    time_format = _DATES_AS_NUMBERS.get(max(widths)) if len(widths) == 1 else None
    spacings = np.unique(np.diff(np.unique(numbers)))
    if time_format is None or len(spacings) < 2 or not cells.str.isdecimal().all():
        return None
    dates = pd.to_datetime(cells, format=time_format, errors="coerce")
    if _are_dates(dates):
        return pd.DatetimeIndex(dates)
    for other in ("%d%m%Y", "%m%d%Y"):
        if time_format == "%Y%m%d" and _are_dates(
            pd.to_datetime(cells, format=other, errors="coerce")
        ):
            raise InputError(
                f"Numbers of column {name} of {path} look like dates, such as {cells.iloc[0]!r}. Say how they are "
                f'written: time_format = "{other}".'
            )
    return None


def _are_dates(dates: pd.Series) -> bool:
    return bool(dates.notna().all() and dates.dt.year.between(1900, 2100).all())


def found_dayfirst(column: pd.Series) -> bool | None:
    """Return whether dates have the day before the month; None where there are none, or it cannot be told."""
    cells = column.astype(str).str.strip()
    return (
        _is_day_first(cells.str.extract(_YEAR_LAST))
        if cells.str.fullmatch(_YEAR_LAST).all()
        else None
    )


def lack_dates(column: pd.Series) -> bool:
    """Whether a column holds times of a clock, which say nothing of the day."""
    return bool(column.astype(str).str.strip().str.fullmatch(_CLOCK).all())


def require_dates_or_order(
    path: Path, name: str, column: pd.Series, rows: Sequence[np.ndarray]
) -> None:
    """Raise an InputError where times are those of a clock, and do not tell the order: they may pass midnight.

    Args:
        rows: those of each sequence, in the order of the times.
    """
    if not lack_dates(column):
        return
    steps = [np.diff(one) for one in rows]
    newest_first = all((one < 0).all() for one in steps) and max(map(len, steps)) > 1
    if not newest_first and not all((one > 0).all() for one in steps):
        raise InputError(
            f"Times of column {name} of {path} have no date, and do not stand in their order. Add the dates: they may "
            "pass midnight."
        )


def _is_day_first(parts: pd.DataFrame) -> bool | None:
    first, second, year = (parts[part].astype(int) for part in ("first", "second", "year"))
    is_first = bool((first > 12).any())
    is_second = bool((second > 12).any())
    # 20/01/05: there are rarely more than a dozen years, and soon more days.
    may_be_year = is_first and bool((year <= 31).all()) and first.nunique() <= _FEW_YEARS
    return None if is_first == is_second or may_be_year else is_first


def _two_ways(path: Path, name: str, cell: str) -> InputError:
    return InputError(
        f"The dates in column {name} of {path} can be read in two ways, such as {cell!r}. Say which is meant: "
        'dayfirst = true or false, or time_format = "%d/%m/%Y".'
    )


def _iso(parts: pd.DataFrame) -> pd.Series:
    """Return the columns year, month, day and clock as text that ISO 8601 allows, but for am and pm."""
    year = parts["year"]
    short = year.str.len() == 2
    if short.any():
        century = np.where(year.astype(int) <= _LAST_YEAR_OF_2000, "20", "19")
        year = year.where(~short, pd.Series(century, index=year.index) + year)
    date = year + "-" + parts["month"].str.zfill(2) + "-" + parts["day"].fillna("1").str.zfill(2)
    clock = parts["clock"].fillna("").str.lstrip("T ,").str.strip()
    clock = clock.str.replace(r"^(\d:)", r"0\1", regex=True)
    clock = clock.str.replace(r" *(?:UTC|GMT)$", "Z", regex=True).str.replace(
        r" +([+-])", r"\1", regex=True
    )
    return date + (" " + clock).where(clock != "", "")
