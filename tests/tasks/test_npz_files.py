"""A user's own arrays in an .npz."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tcn_search import load_task
from tcn_search.errors import InputError
from tests.conftest import waves


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
def test_an_array_of_an_unknown_name_is_refused(tmp_path: Path, name: str, said: str) -> None:
    X, y = waves(8)
    file = tmp_path / "own.npz"
    np.savez(file, X_train=X, y_train=y, **{name: y})  # type: ignore[arg-type]
    with pytest.raises(InputError) as error:
        load_task(file)
    assert str(error.value) == f"{file} has an array of an unknown name, {name!r}. {said}"


def test_lengths_of_a_missing_split_are_refused(tmp_path: Path) -> None:
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
