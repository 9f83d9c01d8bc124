"""Sequences from arrays and lists: padding, lengths, and axes that may be exchanged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcn_search import Task
from tcn_search.errors import InputError
from tcn_search.formats.inputs import read_inputs
from tests.conftest import waves

X, Y = waves(20)
LENGTHS = 4 + np.arange(20) % 3
UNEQUAL = [x[:length] for x, length in zip(X, LENGTHS, strict=True)]


@pytest.mark.parametrize(
    "make",
    [
        list,
        tuple,
        lambda arrays: np.array(arrays, dtype=object),
        lambda arrays: [array.tolist() for array in arrays],
        lambda arrays: [pd.DataFrame(array) for array in arrays],
    ],
    ids=["list", "tuple", "object array", "lists", "frames"],
)
def test_a_list_of_unequal_arrays_is_padded_and_keeps_its_lengths(make: Any) -> None:
    padded = np.where(np.arange(6)[None, :, None] < LENGTHS[:, None, None], X[:, :6], 0)
    task = Task.from_arrays(make(UNEQUAL), Y, validation="time")
    with_lengths = Task.from_arrays(padded, Y, lengths_train=LENGTHS, validation="time")
    assert (task.seq_len, task.spec.ragged) == (6, True)
    np.testing.assert_array_equal(task.train.X, with_lengths.train.X)
    both = Task.from_arrays(make(UNEQUAL), Y, lengths_train=LENGTHS, validation="time")
    np.testing.assert_array_equal(both.train.X, with_lengths.train.X)


@given(st.lists(st.integers(1, 7), min_size=1, max_size=6), st.booleans())
def test_every_number_of_a_list_comes_back(lengths: list[int], flat: bool) -> None:
    generator = np.random.default_rng(0)
    arrays = [generator.normal(size=(length,) if flat else (length, 2)) for length in lengths]
    padded = read_inputs(arrays, None, "")
    assert padded.shape == (len(lengths), max(lengths), 1 if flat else 2)
    for row, array in zip(padded, arrays, strict=True):
        np.testing.assert_array_equal(row[: len(array)], array.reshape(len(array), -1))
        assert np.isnan(row[len(array) :]).all()


def test_splits_of_different_length_are_padded_to_the_longest_where_lengths_are_given() -> None:
    longer = [x[: 9 + row % 3] for row, x in enumerate(X)]
    task = Task.from_arrays(
        UNEQUAL, Y, X_validation=X[:, :3], y_validation=Y, X_test=longer, y_test=Y
    )
    assert task.test is not None
    assert [part.X.shape for part in (task.train, task.validation, task.test)] == [(20, 11, 2)] * 3
    np.testing.assert_array_equal(
        (~np.isnan(task.test.X[..., 0])).sum(axis=1), [len(sequence) for sequence in longer]
    )


def test_classes_of_each_step_are_padded_with_their_sequences() -> None:
    y = [np.array(["a", "b"])[np.arange(length) % 2] for length in LENGTHS]
    longer = [x[: 9 + row % 3] for row, x in enumerate(X)]
    y_test = [np.array(["a", "b"])[np.arange(len(sequence)) % 2] for sequence in longer]
    task = Task.from_arrays(
        UNEQUAL, y, X_validation=UNEQUAL, y_validation=y, X_test=longer, y_test=y_test
    )
    assert (task.spec.kind, task.spec.class_names) == ("labelling", ("a", "b"))
    wanted = np.where(np.arange(11) < LENGTHS[:, None], np.arange(11) % 2, -1)
    np.testing.assert_array_equal(task.train.y, wanted)


def test_channels_before_steps_are_turned_where_axes_says_so() -> None:
    task = Task.from_arrays(X, Y)
    turned = Task.from_arrays(X.transpose(0, 2, 1), Y, axes="channels_steps")
    assert turned.fingerprint() == task.fingerprint()
    lists = Task.from_arrays([sequence.T for sequence in UNEQUAL], Y, axes="channels_steps")
    assert lists.fingerprint() == Task.from_arrays(UNEQUAL, Y).fingerprint()


def test_few_steps_of_many_channels_can_be_meant() -> None:
    assert Task.from_arrays(X.reshape(20, 1, 32), Y, axes="steps_channels").seq_len == 1
    inferred = Task.from_arrays(X.reshape(20, 4, 8), Y).inferred
    assert inferred.endswith(
        "; fewer steps than channels: if the axes of X_train are (sequences, channels, steps), set "
        'axes = "channels_steps"'
    )
    assert "axes" not in Task.from_arrays(X.reshape(20, 4, 8), Y, axes="steps_channels").inferred


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X_train": X.reshape(20, 1, 32)}, 'X_train has 1 step of 32 channels: its axes must be (sequences, steps, channels). If they are (sequences, channels, steps), set axes = "channels_steps"; if they are right as they are, set axes = "steps_channels".'),
        ({"X_train": np.ones((20, 3, 150))}, 'X_train has 3 steps of 150 channels: its axes must be (sequences, steps, channels). If they are (sequences, channels, steps), set axes = "channels_steps"; if they are right as they are, set axes = "steps_channels".'),
        ({"X_train": [sequence.T for sequence in UNEQUAL]}, 'X_train must be a list of arrays (steps, channels). Received: arrays that differ in their second axis, (2, 4) in sequence 0 and (2, 5) in sequence 1. If they are (channels, steps), set axes = "channels_steps".'),
        ({"X_train": UNEQUAL[:7] + [x[:9, :1] for x in X[7:]]}, "X_train must have the same channels in every sequence. Received: 2 in sequence 0 and 1 in sequence 7"),
        ({"X_train": [x[: row % 3] for row, x in enumerate(X)]}, "X_train must not be empty. Received: no steps in sequence 0"),
        ({"X_train": UNEQUAL, "lengths_train": np.full(20, 4)}, "lengths_train must agree with the arrays of X_train, or be left out. Received: 4 for sequence 1, which has 5 steps"),
        ({"X_train": UNEQUAL, "y_train": [np.arange(5 + row % 2) for row in range(20)]}, "y_train must have one entry for each sequence, or one for each of its steps. Received: 5 entries for the 4 steps of sequence 0"),
        ({"X_train": [["a"], ["b", "c"]]}, "X_train[0] must hold numbers. Received: dtype <U1"),
        ({"X_train": [X[:2], X[:3]]}, "X_train[0] must have rank 2, (steps, channels). Received: shape (2, 16, 2)"),
        ({"X_train": [[[1, 2], [3]]]}, "X_train[0] must be an array (steps, channels). Received: list whose entries differ in length"),
        ({"X_train": pd.DataFrame(X[..., 0])}, "X_train must have rank 3, (sequences, steps, channels). Received: shape (20, 16). For sequences of one channel use X_train.to_numpy()[..., None]."),
        ({"X_train": X.astype("float64") * 1e300}, f"X_train must lie within the range of float32, ±3.4e+38. Received: {float(X[0, 0, 0]) * 1e300:g} in sequence 0, step 0"),
        ({"axes": "first"}, "axes must be one of 'steps_channels', 'channels_steps'. Received: 'first'"),
    ],
)  # fmt: skip
def test_unusable_sequences_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        Task.from_arrays(**{"X_train": X, "y_train": Y, **arguments})
    assert str(error.value) == message


def test_unusable_arrays_and_options_are_refused() -> None:
    X, y = waves(8, steps=6)
    with pytest.raises(InputError, match="X_train must not be a masked array with masked entries"):
        Task.from_arrays(np.ma.masked_greater(X, 0.5), y)
    with pytest.raises(InputError, match="must lie within the range of float32"):
        Task.from_arrays([[[10**400], [1]]] * 8, y)
    with pytest.raises(InputError, match="class_names must hold text"):
        Task.from_arrays(X, y, class_names=[["a"], ["b", "c"]])  # type: ignore[list-item]
    with pytest.raises(InputError, match="kind must be one of"):
        Task.from_arrays(X, y, kind=["classification"])  # type: ignore[arg-type]


def test_frames_of_a_list_are_read_by_their_columns() -> None:
    frames = [pd.DataFrame(x, columns=["a", "b"]) for x in X]
    turned = [frame[["b", "a"]] if row % 2 else frame for row, frame in enumerate(frames)]
    np.testing.assert_array_equal(read_inputs(turned, None, ""), X)
    with pytest.raises(InputError, match="X must have the same columns in every sequence"):
        read_inputs([*frames[:-1], frames[-1].rename(columns={"a": "c"})], None, "")
