"""Format and column roles of a table, stored with a model so that it reads new data alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tcn_search.errors import InputError

DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a vertical bar"}


def plain_name(name: str) -> str:
    """Return a column's name in lower case, without spaces, hyphens and underscores.

    >>> plain_name("Date Time"), plain_name("series_id")
    ('datetime', 'seriesid')
    """
    return name.lower().replace(" ", "").replace("_", "").replace("-", "")


@dataclass(frozen=True)
class TableFormat:
    """How a table is written. A field that is None is detected from the file.

    Args:
        delimiter: character between two cells: "," or ";" or "|" or a tab.
        decimal: decimal sign, "." or ",".
        encoding: a name that Python knows, such as "latin-1".
        dayfirst: whether 05/01/2020 is the fifth of January (true) or the first of May (false).
        time_format: format of times as in `datetime.strptime`, such as "%d.%m.%y %H:%M"; `dayfirst`
            is then ignored.

    Raises:
        InputError: a value is unknown, or delimiter and decimal sign are the same.
    """

    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    dayfirst: bool | None = None
    time_format: str | None = None

    def __post_init__(self) -> None:
        if self.delimiter is not None and self.delimiter not in DELIMITERS:
            known = ", ".join(map(repr, DELIMITERS))
            raise InputError(f"delimiter must be one of {known}. Received: {self.delimiter!r}")
        if self.decimal not in (None, ".", ","):
            raise InputError(f"decimal must be '.' or ','. Received: {self.decimal!r}")
        if self.decimal == "," == self.delimiter:
            raise InputError("delimiter and decimal must differ. Received: ',' for both")
        try:
            "a".encode(self.encoding or "utf-8")
        except (LookupError, ValueError) as error:
            raise InputError(
                'encoding must be one that Python knows, such as "latin-1". Received: '
                f"{self.encoding!r}"
            ) from error


@dataclass(frozen=True)
class ForecastLayout:
    """How rows of series become the windows of a forecast, so that new rows are read likewise.

    Args:
        horizon: steps to predict.
        frequency: step of time in pandas' words, such as "h" or "MS"; a number as text, such as
            "1", where times are numbers.
        timezone: time zone of the times, such as "Europe/Berlin"; "" where none was set.
        time_columns: the columns that a time is put together from, such as year, month and day;
            empty where it stands in one column.
        gaps: rule for missing rows and empty cells: "error", "interpolate" or "mask".
        known: columns whose values are known in advance; they are among the inputs, too.
        calendar: calendar features: "hour", "weekday", "month".
        holidays: column that marks holidays; "" where there is none.
        static: columns with one value for each series.
        texts: columns of text, each with the texts that became a channel.
        observed: columns beside which a channel says whether the value was there.
        ids: names of the series that were trained on, in long form.
        offset, scale: for each of them, what each channel was standardised with.
    """

    horizon: int
    frequency: str = ""
    timezone: str = ""
    time_columns: tuple[str, ...] = ()
    gaps: str = "error"
    known: tuple[str, ...] = ()
    calendar: tuple[str, ...] = ()
    holidays: str = ""
    static: tuple[str, ...] = ()
    texts: tuple[tuple[str, tuple[str, ...]], ...] = ()
    observed: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    offset: tuple[tuple[float, ...], ...] = ()
    scale: tuple[tuple[float, ...], ...] = ()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ForecastLayout:
        """Return the layout from plain values, as JSON knows them."""
        return cls(**{name: _tuples(value) for name, value in values.items()})


def _lists(value: Any) -> Any:
    """Return nested tuples as nested lists."""
    if isinstance(value, list | tuple):
        return list(map(_lists, value))
    return value


def _tuples(value: Any) -> Any:
    """Return nested lists as nested tuples."""
    if isinstance(value, list | tuple):
        return tuple(map(_tuples, value))
    return value


@dataclass(frozen=True)
class TableLayout:
    """Columns of a table by their roles, and how the table is written.

    Args:
        form: "long" (one row per step), "wide" (one row per sequence) or "forecast" (series with a
            time column, side by side or, with a column `sequence`, below each other).
        inputs: columns that the network reads, in its order: channels, or the steps of a wide
            table.
        targets: columns that are predicted.
        sequence, time, group: columns with these roles, None where there is none.
        table_format: how the table was written, as set by the user or detected. It decides where
            new data could be read in two ways.
        forecast: for forecasts, the rules by which rows become windows. None in models of earlier
            versions.
    """

    form: str
    inputs: tuple[str, ...]
    targets: tuple[str, ...] = ()
    sequence: str | None = None
    time: str | None = None
    group: str | None = None
    table_format: TableFormat = field(default_factory=TableFormat)
    forecast: ForecastLayout | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the layout as plain values that JSON can store."""
        values = asdict(self)
        values["inputs"] = list(self.inputs)
        values["targets"] = list(self.targets)
        if self.forecast is None:
            del values["forecast"]
        else:
            values["forecast"] = {name: _lists(value) for name, value in values["forecast"].items()}
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TableLayout:
        """Return the layout from the values of `to_dict`."""
        forecast = None
        if values.get("forecast") is not None:
            forecast = ForecastLayout.from_dict(values["forecast"])
        return cls(
            form=values["form"],
            inputs=tuple(values["inputs"]),
            targets=tuple(values["targets"]),
            sequence=values["sequence"],
            time=values["time"],
            group=values["group"],
            table_format=TableFormat(**values["table_format"]),
            forecast=forecast,
        )
