"""Tables of known values, written in the ways that people, programs and loggers write them."""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import dataclass

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from tcn_search.formats.table_layout import TableFormat

# Formats, and whether the order of day and month is clear without a setting.
TIME_FORMATS = {
    "%Y-%m-%d %H:%M:%S": True,
    "%Y-%m-%dT%H:%M:%SZ": True,
    "%Y-%m-%dT%H:%M:%S.%f+05:30": True,
    "%Y/%m/%d %H:%M": True,
    "%d.%m.%Y %H:%M": False,
    "%d/%m/%Y %H:%M:%S": False,
    "%m/%d/%Y %I:%M %p": False,
    "%b %d, %Y %H:%M": True,
    "%Y%m%d%H": True,
}
LABELS = (
    ["a", "b"],
    ["A", "a"],
    ["01", "1"],
    ["1_12", "11_2"],
    ["0", "1"],
    ["None", "NA"],
    ["nan", "null"],
    ["banana", "fi,nance"],
    ['say "yes"', "two\nlines"],
    ["zwölf", "日本"],
    ["True", "False"],
)


@dataclass(frozen=True)
class WrittenTable:
    """A table, the values in it, and how it is written.

    Attributes:
        header, rows: of text, without row numbers.
        sequences: (T, C) each, the values of a long or wide table.
        values: (T, C), the values of a table for a forecast.
        given_format: settings for the reader.
    """

    form: str
    header: list[str]
    rows: list[list[str]]
    sequences: list[np.ndarray]
    labels: list[str]
    values: np.ndarray
    delimiter: str
    encoding: str
    line_end: str
    row_numbers: bool
    trailing: bool
    comment: bool
    quote_all: bool
    ending: str
    given_format: TableFormat
    may_be_refused: bool

    def data(self) -> bytes:
        """Return the file's bytes."""
        stream = io.StringIO(newline="")
        if self.comment:
            stream.write("# written by a logger" + self.line_end)
        quoting = csv.QUOTE_ALL if self.quote_all else csv.QUOTE_MINIMAL
        writer = csv.writer(
            stream, delimiter=self.delimiter, lineterminator=self.line_end, quoting=quoting
        )
        numbered = [["", *self.header]] if self.row_numbers else [self.header]
        numbered += [[str(k), *row] if self.row_numbers else row for k, row in enumerate(self.rows)]
        for number, row in enumerate(numbered):
            writer.writerow([*row, ""] if self.trailing and number else row)
        data = stream.getvalue().encode(self.encoding)
        return gzip.compress(data) if self.ending.endswith(".gz") else data


def _number(value: float, decimal: str) -> str:
    return repr(value).replace(".", decimal)


@st.composite
def written_tables(draw: st.DrawFn) -> WrittenTable:
    """Draw a table of one of the three forms."""
    form = draw(st.sampled_from(["wide", "long", "forecast"]))
    delimiter = draw(st.sampled_from([",", ";", "\t", "|"]))
    decimal = "." if delimiter == "," else draw(st.sampled_from([".", ","]))
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
    labels = draw(st.sampled_from(LABELS))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale = 10.0 ** draw(st.integers(-6, 6))
    count = draw(st.integers(2, 6))
    steps = draw(st.integers(2, 5))
    channels = draw(st.integers(1, 3))
    sequences: list[np.ndarray] = []
    chosen: list[str] = []
    values = np.empty((0, 0))
    time_format = draw(st.sampled_from(list(TIME_FORMATS)))
    sets_dayfirst = draw(st.booleans())
    is_clear = TIME_FORMATS[time_format] or sets_dayfirst
    dayfirst = (
        time_format.startswith("%d") if sets_dayfirst and not TIME_FORMATS[time_format] else None
    )
    start = pd.Timestamp("2024-01-01") + pd.Timedelta(hours=draw(st.integers(0, 9000)))
    if form == "wide":
        header = [*(f"t{k}" for k in range(steps)), "label"]
        sequences = [generator.normal(size=(steps, 1)) * scale for _ in range(count)]
        chosen = [labels[k % 2] for k in range(count)]
        rows = [
            [*(_number(float(x), decimal) for x in sequence[:, 0]), label]
            for sequence, label in zip(sequences, chosen, strict=True)
        ]
        is_clear = True
    elif form == "long":
        header = ["id", "time", *(f"c{k}" for k in range(channels)), "label"]
        lengths = generator.integers(2, steps + 1, size=count)
        sequences = [generator.normal(size=(length, channels)) * scale for length in lengths]
        chosen = [labels[k % 2] for k in range(count)]
        rows = []
        for number, sequence in enumerate(sequences):
            order = generator.permutation(len(sequence))
            for step in order:
                time = (start + pd.Timedelta(hours=int(step))).strftime(time_format)
                cells = [_number(float(x), decimal) for x in sequence[step]]
                rows.append([f"0{number}", time, *cells, chosen[number]])
    else:
        header = ["Date Time", *(f"c{k}" for k in range(channels))]
        values = generator.normal(size=(3 * count, channels)) * scale
        rows = [
            [
                (start + pd.Timedelta(hours=k)).strftime(time_format),
                *(_number(float(x), decimal) for x in row),
            ]
            for k, row in enumerate(values)
        ]
        rows = [rows[k] for k in generator.permutation(len(rows))]
    ending = draw(st.sampled_from([".csv", ".CSV", ".csv.gz", ".tsv"]))
    return WrittenTable(
        form=form,
        header=header,
        rows=rows,
        sequences=sequences,
        labels=chosen,
        values=values,
        delimiter=delimiter,
        encoding=encoding,
        line_end=draw(st.sampled_from(["\n", "\r\n"])),
        row_numbers=draw(st.booleans()),
        trailing=draw(st.booleans()),
        comment=draw(st.booleans()),
        quote_all=draw(st.booleans()),
        ending=ending,
        given_format=TableFormat(dayfirst=dayfirst),
        may_be_refused=not is_clear,
    )


def damaged(data: bytes) -> st.SearchStrategy[bytes]:
    """Draw bytes with something changed, left out, put in, or cut off."""

    def change(how: str, place: int, byte: int) -> bytes:
        place %= max(1, len(data))
        tail = {"cut": b"", "drop": data[place + 1 :], "put": bytes([byte]) + data[place:]}
        return data[:place] + tail.get(how, bytes([byte]) + data[place + 1 :])

    likely = st.sampled_from(b',;\t|".\n\r#0a\x00\xff ')
    return st.builds(
        change,
        st.sampled_from(["cut", "drop", "put", "change"]),
        st.integers(0, 10_000),
        st.one_of(likely, st.integers(0, 255)),
    )
