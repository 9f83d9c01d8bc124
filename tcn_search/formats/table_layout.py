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
class TableLayout:
    """Columns of a table by their roles, and how the table is written.

    Args:
        form: "long" (one row per step), "wide" (one row per sequence) or "forecast" (one column per
            series).
        inputs: columns that the network reads, in its order: channels, or the steps of a wide
            table.
        targets: columns that are predicted.
        sequence, time, group: columns with these roles, None where there is none.
        table_format: how the table was written, as set by the user or detected. It decides where
            new data could be read in two ways.
    """

    form: str
    inputs: tuple[str, ...]
    targets: tuple[str, ...] = ()
    sequence: str | None = None
    time: str | None = None
    group: str | None = None
    table_format: TableFormat = field(default_factory=TableFormat)

    def to_dict(self) -> dict[str, Any]:
        """Return the layout as plain values that JSON can store."""
        values = asdict(self)
        values["inputs"] = list(self.inputs)
        values["targets"] = list(self.targets)
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TableLayout:
        """Return the layout from the values of `to_dict`."""
        return cls(
            form=values["form"],
            inputs=tuple(values["inputs"]),
            targets=tuple(values["targets"]),
            sequence=values["sequence"],
            time=values["time"],
            group=values["group"],
            table_format=TableFormat(**values["table_format"]),
        )
