"""New data in tables is read with the columns and the format of the training table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tcn_search import load_task
from tcn_search.errors import InputError
from tcn_search.tasks.new_data import read_new_data
from tests.tasks.long_tables import X, Y, long


def test_steps_are_times_and_sequences_stay_in_their_order(tmp_path: Path) -> None:
    table = long(4)
    table["id"] = "w" + (12 - table["id"]).astype(str)  # w12, w11, w10, w9
    table["time"] = [f"{8 + step // 4}:{step % 4 * 15:02}" for step in table["time"]]
    kept = table.groupby("id", sort=False, group_keys=False)[list(table)].apply(
        lambda rows: rows[::-1]
    )
    kept.to_csv(tmp_path / "new.csv", index=False)
    new = read_new_data(tmp_path / "new.csv").X
    for row in range(4):
        np.testing.assert_allclose(new[row, :14], X[row, :14], rtol=1e-6)


def test_a_table_without_sequences_is_one_series_to_predict(tmp_path: Path) -> None:
    long(1).drop(columns=["id", "label"]).to_csv(tmp_path / "new.csv", index=False)
    np.testing.assert_allclose(read_new_data(tmp_path / "new.csv").X[0], X[0, :14], rtol=1e-6)


def test_new_data_is_read_by_names(tmp_path: Path) -> None:
    long().to_csv(tmp_path / "own.csv", index=False)
    layout = load_task(tmp_path / "own.csv").spec.table
    new = long(4)[["two", "id", "one", "time"]].assign(more="text")
    new.to_csv(tmp_path / "new.csv")
    new_data = read_new_data(tmp_path / "new.csv", layout)
    np.testing.assert_allclose(new_data.X[0, :14], X[0, :14], rtol=1e-6)
    assert new_data.ignored == ("Unnamed: 0", "more")
    new.drop(columns="one").to_csv(tmp_path / "new.csv")
    with pytest.raises(
        InputError,
        match=r"new.csv must have the columns that were trained on. Missing: one. It has: ",
    ):
        read_new_data(tmp_path / "new.csv", layout)


def test_steps_of_a_wide_table_are_read_by_names_too(tmp_path: Path) -> None:
    table = pd.DataFrame(X[..., 0]).add_prefix("t")
    table.assign(target=Y).to_csv(tmp_path / "own.csv", index=False)
    layout = load_task(tmp_path / "own.csv").spec.table
    table[table.columns[::-1]].to_csv(tmp_path / "new.csv", index=False)
    np.testing.assert_allclose(read_new_data(tmp_path / "new.csv", layout).X, X[..., :1], rtol=1e-6)
    table.drop(columns="t3").to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(InputError, match="Missing: t3. "):
        read_new_data(tmp_path / "new.csv", layout)


def test_the_detected_format_decides_where_new_data_is_ambiguous(
    tmp_path: Path,
) -> None:
    days = [f"{day:02}/01/2024" for day in (5, 12, 13)]
    rows = [{"id": f"w{row}", "time": day, "one": 1000.5 + row} for row in range(8) for day in days]
    table = pd.DataFrame(rows).assign(label=lambda frame: frame["id"].isin(["w0", "w2", "w4"]))
    table.to_csv(tmp_path / "own.csv", index=False, sep=";", decimal=",")
    layout = load_task(tmp_path / "own.csv").spec.table
    (tmp_path / "new.csv").write_text("id;time;one\na;05/01/2024;1,234\na;01/02/2024;5,678\n")
    np.testing.assert_allclose(
        read_new_data(tmp_path / "new.csv", layout).X[0, :, 0], [1.234, 5.678]
    )


def test_the_steps_of_one_sequence_are_put_in_order_for_a_model_without_columns(
    tmp_path: Path,
) -> None:
    file = tmp_path / "new.csv"
    file.write_text("time,a,b\n3,30,300\n1,10,100\n2,20,200\n")
    np.testing.assert_array_equal(read_new_data(file).X[0], [[10, 100], [20, 200], [30, 300]])
    file.write_text("time,a,b\n1,30,300\n1,10,100\n")
    with pytest.raises(
        InputError, match="needs a column that tells the sequence of a row: its times occur more"
    ):
        read_new_data(file)


def test_new_data_may_be_one_sequence_whose_times_tell_the_order(tmp_path: Path) -> None:
    long().to_csv(tmp_path / "own.csv", index=False)
    layout = load_task(tmp_path / "own.csv").spec.table
    single = long(1).drop(columns=["id", "label"])
    single[::-1].to_csv(tmp_path / "new.csv", index=False)
    np.testing.assert_allclose(
        read_new_data(tmp_path / "new.csv", layout).X[0], X[0, :14], rtol=1e-6
    )
    long(2).drop(columns="id").to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(
        InputError, match="needs a column that tells the sequence of a row, as in training"
    ):
        read_new_data(tmp_path / "new.csv", layout)
    long(2).drop(columns="time").to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(InputError, match="Missing: time. It has: id, one, two, label"):
        read_new_data(tmp_path / "new.csv", layout)


def test_inputs_are_no_row_numbers_whatever_they_are_called(tmp_path: Path) -> None:
    long().rename(columns={"one": "index"}).to_csv(tmp_path / "own.csv", index=False)
    layout = load_task(tmp_path / "own.csv").spec.table
    pd.DataFrame({"id": "w", "time": range(3), "index": range(5, 8), "two": 1.0}).to_csv(
        tmp_path / "new.csv", index=False
    )
    np.testing.assert_allclose(read_new_data(tmp_path / "new.csv", layout).X[0, :, 0], [5, 6, 7])
    table = long().assign(index=range(180))
    table.to_csv(tmp_path / "own.csv", index=False)
    assert load_task(tmp_path / "own.csv").notes == ("own.csv: not read: column index",)
    assert load_task(tmp_path / "own.csv", channels=["index", "one"]).spec.input_channels == 2


def test_quoted_decimal_commas_are_read_as_they_were_in_training(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text("t0,t1,target\n" + "".join(f'"0,{k}5","1,5",{"ab"[k % 2]}\n' for k in range(8)))
    layout = load_task(file, decimal=",").spec.table
    np.testing.assert_allclose(read_new_data(file, layout).X[3, :, 0], [0.35, 1.5])
    (tmp_path / "new.csv").write_text("t0,t1\n0.35,1.5\n")
    np.testing.assert_allclose(read_new_data(tmp_path / "new.csv", layout).X[0, :, 0], [0.35, 1.5])
