"""Problems of the UCR/UEA archive, from aeon, the data directory and a zip."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from tcn_search import load_task
from tcn_search.errors import InputError


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
            for split in ("TRAIN", "TEST"):
                archive.writestr(f"{name}_{split}.ts", header.format(name, *head) + rows[problem])
    monkeypatch.setenv("TCN_SEARCH_DATA", str(tmp_path))
    one, many = load_task("earthquakes"), load_task("charactertrajectories")
    assert one.test is not None
    assert many.test is not None
    assert one.test.X[:2, :, 0].tolist() == [[1, 2, 3], [4, 5, 6]]
    np.testing.assert_array_equal(many.test.X[0], [[1, 3], [2, 4], [np.nan, np.nan]])
    assert (many.spec.ragged, many.spec.class_names) == (True, ("a", "b"))


def test_a_damaged_zip_is_named(tmp_path: Path) -> None:
    file = tmp_path / "ucr" / "Earthquakes.zip"
    file.parent.mkdir()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Earthquakes_TRAIN.ts", "1,2,3:a\n" * 500)
    data = bytearray(file.read_bytes())
    data[60] ^= 255  # within the compressed text
    file.write_bytes(data)
    with pytest.raises(InputError, match=r"Earthquakes.zip cannot be read: "):
        load_task("earthquakes", data_dir=str(tmp_path))
