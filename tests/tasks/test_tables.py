"""Tasks from .csv and .ts files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tcn_search import load_task
from tcn_search.errors import InputError
from tcn_search.tasks.new_data import read_new_data
from tests.tasks.long_tables import LENGTHS, X, Y, long


def test_long_tables_hold_sequences_of_any_length_in_any_order(tmp_path: Path) -> None:
    mixed = long().sample(frac=1, random_state=0)
    mixed["patient"] = mixed["id"] // 2
    mixed.to_csv(tmp_path / "own.csv", index=False)
    long(4).to_csv(tmp_path / "other.csv", index=False)
    task = load_task(tmp_path / "own.csv", test=tmp_path / "other.csv")
    assert task.test is not None
    assert (task.name, task.spec.class_names, task.spec.ragged) == ("own", ("a", "b"), True)
    np.testing.assert_allclose(np.isnan(task.test.X[..., 0]).sum(axis=1), 16 - LENGTHS[:4])
    np.testing.assert_allclose(task.test.X[0, :14], X[0, :14], rtol=1e-6)
    firsts = set(task.validation.X[:, 0, 0])
    held = [row for row in range(12) if X[row, 0, 0] in firsts]
    assert {row ^ 1 for row in held} == set(held)  # two sequences a patient, both here or there
    np.testing.assert_allclose(read_new_data(tmp_path / "other.csv").X, task.test.X)
    assert task.source is not None
    assert (
        load_task(task.source["name"], **task.source["options"]).fingerprint() == task.fingerprint()
    )


def test_wide_tables_have_a_row_a_sequence(tmp_path: Path) -> None:
    table = pd.DataFrame(X[..., 0]).assign(target=Y + 0.5)
    table.to_csv(tmp_path / "own.csv", index=False)
    task = load_task(tmp_path / "own.csv", validation_fraction=0.25)
    assert (task.spec.kind, task.train.X.shape) == ("regression", (9, 16, 1))
    kept = load_task(tmp_path / "own.csv", target="15")
    assert kept.train.X.shape[1:] == (16, 1)


def test_rows_of_a_wide_table_may_be_named(tmp_path: Path) -> None:
    table = (
        pd.DataFrame(X[..., 0])
        .add_prefix("t")
        .assign(target=Y, id=[f"w{row}" for row in range(12)])
    )
    table.to_csv(tmp_path / "own.csv", index=False)
    task = load_task(tmp_path / "own.csv")
    assert (task.seq_len, task.notes) == (16, ("own.csv: not read: column id",))


def test_beside_a_label_y_is_a_channel(tmp_path: Path) -> None:
    long().rename(columns={"two": "y"}).to_csv(tmp_path / "own.csv", index=False)
    task = load_task(tmp_path / "own.csv")
    assert (task.spec.class_names, task.spec.input_channels) == (("a", "b"), 2)


def test_a_test_file_may_have_one_class_in_each_sequence(tmp_path: Path) -> None:
    table = long()
    table["label"] = (table["time"] > 7).astype(int)
    table.to_csv(tmp_path / "own.csv", index=False)
    table.assign(label=table["id"] % 2).to_csv(tmp_path / "other.csv", index=False)
    task = load_task(tmp_path / "own.csv", test=tmp_path / "other.csv")
    assert task.test is not None
    assert task.spec.kind == "labelling"
    np.testing.assert_array_equal(task.test.y[1, :14], np.ones(14))


def test_a_target_that_changes_labels_each_step(tmp_path: Path) -> None:
    table = long()
    table["label"] = (table["time"] > 7).astype(int)
    table[table["time"] < 14].to_csv(tmp_path / "own.csv", index=False)
    task = load_task(tmp_path / "own.csv")
    assert (task.spec.kind, task.spec.ragged) == ("labelling", False)
    np.testing.assert_array_equal(task.train.y[0], np.arange(14) > 7)


@pytest.mark.parametrize("name", ["BasicMotions", "JapaneseVowels"])
def test_ts_files_equal_the_archive(name: str) -> None:
    import aeon

    folder = Path(aeon.__file__).parent / "datasets" / "data" / name
    task = load_task(folder / f"{name}_TRAIN.ts", test=folder / f"{name}_TEST.ts")
    known = load_task(name)
    assert task.test is not None
    assert known.test is not None
    np.testing.assert_array_equal(task.test.X, known.test.X)
    np.testing.assert_array_equal(task.train.y, known.train.y)
    new = read_new_data(folder / f"{name}_TEST.ts").X
    np.testing.assert_array_equal(new.astype("float32"), task.test.X)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (long().drop(columns="label"), "FILE needs a target column: one called target, label, class, y, or set target to its name. To forecast a series, set horizon to a number of steps."),
        (long().drop(columns="id"), "FILE has a column time, so a row is a step, but no column tells the sequence of a row: add one called sequence, sequence_id, series, series_id, id. To forecast one long series, set horizon to a number of steps."),
        (long(one="x"), "Column one of FILE must hold numbers. Received: 'x' in row 1"),
        (long().rename(columns={"id": "machine"}).drop(columns="time").assign(machine="m1"), 'Column machine of FILE must hold numbers. Received: \'m1\'. If it tells the sequence of a row, set sequence = "machine", on the command line --set task.sequence=machine'),
        (long(one=np.nan), "Column one of FILE must not have empty cells. Received: 180, the first in row 1"),
        (long(one=99999999999999999999).assign(two="1" * 400), "FILE cannot be read as CSV: int too large to convert to float"),
        (long(one=np.inf), "Column one of FILE must be finite. Received: inf in row 1"),
        (long(label=None), "Column label of FILE must not have empty cells. Received: 180, the first in row 1"),
        (long()[["id", "label"]], "FILE has no column of numbers. It has: id, label"),
        (long(label="a"), "FILE: column label must hold at least 2 classes. Received only: a"),
        (long()[:0], "FILE holds no rows."),
        (long().drop_duplicates("id"), "Each value of column id of FILE stands in one row, so every sequence would have a single step. Where a row is a sequence, leave that column out."),
        (long().assign(label=np.arange(180) / 7), "Column label of FILE changes from step to step, so it must hold classes, integers or text. Received: float64 numbers. For the next values of a series use the task forecast."),
        (long().assign(time="soon"), "Column time of FILE must hold numbers or times. Received: 'soon' in row 1"),
        (long().assign(one=["1.5"] * 49 + ["?"] + ["1"] * 130), "Column one of FILE must hold numbers. Received: '?' in row 50"),
    ],
)  # fmt: skip
def test_bad_tables(tmp_path: Path, table: pd.DataFrame, message: str) -> None:
    file = tmp_path / "bad.csv"
    table.to_csv(file, index=False)
    with pytest.raises(InputError) as error:
        load_task(file)
    assert str(error.value).replace(str(file), "FILE") == message


def test_columns_are_named_in_the_test_file_and_in_the_description(tmp_path: Path) -> None:
    table = long()
    table.to_csv(tmp_path / "own.csv", index=False)
    table.assign(label="new").to_csv(tmp_path / "other.csv", index=False)
    inferred = load_task(tmp_path / "own.csv").inferred
    assert inferred.startswith("classification, 2 classes (from column label: ")
    with pytest.raises(
        InputError,
        match="own.csv: column label of other.csv holds classes that no training sequence has: "
        r"new. Column label has: a, b\Z",
    ):
        load_task(tmp_path / "own.csv", test=tmp_path / "other.csv")
    numbers = table.assign(one=table["id"] * 0.5, two=1.0, three=table["time"])
    numbers.drop(columns="label").to_csv(tmp_path / "numbers.csv", index=False)
    task = load_task(tmp_path / "numbers.csv", target=["one", "two"])
    assert task.inferred.endswith("; constant columns of columns one, two: 1")


def test_other_mistakes(tmp_path: Path) -> None:
    long().to_csv(tmp_path / "own.csv", index=False)
    long().drop(columns="two").to_csv(tmp_path / "other.csv", index=False)
    with pytest.raises(
        InputError,
        match=r"other.csv must have the columns that were trained on. Missing: two. It has: id, time, one, label$",
    ):
        load_task(tmp_path / "own.csv", test=tmp_path / "other.csv")
    with pytest.raises(
        InputError, match="own.csv has no column 'three'. It has: id, time, one, two, label"
    ):
        load_task(tmp_path / "own.csv", target="three")
    (tmp_path / "own.ts").write_text("@problemName x\n")
    with pytest.raises(InputError, match="own.ts holds no sequences."):
        load_task(tmp_path / "own.ts")
    with pytest.raises(
        InputError,
        match=r"Data to predict must be an .npz, a .csv, a .tsv or a .ts, or recordings \(.wav\). Received: new.xls",
    ):
        read_new_data(Path("new.xls"))


def test_a_file_that_was_cut_says_so(tmp_path: Path) -> None:
    long().to_csv(tmp_path / "whole.csv.gz", index=False)
    whole = (tmp_path / "whole.csv.gz").read_bytes()
    (tmp_path / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"cut.csv.gz cannot be read: "):
        load_task(tmp_path / "cut.csv.gz")


def test_a_test_file_is_read_by_names(tmp_path: Path) -> None:
    long().to_csv(tmp_path / "own.csv", index=False)
    long(4)[["label", "two", "time", "one", "id"]].assign(more=1.0).to_csv(
        tmp_path / "other.csv", index=False
    )
    task = load_task(tmp_path / "own.csv", test=tmp_path / "other.csv")
    assert task.test is not None
    np.testing.assert_allclose(task.test.X[0, :14], X[0, :14], rtol=1e-6)
    assert task.notes == ("other.csv: not read: column more",)


@pytest.mark.parametrize("ids", [["01", "1"], ["1_12", "11_2"], ["A", "a"]])
def test_ids_groups_and_classes_stay_as_they_are_written(tmp_path: Path, ids: list[str]) -> None:
    table = long()
    table["id"] = [f"{ids[row % 2]}" + "0" * (row // 2) for row in table["id"]]
    table["label"] = [ids[row % 2] for row in np.repeat(np.arange(12), LENGTHS)]
    table["patient"] = table["label"]
    table.to_csv(tmp_path / "own.csv", index=False)
    task = load_task(tmp_path / "own.csv", validation="random", validation_fraction=0.25)
    assert len(task.train) + len(task.validation) == 12
    assert task.spec.class_names == tuple(sorted(ids))
    assert task.groups is not None
    assert len(set(task.groups)) == 2


def test_only_an_empty_cell_is_missing(tmp_path: Path) -> None:
    names = np.array(["None", "NA", "null", "nan"])
    long(label=names[np.repeat(np.arange(12) % 4, LENGTHS)]).to_csv(
        tmp_path / "own.csv", index=False
    )
    task = load_task(tmp_path / "own.csv", validation_fraction=0.4)
    assert task.spec.class_names == ("NA", "None", "nan", "null")


def test_classes_are_text_in_both_files_if_they_are_in_one(tmp_path: Path) -> None:
    long(label=np.repeat(np.array(["1", "x"])[Y], LENGTHS)).to_csv(
        tmp_path / "own.csv", index=False
    )
    long(4).assign(label="1").to_csv(tmp_path / "other.csv", index=False)
    task = load_task(tmp_path / "own.csv", test=tmp_path / "other.csv")
    assert task.test is not None
    assert (task.spec.class_names, task.test.y.tolist()) == (("1", "x"), [0] * 4)


def test_several_target_columns_are_numbers_to_predict(tmp_path: Path) -> None:
    table = pd.DataFrame(X[..., 0]).assign(a=Y + 0.5, b=range(12))
    table.to_csv(tmp_path / "own.csv", index=False)
    task = load_task(tmp_path / "own.csv", target=["a", "b"])
    assert (task.spec.kind, task.spec.outputs, task.spec.class_names) == (
        "regression",
        2,
        ("a", "b"),
    )
    assert sorted([*task.train.y[:, 1], *task.validation.y[:, 1]]) == list(range(12))
    kept = long()[["id", "time", "one"]]
    kept.assign(a=kept["id"], b=kept["id"] / 2).to_csv(tmp_path / "own.csv", index=False)
    task = load_task(tmp_path / "own.csv", target=["a", "b"])
    np.testing.assert_array_equal(task.train.y[:, 0], 2 * task.train.y[:, 1])


def test_columns_can_be_named(tmp_path: Path) -> None:
    table = (
        long().rename(columns={"id": "run", "time": "k", "label": "what"}).assign(who=1, series=7)
    )
    table["who"] = table["run"] // 2
    table.to_csv(tmp_path / "own.csv", index=False)
    task = load_task(
        tmp_path / "own.csv",
        target="what",
        sequence="run",
        time="k",
        group="who",
        channels=["two", "one"],
    )
    assert task.spec.table is not None
    assert task.spec.table.inputs == ("two", "one")
    assert set(task.train.X[:, 0, 1]) < set(X[:, 0, 0])
    assert task.notes == ("own.csv: not read: column series",)


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        (long(series=1), {}, "FILE has 2 columns that may be the sequence: id, series. Set one, such as sequence = 'id', and list the input columns in channels."),
        (long(group=1, patient=2), {}, "FILE has 2 columns that may be the group: group, patient. Set one, such as group = 'group', and list the input columns in channels."),
        (long(target=1), {}, "FILE has 2 columns that may be the target: label, target. Set one, such as target = 'label', and list the input columns in channels."),
        (long(patient=range(180)), {}, "Column patient of FILE must be the same in all rows of a sequence. Received: 0 and 1 in sequence 0, the second in row 2"),
        (long(), {"target": ["one", "label"]}, "Several target columns must not change within a sequence. Received: one, label of FILE, which change in sequence 0"),
        (long(), {"target": ["one", "one"]}, "Column one of FILE can have only one role, and was given two."),
        (long(), {"channels": ["one", "label"]}, "Column label of FILE can have only one role, and was given two."),
        (long(), {"target": []}, "target must name a column. Received: an empty list"),
        (long(time="NaT"), {}, "Column time of FILE must hold numbers or times. Received: 'NaT' in row 1"),
        (long(time="now"), {}, "Column time of FILE must hold numbers or times. Received: 'now' in row 1"),
        (long(), {"channels": ["three"]}, "FILE has no column 'three'. It has: id, time, one, two, label"),
        (long(), {"sequence": "three"}, "FILE has no column 'three'. It has: id, time, one, two, label"),
        (pd.DataFrame(X[..., 0]).assign(a="x", b=1), {"target": ["a", "b"]}, "Several target columns must all hold numbers. Received: 'x' in column a of FILE"),
    ],
)  # fmt: skip
def test_columns_that_may_mean_several_things(
    tmp_path: Path, table: pd.DataFrame, options: dict[str, Any], message: str
) -> None:
    file = tmp_path / "bad.csv"
    table.to_csv(file, index=False)
    with pytest.raises(InputError) as error:
        load_task(file, **options)
    assert str(error.value).replace(str(file), "FILE") == message


def test_clocks_without_dates_must_be_in_order(tmp_path: Path) -> None:
    table = long(4)
    table["time"] = [f"{(22 + step) % 24}:00" for step in table["time"]]
    table.to_csv(tmp_path / "own.csv", index=False)
    with pytest.raises(
        InputError,
        match=r"Times of column time of .*own.csv have no date, and the rows are not in their order",
    ):
        load_task(tmp_path / "own.csv")


def test_groups_may_be_fractions(tmp_path: Path) -> None:
    long(group=np.repeat(np.arange(12) // 2, LENGTHS) + 0.5).to_csv(
        tmp_path / "own.csv", index=False
    )
    assert len(set(load_task(tmp_path / "own.csv").groups)) == 6  # type: ignore[arg-type]


def test_several_targets_are_never_a_class_at_each_step(tmp_path: Path) -> None:
    rows = [{"id": k, "x": j, "a": k % 2, "b": k // 2 % 2} for k in range(16) for j in range(2)]
    pd.DataFrame(rows).to_csv(tmp_path / "own.csv", index=False)
    task = load_task(tmp_path / "own.csv", target=["a", "b"])
    assert (task.spec.kind, task.spec.class_names) == ("multi_label", ("a", "b"))


def test_axes_are_not_for_tables(tmp_path: Path) -> None:
    long().to_csv(tmp_path / "own.csv", index=False)
    with pytest.raises(
        InputError, match=r"axes is for arrays: a row of .*own.csv is a step or a sequence"
    ):
        load_task(tmp_path / "own.csv", axes="channels_steps")


def test_names_are_found_in_any_case_in_a_test_file(tmp_path: Path) -> None:
    long().to_csv(tmp_path / "own.csv", index=False)
    long(4).rename(columns={"id": "ID", "label": "Label", "time": "Time"}).to_csv(
        tmp_path / "new.csv", index=False
    )
    assert len(load_task(tmp_path / "own.csv", test=tmp_path / "new.csv").test or []) == 4


def test_a_date_beside_named_steps_is_not_read(tmp_path: Path) -> None:
    table = pd.DataFrame(X[..., 0]).add_prefix("t").assign(target=Y, date="2024-01-01")
    table.to_csv(tmp_path / "own.csv", index=False)
    task = load_task(tmp_path / "own.csv", channels=[f"t{k}" for k in range(16)])
    assert (task.seq_len, task.notes) == (16, ("own.csv: not read: column date",))
