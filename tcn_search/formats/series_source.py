"""Files and data frames of series, as one kind of table: names of columns, and cells."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from tcn_search.errors import InputError, first_line
from tcn_search.formats.csv_files import TextTable, open_table
from tcn_search.formats.file_names import file_format
from tcn_search.formats.table_layout import TableFormat

FRAME = Path("the data frame")  # the place of a data frame in messages
UNNAMED_INDEX = "time"


@dataclass(frozen=True)
class FrameTable:
    """A data frame as a table whose cells can be read.

    Attributes:
        path: its file, or `FRAME`.
        names: names of its columns.
        frame: its columns, with those of the index that are no row numbers.
        decimal: decimal sign of numbers in text.
    """

    path: Path
    names: tuple[str, ...]
    frame: pd.DataFrame
    decimal: str = "."

    def read(
        self, text_columns: Collection[str] = (), kept_columns: Collection[str] = ()
    ) -> pd.DataFrame:
        """Return the cells, with NaN where one is missing.

        Args:
            text_columns: columns to read as text; times stay times.
            kept_columns: without effect: no column of a data frame is left out.

        Raises:
            InputError: there are no rows.
        """
        if not len(self.frame):
            raise InputError(f"{self.path} holds no rows.")
        frame = self.frame.copy()
        for name in text_columns:
            column = frame[name]
            if isinstance(column.dtype, pd.PeriodDtype):
                frame[name] = column.dt.to_timestamp()
            elif not pd.api.types.is_datetime64_any_dtype(column):
                cells = column.map(_text, na_action="ignore").astype(object)
                frame[name] = cells.where(cells.notna() & (cells != ""), np.nan)
        for name in frame.columns.difference(list(text_columns)):
            if isinstance(frame[name].dtype, pd.CategoricalDtype | pd.StringDtype):
                frame[name] = frame[name].astype(object)
        frame.attrs["ignored"] = []
        return frame


def _text(cell: object) -> str:
    """Return a cell as text; whole numbers without a decimal sign."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def open_series(
    source: str | Path | pd.DataFrame,
    table_format: TableFormat,
    expected: TableFormat,
    known_names: Collection[str],
) -> TextTable | FrameTable:
    """Open a .csv, .tsv or .parquet, or a data frame.

    Args:
        table_format: fields that the user set; the others are detected in text.
        expected: decides where a text could be read in two ways.
        known_names: names that mark a row of text as a header, in the form of `plain_name`.

    Raises:
        InputError: the file cannot be read, or two columns have one name.
    """
    if isinstance(source, pd.DataFrame):
        return _open_frame(FRAME, source)
    path = Path(source)
    if file_format(path) == "parquet":
        return _open_frame(path, _read_parquet(path))
    return open_table(path, table_format, expected, known_names)


def with_named_index(table: TextTable | FrameTable) -> TextTable | FrameTable:
    """Return the table with its first column called time, if that is an index without a name."""
    if table.names[0] != "":
        return table
    return replace(table, names=(UNNAMED_INDEX, *table.names[1:]))


def _open_frame(path: Path, frame: pd.DataFrame) -> FrameTable:
    """Return a data frame as a table; its index becomes columns unless it numbers the rows."""
    index = frame.index
    is_unnamed = all(name is None for name in index.names)
    if isinstance(index, pd.DatetimeIndex | pd.PeriodIndex) and is_unnamed:
        frame = frame.rename_axis(UNNAMED_INDEX)
        is_unnamed = False
    is_dropped = is_unnamed or _is_a_column(frame.index, frame)
    named = frame.reset_index(drop=is_dropped, allow_duplicates=True)
    names = tuple(map(str, named.columns))
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError(
            f"{path} has two columns called {twice[0]!r}. Give each a name of its own."
        )
    named.columns = pd.Index(names)
    return FrameTable(path, names, named)


def _is_a_column(index: pd.Index, frame: pd.DataFrame) -> bool:
    """Return whether an index stands in the column of its name too."""
    found = frame.loc[:, frame.columns == index.name]
    return found.shape[1] == 1 and bool(index.equals(pd.Index(found.iloc[:, 0])))


def _read_parquet(path: Path) -> pd.DataFrame:
    """Return the rows of a .parquet."""
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    try:
        return pd.read_parquet(path)
    except ImportError as error:
        raise InputError(
            f"Reading {path} needs pyarrow: pip install 'tcn-search[parquet]', or save the rows as "
            "a .csv."
        ) from error
    except Exception as error:  # a damaged file can raise any exception inside pyarrow
        raise InputError(f"{path} cannot be read as Parquet: {first_line(error)}") from error
