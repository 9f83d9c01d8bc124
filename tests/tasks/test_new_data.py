"""Sequences to predict, from files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tcn_search.errors import InputError
from tcn_search.tasks.new_data import read_new_data
from tests.conftest import waves


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
