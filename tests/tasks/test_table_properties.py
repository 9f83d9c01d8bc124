"""Any table is read as the values that were written, or refused in one line."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcn_search.errors import InputError
from tcn_search.formats.sequence_tables import read_sequences
from tcn_search.formats.series_gaps import fill_gaps
from tcn_search.formats.series_tables import read_series
from tests.tasks.written_tables import WrittenTable, damaged, written_tables


def read(table: WrittenTable, data: bytes | None = None) -> Any:
    """Return the table as read, or the InputError, which is one line and names the file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"own{table.ending}"
        file.write_bytes(table.data() if data is None else data)
        read_back: Any
        try:
            if table.form == "forecast":
                series = read_series(file, table_format=table.given_format)
                (read_back,) = fill_gaps(series, "error")
            else:
                read_back = read_sequences(file, table_format=table.given_format)
        except InputError as error:
            read_back = error
        assert [path.name for path in Path(folder).iterdir()] == [file.name]
    if isinstance(read_back, InputError):
        assert str(file) in str(read_back)
        assert "\n" not in str(read_back)
    return read_back


def check_values(table: WrittenTable) -> None:
    read_back = read(table)
    if isinstance(read_back, InputError):
        assert table.may_be_refused, read_back
        return
    if table.form == "forecast":
        np.testing.assert_allclose(read_back.values, table.values, rtol=1e-12)
        return
    assert len(read_back.X) == len(table.sequences)
    for sequence, expected in zip(read_back.X, table.sequences, strict=True):
        np.testing.assert_allclose(sequence, expected, rtol=1e-12)
    assert read_back.y.iloc[:, 0].tolist() == table.labels


@settings(max_examples=60, deadline=None)
@given(written_tables())
def test_values_are_those_that_were_written(table: WrittenTable) -> None:
    check_values(table)


@settings(max_examples=60, deadline=None)
@given(written_tables(), st.data())
def test_damage_is_refused_in_one_line_or_read(table: WrittenTable, data: st.DataObject) -> None:
    read(table, data.draw(damaged(table.data())))


@pytest.mark.slow
@settings(max_examples=2000, deadline=None, derandomize=False)
@given(written_tables())
def test_values_of_two_thousand_tables(table: WrittenTable) -> None:
    check_values(table)


@pytest.mark.slow
@settings(max_examples=2000, deadline=None, derandomize=False)
@given(written_tables(), st.data())
def test_damage_of_two_thousand_tables(table: WrittenTable, data: st.DataObject) -> None:
    read(table, data.draw(damaged(table.data())))
