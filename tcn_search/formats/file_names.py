"""Formats of data files, recognised by the ending of the file name."""

from __future__ import annotations

from pathlib import PurePath

from tcn_search.errors import InputError

_ENDINGS = {
    ".npz": "npz",
    ".csv": "table",
    ".csv.gz": "table",
    ".tsv": "table",
    ".tsv.gz": "table",
    ".ts": "ts",
    ".parquet": "parquet",
}
KNOWN = "an .npz, a .csv, a .tsv or a .ts"


def file_format(path: str | PurePath) -> str:
    """Return "npz", "table", "ts" or "parquet" by a file's ending in any case, "" for others.

    >>> file_format("Own.CSV"), file_format("own.tsv.gz"), file_format("own.xls")
    ('table', 'table', '')
    """
    return _ENDINGS.get(_ending(path).lower(), "")


def require_table(path: str | PurePath) -> None:
    """Raise an InputError if a file for the task forecast is not a table."""
    if file_format(path) not in ("table", "parquet"):
        raise InputError(
            f"A horizon is for a table of series, a .csv, a .tsv or a .parquet. Received: {path}"
        )


def stem(path: str | PurePath) -> str:
    """Return a file's name without its ending, which may have two parts.

    >>> stem("data/own.v2.csv.gz")
    'own.v2'
    """
    return PurePath(path).name.removesuffix(_ending(path))


def _ending(path: str | PurePath) -> str:
    suffixes = PurePath(path).suffixes
    if suffixes and suffixes[-1].lower() == ".gz":
        return "".join(suffixes[-2:])
    return "".join(suffixes[-1:])
