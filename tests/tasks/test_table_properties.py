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
from tcn_search.formats.series_tables import read_table
from tests.tasks.written_tables import WrittenTable, damaged, written_tables


def read(table: WrittenTable, data: bytes | None = None) -> Any:
    """Sequences, or series, of the table; or the InputError, which is one line and names the file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"own{table.ending}"
        file.write_bytes(table.data() if data is None else data)
        found: Any
        try:
            if table.form == "forecast":
                found = read_table(file, table_format=table.said)
            else:
                found = read_sequences(file, table_format=table.said)
        except InputError as error:
            found = error
        assert [one.name for one in Path(folder).iterdir()] == [file.name]
    if isinstance(found, InputError):
        assert str(file) in str(found)
        assert "\n" not in str(found)
    return found


def check_values(table: WrittenTable) -> None:
    found = read(table)
    if isinstance(found, InputError):
        assert table.may_be_refused, found
        return
    if table.form == "forecast":
        np.testing.assert_allclose(found.values, table.values, rtol=1e-12)
        return
    assert len(found.X) == len(table.sequences)
    for sequence, expected in zip(found.X, table.sequences, strict=True):
        np.testing.assert_allclose(sequence, expected, rtol=1e-12)
    assert found.y.iloc[:, 0].tolist() == table.labels


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
