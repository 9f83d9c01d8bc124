"""Times as loggers, spreadsheets and databases write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tcn_search.errors import InputError
from tcn_search.formats.table_layout import TableFormat
from tcn_search.formats.times import read_times

FILE = Path("own.csv")
JANUARY = ["2024-01-05", "2024-01-13"]


@pytest.mark.parametrize(
    ("cells", "options", "times"),
    [
        (["2024-01-05T00:00:00Z", "2024-01-13T00:00:00.000Z"], {}, JANUARY),
        (["2024-01-05 02:00:00+02:00", "2024-01-13T00:00+00:00"], {}, JANUARY),
        (
            ["2024-03-31 01:30+01:00", "2024-03-31 03:30+02:00"],
            {},
            ["2024-03-31 00:30", "2024-03-31 01:30"],
        ),
        (["2024-01-05 00:00:00 UTC", "2024-01-13 00:00:00 UTC"], {}, JANUARY),
        (["2024-1-5", "2024/01/13"], {}, JANUARY),
        (
            ["2024.01.05 8:05", "2024.01.13 18:05:07.25"],
            {},
            ["2024-01-05 08:05", "2024-01-13 18:05:07.25"],
        ),
        (["2024-01", "2024-02"], {}, ["2024-01-01", "2024-02-01"]),
        (["05/01/2024", "13/01/2024"], {}, JANUARY),
        (["01/05/2024", "01/13/2024"], {}, JANUARY),
        (["5.1.2024 0:00", "13.1.2024 00:00:00"], {}, JANUARY),
        (["1/5/24", "1/13/24"], {}, JANUARY),
        (["05/01/2024", "11/01/2024"], {"dayfirst": True}, ["2024-01-05", "2024-01-11"]),
        (["05/01/2024", "11/01/2024"], {"dayfirst": False}, ["2024-05-01", "2024-11-01"]),
        (["05.01.24", "13.01.24"], {"dayfirst": True}, JANUARY),
        (["5 of 1 24", "13 of 1 24"], {"time_format": "%d of %m %y"}, JANUARY),
        (["2024-01-05 00:00+0000"], {"time_format": "%Y-%m-%d %H:%M%z"}, JANUARY[:1]),
        (["Jan 5, 2024", "Jan 13, 2024"], {}, JANUARY),
        (
            ["05-Jan-2024 00.00.00", "13-Jan-2024 00.00.00"],
            {"time_format": "%d-%b-%Y %H.%M.%S"},
            JANUARY,
        ),
        (
            [f"{day:02}/01/24" for day in range(5, 31)],
            {},
            [f"2024-01-{day:02}" for day in range(5, 31)],
        ),
        (["01/05/2024 12:00 AM", "01/13/2024 1:30 PM"], {}, ["2024-01-05", "2024-01-13 13:30"]),
        (["20240105", "20240113", "20240114"], {}, [*JANUARY, "2024-01-14"]),
        (["202312", "202401", "202402"], {}, ["2023-12-01", "2024-01-01", "2024-02-01"]),
        (["20240105T000000Z", "20240113T000000Z"], {}, JANUARY),
        (["20240105T010000+0100", "20240113T020000+0200"], {}, JANUARY),
        (["Jan-24", "Feb-24"], {"time_format": "%b-%y"}, ["2024-01-01", "2024-02-01"]),
        ([" 2024-01-05", "2024-01-13 "], {}, JANUARY),
    ],
)
def test_times_are_what_was_written(
    cells: list[str], options: dict[str, Any], times: list[str]
) -> None:
    index = read_times(FILE, "time", pd.Series(cells), TableFormat(**options))
    assert index.tolist() == [pd.Timestamp(time) for time in times]


@pytest.mark.parametrize(
    "cells", [["1", "2"], ["0.5", "1e3"], ["20240101", "20240102"], ["1704067200", "1704070800"]]
)
def test_numbers_stay_numbers_where_they_are_an_even_count(cells: list[str]) -> None:
    assert read_times(FILE, "time", pd.Series(cells)).tolist() == [float(cell) for cell in cells]


def test_the_expected_format_decides_where_cells_are_ambiguous() -> None:
    expected = TableFormat(dayfirst=True, decimal=",")
    index = read_times(FILE, "time", pd.Series(["05/01/2024", "11/01/2024"]), expected=expected)
    assert index.tolist() == [pd.Timestamp("2024-01-05"), pd.Timestamp("2024-01-11")]
    assert read_times(FILE, "time", pd.Series(["1,5", "10,25"]), expected=expected).tolist() == [
        1.5,
        10.25,
    ]


TWO_WAYS = "The dates in column time of own.csv can be read in two ways, such as {!r}. Set which is meant: dayfirst = true or false, or a time_format such as \"%d/%m/%Y\"."  # fmt: skip


WRITTEN = "The dates in column time of own.csv can be read in two ways, such as {!r}. Set how they are written: time_format = \"%d/%m/%Y\"."  # fmt: skip


@pytest.mark.parametrize(
    ("cells", "options", "message"),
    [
        (["05/01/2024", "11/01/2024"], {}, TWO_WAYS.format("05/01/2024")),
        (["13/01/2024", "01/13/2024"], {}, TWO_WAYS.format("13/01/2024")),
        (["20/01/05", "21/01/05"], {}, TWO_WAYS.format("20/01/05")),
        (["2024-01-05", "05/01/2024"], {}, WRITTEN.format("05/01/2024")),
        (["10:00 05/01/2024"], {}, WRITTEN.format("10:00 05/01/2024")),
        (["08 01 2024", "13 01 2024"], {}, WRITTEN.format("08 01 2024")),
        (["08012024", "13012024", "18022024"], {}, "Numbers of column time of own.csv look like dates, such as '08012024'. Set how they are written: time_format = \"%d%m%Y\"."),
        (["2024-01-05", "soon"], {}, "Column time of own.csv must hold numbers or times. Received: 'soon' in row 2"),
        (["2024-01-05", "2024-02-30"], {}, "Column time of own.csv must hold numbers or times. Received: '2024-02-30' in row 2. Set how they are written with time_format"),
        (["01/13/2024"], {"dayfirst": True}, "Column time of own.csv must hold numbers or times. Received: '01/13/2024' in row 1. Set how they are written with time_format"),
        (["5.1.2024", "5-1-2024"], {"time_format": "%d.%m.%Y"}, "Column time of own.csv must hold numbers or times in the format '%d.%m.%Y'. Received: '5-1-2024' in row 2"),
        (["2024-01-05 00:00Z", "2024-01-06 00:00"], {}, "Times of column time of own.csv must all have a zone, or none. Received: '2024-01-05 00:00Z' in row 1, '2024-01-06 00:00' in row 2"),
        (["1", "inf"], {}, "Column time of own.csv must hold numbers or times. Received: 'inf' in row 2"),
        (["Nov-23", "Dec-23"], {}, "Times of column time of own.csv must have a year. Received: 'Nov-23' in row 1. Set how they are written with time_format, such as \"%b-%y\"."),
        (["1", "nan"], {}, "Column time of own.csv must hold numbers or times. Received: 'nan' in row 2"),
        (["13.01.2024", "NaT"], {}, "Column time of own.csv must hold numbers or times. Received: 'NaT' in row 2"),
        (["2024"], {"time_format": "%Y %Y"}, "Column time of own.csv must hold numbers or times in the format '%Y %Y'. Received: '2024' in row 1"),
        (["1e400"], {}, "Column time of own.csv must be finite. Received: 1e400 in row 1"),
        (["2024-01-05 00:00 CET"], {}, "Column time of own.csv must hold numbers or times. Received: '2024-01-05 00:00 CET' in row 1. Set how they are written with time_format"),
    ],
)  # fmt: skip
def test_unreadable_and_ambiguous_times_are_refused(
    cells: list[str], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as error:
        read_times(FILE, "time", pd.Series(cells), TableFormat(**options))
    assert str(error.value) == message
