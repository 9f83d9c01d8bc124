"""How a table is written and what its columns are: kept by a model, so that new data is read in the same way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tcn_search.errors import InputError

DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a vertical bar"}


def plain_name(name: str) -> str:
    """Return a column's name in lower case, without what stands between its words.

    >>> plain_name("Date Time"), plain_name("series_id")
    ('datetime', 'seriesid')
    """
    return name.lower().replace(" ", "").replace("_", "").replace("-", "")


@dataclass(frozen=True)
class TableFormat:
    """How a table is written, where that cannot be told from it.

    Args:
        delimiter: what stands between two cells: "," or ";" or "|" or a tab.
        decimal: "." or ",".
        encoding: a name that Python knows, such as "latin-1".
        dayfirst: whether 05/01/2020 is the fifth of January (true) or the first of May (false).
        time_format: of times, as in `datetime.strptime`, such as "%d.%m.%y %H:%M"; it decides everything.
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
                f'encoding must be one that Python knows, such as "latin-1". Received: {self.encoding!r}'
            ) from error


@dataclass(frozen=True)
class TableLayout:
    """Columns of a table by their roles, and how it is written.

    Args:
        form: "long" (a row a step), "wide" (a row a sequence) or "forecast" (a column a series).
        inputs: columns that the network reads, in its order: channels, of a wide table steps.
        targets: columns that are predicted.
        sequence, time, group: columns with these roles, None where there is none.
        table_format: how the table was written, as far as it was said or found out. It decides where new data
            could be read in two ways.
    """

    form: str
    inputs: tuple[str, ...]
    targets: tuple[str, ...] = ()
    sequence: str | None = None
    time: str | None = None
    group: str | None = None
    table_format: TableFormat = field(default_factory=TableFormat)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as JSON knows them."""
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TableLayout:
        """Return the layout that `to_dict` wrote."""
        return cls(
            form=values["form"],
            inputs=tuple(values["inputs"]),
            targets=tuple(values["targets"]),
            sequence=values["sequence"],
            time=values["time"],
            group=values["group"],
            table_format=TableFormat(**values["table_format"]),
        )
