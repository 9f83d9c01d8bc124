"""Tasks by name and by path."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from tcn_search import load_task
from tcn_search.errors import InputError
from tcn_search.tasks.files import read_new_data
from tests.conftest import waves


def test_adding_marks_two_steps_and_adds_them_up() -> None:
    task = load_task("adding", seq_len=30, train_size=200, validation_size=20, test_size=10)
    for part, size in ((task.train, 200), (task.validation, 20), (task.test, 10)):
        assert part is not None
        assert part.X.shape == (size, 30, 2)
        numbers, marks = part.X[..., 0], part.X[..., 1]
        assert ((marks == 0) | (marks == 1)).all()
        assert (marks.sum(axis=1) == 2).all()
        np.testing.assert_allclose((numbers * marks).sum(axis=1), part.y, rtol=1e-6)
    assert task.spec.kind == "regression"
    assert task.spec.input_mean == task.spec.target_std == ()


def test_adding_is_fixed_by_its_seed_and_marks_every_step() -> None:
    same = [load_task("adding", seq_len=5, train_size=400, seed=3).fingerprint() for _ in range(2)]
    assert (
        same[0] == same[1] != load_task("adding", seq_len=5, train_size=400, seed=4).fingerprint()
    )
    marks = load_task("adding", seq_len=5, train_size=4000).train.X[..., 1].mean(axis=0)
    np.testing.assert_allclose(marks, 2 / 5, atol=0.03)


def test_osuleaf_comes_with_aeon() -> None:
    task = load_task("osuleaf")
    assert task.test is not None
    assert (len(task.train) + len(task.validation), len(task.test)) == (200, 242)
    assert task.train.X.shape[1:] == (427, 1)
    assert (task.spec.outputs, task.spec.ragged, task.spec.class_names) == (
        6,
        False,
        tuple("123456"),
    )
    assert np.bincount(task.validation.y).min() >= 2


def test_japanese_vowels_are_ragged_and_equal_the_stored_copy(shared_data: Path) -> None:
    ours, stored = load_task("JapaneseVowels"), load_task(shared_data / "JapaneseVowels.npz")
    assert ours.spec.ragged
    assert ours.test is not None
    assert stored.test is not None
    np.testing.assert_allclose(ours.test.X, stored.test.X, rtol=1e-5)
    np.testing.assert_array_equal(ours.test.y, stored.test.y)


@pytest.mark.parametrize("name", ["JapaneseVowels", "ECG5000"])
def test_a_problem_of_the_archive_is_read_from_the_data_directory(
    shared_data: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "ucr").mkdir()
    (tmp_path / "ucr" / f"{name}.npz").symlink_to(shared_data / f"{name}.npz")
    task = load_task(name.lower(), data_dir=str(tmp_path))
    stored = load_task(shared_data / f"{name}.npz")
    np.testing.assert_array_equal(task.train.X, stored.train.X)
    assert (task.name, task.spec.ragged) == (name.lower(), name == "JapaneseVowels")


def test_a_problem_of_the_archive_is_read_from_its_zip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = "@problemName {0}\n@timeStamps false\n@missing false\n@univariate {1}\n@equalLength {2}\n@classLabel true a b\n@data\n"
    rows = {"one": "1,2,3:a\n4,5,6:b\n" * 3, "many": "1,2:3,4:a\n5,6,7:8,9,1:b\n" * 3}
    (tmp_path / "ucr").mkdir()
    for problem, name, head in (
        ("one", "Earthquakes", ("true", "true")),
        ("many", "CharacterTrajectories", ("false", "false")),
    ):
        with zipfile.ZipFile(tmp_path / "ucr" / f"{name}.zip", "w") as archive:
            for part in ("TRAIN", "TEST"):
                archive.writestr(f"{name}_{part}.ts", header.format(name, *head) + rows[problem])
    monkeypatch.setenv("TCN_SEARCH_DATA", str(tmp_path))
    one, many = load_task("earthquakes"), load_task("charactertrajectories")
    assert one.test is not None
    assert many.test is not None
    assert one.test.X[:2, :, 0].tolist() == [[1, 2, 3], [4, 5, 6]]
    np.testing.assert_array_equal(many.test.X[0], [[1, 3], [2, 4], [np.nan, np.nan]])
    assert (many.spec.ragged, many.spec.class_names) == (True, ("a", "b"))


@pytest.mark.parametrize(
    ("name", "channels", "steps"), [("GunPoint", 1, 150), ("BasicMotions", 6, 100)]
)
def test_a_users_npz_works_by_path_alone(
    shared_data: Path, name: str, channels: int, steps: int
) -> None:
    task = load_task(shared_data / f"{name}.npz")
    assert (task.name, task.spec.input_channels, task.seq_len) == (name, channels, steps)
    assert task.spec.kind == "classification"
    assert task.source is not None
    assert (
        load_task(task.source["name"], **task.source["options"]).fingerprint() == task.fingerprint()
    )


def test_validation_of_a_file_is_used(tmp_path: Path) -> None:
    (X, y), (X_val, y_val) = waves(8), waves(6, seed=2)
    np.savez(
        tmp_path / "own.npz",
        X_train=X,
        y_train=y,
        X_val=X_val,
        y_val=y_val,
        lengths_val=np.full(6, 9),
    )
    task = load_task(tmp_path / "own.npz")
    assert (len(task.train), len(task.validation), task.test) == (8, 6, None)
    assert np.isnan(task.validation.X[:, 9:]).all()


def test_new_data_is_read_by_either_name(tmp_path: Path) -> None:
    X, _ = waves(3)
    np.savez(tmp_path / "new.npz", X=X, lengths=[16, 8, 16])
    assert np.isnan(read_new_data(tmp_path / "new.npz").X[1, 8:]).all()
    np.savez(tmp_path / "old.npz", X_test=X)
    np.testing.assert_array_equal(read_new_data(tmp_path / "old.npz").X, X)
    np.savez(tmp_path / "none.npz", Z=X)
    with pytest.raises(InputError, match="has neither X nor X_test. It has: Z."):
        read_new_data(tmp_path / "none.npz")
    np.savez(tmp_path / "turned.npz", X=X.transpose(0, 2, 1))
    np.testing.assert_array_equal(
        read_new_data(tmp_path / "turned.npz", axes="channels_steps").X, X
    )
    far = 1.7e9 + np.arange(6.0).reshape(1, 6, 1) / 4
    np.savez(tmp_path / "far.npz", X=far, lengths=[5])
    np.testing.assert_array_equal(read_new_data(tmp_path / "far.npz").X[:, :5], far[:, :5])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("X_Test", "Did you mean 'X_test'?"),
        ("X_valid", "Did you mean 'X_val'?"),
        ("X_validation", "Did you mean 'X_val'?"),
        ("y_validation", "Did you mean 'y_val'?"),
        ("length_train", "Did you mean 'lengths_train'?"),
        ("groups", "Did you mean 'groups_train'?"),
        ("groups_test", "Did you mean 'groups_train'?"),
        (
            "qq",
            "Known here: X_train, y_train, lengths_train, X_val, y_val, lengths_val, X_test, y_test, lengths_test, "
            "groups_train, class_names.",
        ),
    ],
)
def test_an_array_that_nobody_would_read_is_refused(tmp_path: Path, name: str, said: str) -> None:
    X, y = waves(8)
    file = tmp_path / "own.npz"
    np.savez(file, X_train=X, y_train=y, **{name: y})  # type: ignore[arg-type]
    with pytest.raises(InputError) as error:
        load_task(file)
    assert str(error.value) == f"{file} has an array of an unknown name, {name!r}. {said}"


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"X": 1, "length": 2}, "{file} has an array of an unknown name, 'length'. Did you mean 'lengths'?"),
        ({"X_test": 1, "lengths": 2}, "{file} has lengths, but no X that they belong to. It has: X_test, lengths."),
    ],
)  # fmt: skip
def test_lengths_of_new_data_are_not_overlooked(
    tmp_path: Path, arrays: dict[str, int], said: str
) -> None:
    X, _ = waves(3)
    file = tmp_path / "new.npz"
    np.savez(file, **{name: X if number == 1 else [9, 9, 9] for name, number in arrays.items()})  # type: ignore[arg-type]
    with pytest.raises(InputError) as error:
        read_new_data(file)
    assert str(error.value) == said.format(file=file)


def test_arrays_of_a_split_that_is_not_there_are_refused(tmp_path: Path) -> None:
    X, y = waves(8)
    file = tmp_path / "own.npz"
    np.savez(file, X_train=X, y_train=y, lengths_val=np.full(8, 4))
    with pytest.raises(InputError) as error:
        load_task(file)
    assert str(error.value) == f"{file}: lengths_val is given, but X_val and y_val are missing."


def test_names_of_classes_in_bytes_are_text(tmp_path: Path) -> None:
    X, y = waves(8)
    np.savez(tmp_path / "own.npz", X_train=X, y_train=y, class_names=np.array([b"slow", b"fast"]))
    assert load_task(tmp_path / "own.npz").spec.class_names == ("slow", "fast")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("osuleef", {}, "There is no task 'osuleef'. Did you mean 'osuleaf'?"),
        ("qqqqqqqq", {}, "There is no task 'qqqqqqqq'. For your own data give the path to a file."),
        ("adding", {"seqlen": 3}, "Task 'adding' has no option 'seqlen'. It has: seq_len, train_size, validation_size, test_size, seed."),
        ("adding", {"seq_len": 1}, "seq_len of the adding problem must be at least 2, for two marks. Received: 1"),
        ("osuleaf", {"seq_len": 3}, "Task 'osuleaf' has no option 'seq_len'. It has: validation_fraction, seed, data_dir."),
        ("forecast", {}, "Task 'forecast' needs the option file: a CSV of yours with a time column."),
        ("nowhere/data.npz", {}, "There is no file nowhere/data.npz."),
        ("data.xls", {}, "A task's file must be an .npz, a .csv, a .tsv or a .ts. Received: data.xls"),
    ],
)  # fmt: skip
def test_bad_names(name: str, options: dict[str, int], message: str) -> None:
    with pytest.raises(InputError) as error:
        load_task(name, **options)
    assert str(error.value) == message


def test_bad_files(tmp_path: Path) -> None:
    X, y = waves(8)
    file = tmp_path / "own.npz"
    file.write_bytes(b"not a zip")
    with pytest.raises(
        InputError, match="own.npz cannot be read: it is no .npz. Write it with numpy.savez."
    ):
        load_task(file)
    np.savez(file, X_train=X, y_train=np.array([{}] * 8, dtype=object))
    with pytest.raises(InputError, match="own.npz cannot be read: an array holds Python objects"):
        load_task(file)
    np.savez(file, X_train=X)
    with pytest.raises(InputError, match=r"own.npz has no y_train. It has: X_train\."):
        load_task(file)
    np.savez(file, X_train=X, y_train=y, X_val=X[..., :1], y_val=y)
    with pytest.raises(
        InputError, match=r"own.npz: X_val must have the steps and channels of X_train, \(16, 2\)"
    ):
        load_task(file)
