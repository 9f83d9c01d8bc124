"""Tasks from arrays: inferred kinds, refused arrays, and separate splits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tcn_search import Task
from tcn_search.errors import InputError
from tcn_search.tasks.task_spec import TaskSpec
from tests.conftest import waves

X, Y = waves(20)


@pytest.mark.parametrize(
    ("y", "kind", "outputs", "inferred"),
    [
        (Y, "classification", 2, "classification, 2 classes (from y_train: integers, shape (20,))"),
        (Y.astype(str), "classification", 2, "classification, 2 classes (from y_train: strings, shape (20,))"),
        (Y.astype(bool), "classification", 2, "classification, 2 classes (from y_train: booleans, shape (20,))"),
        (Y + 0.5, "regression", 1, "regression, 1 number to predict (from y_train: floats, shape (20,))"),
        (Y[:, None] + 0.5, "regression", 1, "regression, 1 number to predict (from y_train: floats, shape (20,))"),
        (np.arange(60).reshape(20, 3) * 0.5, "regression", 3, "regression, 3 numbers to predict (from y_train: floats, shape (20, 3))"),
        (np.tile([[1, 1, 0], [0, 1, 1]], (10, 1)), "multi_label", 3, "multi_label, 3 labels (from y_train: integers, shape (20, 3))"),
        (np.tile(np.arange(16) % 3, (20, 1)), "labelling", 3, "labelling, 3 classes, one at each step (from y_train: integers, shape (20, 16))"),
    ],
)  # fmt: skip
def test_the_kind_is_inferred_from_targets(
    y: np.ndarray, kind: str, outputs: int, inferred: str
) -> None:
    task = Task.from_arrays(X, y)
    assert (task.spec.kind, task.spec.outputs, task.inferred) == (kind, outputs, inferred)
    assert Task.from_arrays(X, y, kind=kind).inferred.endswith("(set by kind)")


ONE_HOT = np.eye(4)[np.arange(20) % 4]


@pytest.mark.parametrize("dtype", [float, int, bool])
def test_one_hot_rows_are_classes_and_can_be_something_else(dtype: type) -> None:
    y = ONE_HOT.astype(dtype)
    task = Task.from_arrays(X, y, X_validation=X, y_validation=y, X_test=X, y_test=y)
    word = {float: "floats", int: "integers", bool: "booleans"}[dtype]
    assert task.inferred == (
        f"classification, 4 classes (from y_train: {word}, shape (20, 4), one-hot rows read as classes: "
        'kind = "multi_label" or "regression" would read them otherwise)'
    )
    assert task.test is not None
    for split in (task.train, task.validation, task.test):
        np.testing.assert_array_equal(split.y, np.arange(20) % 4)
    assert Task.from_arrays(X, y, class_names=["a", "b", "c", "d"]).spec.class_names == tuple(
        "abcd"
    )
    for kind, outputs in (("multi_label", 4), ("regression", 4), ("classification", 4)):
        task = Task.from_arrays(X, y, kind=kind)
        assert (task.spec.kind, task.spec.outputs) == (kind, outputs)


def test_rows_that_are_not_all_one_hot_keep_their_meaning() -> None:
    other = ONE_HOT.copy()
    other[7, :2] = 1.0
    assert Task.from_arrays(X, other.astype(int)).spec.kind == "multi_label"
    assert Task.from_arrays(X, other).spec.kind == "regression"
    assert Task.from_arrays(X, ONE_HOT, X_test=X, y_test=other).spec.kind == "regression"


@pytest.mark.parametrize(
    ("y", "inferred"),
    [
        (Y * 1.0, 'regression, 1 number to predict (from y_train: floats, shape (20,)); only 2 different whole numbers: if they are classes, set kind = "classification"'),
        (np.tile([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]], (5, 1)), 'regression, 3 numbers to predict (from y_train: floats, shape (20, 3)); zeros and ones: if they are labels, set kind = "multi_label"'),
        (np.eye(16, dtype=int)[np.arange(20) % 16], 'labelling, 2 classes, one at each step (from y_train: integers, shape (20, 16)); one-hot rows: if they are one class for each sequence, set kind = "classification"'),
        (np.c_[np.arange(20.0), np.ones(20)], "regression, 2 numbers to predict (from y_train: floats, shape (20, 2)); constant columns of y_train: 1"),
        (np.arange(20) * 1e-25, "regression, 1 number to predict (from y_train: floats, shape (20,)); y_train varies too little for squared errors in float32: give it in other units"),
    ],
)  # fmt: skip
def test_another_likely_meaning_of_targets_is_noted(y: np.ndarray, inferred: str) -> None:
    assert Task.from_arrays(X, y).inferred == inferred


def test_many_different_integers_may_be_numbers() -> None:
    many, y = np.concatenate([X, X, X]), np.arange(60) % 30
    assert Task.from_arrays(many, y).inferred.endswith(
        '; 30 different integers: if they are numbers to predict, set kind = "regression"'
    )


def test_the_shape_in_words() -> None:
    task = Task.from_arrays(X, Y, X_test=X, y_test=Y)
    assert task.shape == "40 sequences × 16 steps × 2 channels (16 training, 4 validation, 20 test)"
    ragged = Task.from_arrays(X[..., :1], Y, lengths_train=np.full(20, 9))
    assert ragged.shape == "20 sequences × up to 16 steps × 1 channel (16 training, 4 validation)"


def test_splits_are_separate_and_training_has_no_test() -> None:
    task = Task.from_arrays(X, Y, X_test=X + 1, y_test=Y)
    assert (len(task.train), len(task.validation), len(task.test or [])) == (16, 4, 20)
    assert not hasattr(task.training, "test")
    rows = {row.tobytes() for row in task.train.X}
    assert not rows & {row.tobytes() for row in task.validation.X}


def test_statistics_come_from_the_training_split_only() -> None:
    shifted = X.copy()
    task = Task.from_arrays(
        X, Y, X_validation=shifted + 100, y_validation=Y, X_test=X - 50, y_test=Y
    )
    np.testing.assert_allclose(task.spec.input_mean, X.mean(axis=(0, 1)), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(task.spec.input_std, X.std(axis=(0, 1)), rtol=1e-4)


def test_statistics_leave_padding_out_and_constant_channels_alone() -> None:
    padded = np.concatenate([X, np.full((20, 4, 2), 1e6, "float32")], axis=1)
    padded[..., 1] = 3.0
    lengths = np.full(20, 16)
    task = Task.from_arrays(
        padded,
        Y,
        X_validation=padded,
        y_validation=Y,
        lengths_train=lengths,
        lengths_validation=lengths,
    )
    np.testing.assert_allclose(task.spec.input_mean, [X[..., 0].mean(), 3.0], rtol=1e-4, atol=1e-6)
    assert task.spec.input_std[1] == 1.0
    assert task.spec.ragged
    assert np.isnan(task.train.X[:, 16:]).all()


def test_regression_targets_are_measured_in_their_deviation() -> None:
    y = np.linspace(0, 1000, 20)
    task = Task.from_arrays(X, y, X_validation=X, y_validation=y)
    assert task.spec.target_std == pytest.approx([y.std()])
    assert Task.from_arrays(X, y, standardise=False).spec.target_std == ()


def test_class_names_follow_the_classes() -> None:
    named = Task.from_arrays(X, Y, class_names=["slow", "fast"])
    assert named.spec.class_names == ("slow", "fast")
    text = Task.from_arrays(
        X,
        np.array(["b", "a"])[Y],
        class_names=["b", "a"],
        X_validation=X,
        y_validation=np.array(["b", "a"])[Y],
    )
    np.testing.assert_array_equal(text.train.y, Y)
    numbers = Task.from_arrays(
        X, np.array([10, 9])[Y], X_validation=X, y_validation=np.array([10, 9])[Y]
    )
    assert numbers.spec.class_names == ("9", "10")
    np.testing.assert_array_equal(numbers.train.y, 1 - Y)


def test_the_fingerprint_sees_every_number() -> None:
    changed = X.copy()
    changed[3, 4, 1] += 1e-3
    prints = {Task.from_arrays(data, Y).fingerprint() for data in (X, X.copy(), changed)}
    assert len(prints) == 2
    assert Task.from_arrays(X, Y).fingerprint() != Task.from_arrays(X, Y, seed=1).fingerprint()


def test_a_specification_survives_its_dictionary() -> None:
    spec = Task.from_arrays(X, Y).spec
    assert TaskSpec.from_dict(spec.to_dict()) == spec


NAN = X.copy()
NAN[2, 5, 0] = np.nan


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X_train": X[..., 0]}, "X_train must have rank 3, (sequences, steps, channels). Received: shape (20, 16). For sequences of one channel use X_train[..., None]."),
        ({"X_train": X[0]}, "X_train must have rank 3, (sequences, steps, channels). Received: shape (16, 2). For sequences of one channel use X_train[..., None]."),
        ({"X_train": X.astype(str)}, "X_train must hold numbers. Received: dtype <U32"),
        ({"X_train": X[:0], "y_train": Y[:0]}, "X_train must not be empty. Received: shape (0, 16, 2)"),
        ({"X_train": NAN}, "X_train must be finite within each sequence. Received: NaN or infinity in 1 of 20 sequences, first in sequence 2, step 5. If sequences end there, give lengths_train."),
        ({"X_train": NAN, "lengths_train": np.full(20, 8)}, "X_train must be finite within each sequence. Received: NaN or infinity in 1 of 20 sequences, first in sequence 2, step 5. If sequences end there, give lengths_train."),
        ({"lengths_train": np.full(20, 17)}, "lengths_train must lie between 1 and 16, the steps of X_train. Received: 17 to 17"),
        ({"lengths_train": np.full(19, 7)}, "lengths_train must be 20 integers, one per sequence. Received: shape (19,), dtype int64"),
        ({"y_train": Y[:-1]}, "y_train must have one entry for each of the 20 sequences of X_train. Received: shape (19,)"),
        ({"y_train": np.where(Y, np.nan, 1.0)}, "y_train must be finite. Received: NaN or infinity, first for sequence 1"),
        ({"y_train": np.zeros(20, int)}, "y_train must hold at least 2 classes. Received only: 0"),
        ({"y_train": np.array([{}] * 20)}, "y_train must hold numbers or strings. Received: Python objects (dtype object)"),
        ({"y_train": np.ones((20, 3), int) * 2}, "The kind of task cannot be inferred from y_train: integers of shape (20, 3) with 16 steps. Set kind to one of: classification, multi_label, labelling, regression, forecast."),
        ({"y_train": np.tile([0, 1, 0], (20, 1))}, "Every label needs a training example. Without one: columns 0, 2 of y_train"),
        ({"y_train": np.eye(5)[Y]}, 'Every class needs a training example. Without one: columns 2, 3, 4 of y_train, whose one-hot rows are read as classes. Leave such columns out, or set kind = "multi_label" or "regression".'),
        ({"y_train": np.eye(3)[np.tile(Y[:16], (20, 1))]}, "y_train must have rank 1 or 2. Received: shape (20, 16, 3). For classes at each step give their numbers, y_train.argmax(axis=-1)."),
        ({"y_train": np.zeros((20, 0))}, "y_train must have at least one column. Received: shape (20, 0)"),
        ({"y_train": np.full(20, 0.5)}, "y_train must hold different numbers to predict. Received: 0.5 for every sequence, to the precision of floating point"),
        ({"y_train": 1.7e18 + np.arange(20.0)}, "y_train must hold different numbers to predict. Received: 1.7e+18 for every sequence, to the precision of floating point"),
        ({"y_train": np.where(Y, 1e300, 0.5)}, "y_train must lie within the range of float32, ±3.4e+38. Received: 1e+300 for sequence 1. Give it in other units."),
        ({"y_train": Y + 0.5, "X_test": X, "y_test": np.full(20, -1e39)}, "y_test must lie within the range of float32, ±3.4e+38. Received: -1e+39 for sequence 0. Give it in other units."),
        ({"y_train": np.where(Y, 1e38, -1e38)}, "y_train must be small enough for squared errors in float32. Received: numbers up to 1e+38 from the mean of y_train. Give it in other units."),
        ({"y_train": np.where(Y, 1e300, 0.0), "kind": "classification"}, "y_train must hold classes, integers or strings. Received: 1e+300, beyond the integers that floats tell apart"),
        ({"y_train": np.array(["a", "b"])[Y], "X_test": X, "y_test": Y}, "y_test must hold strings, as y_train does. Received: integers"),
        ({"y_train": np.array(["a", ""])[Y]}, "y_train must not hold an empty name. Received: '' for class 0"),
        ({"y_train": np.arange(20)}, "Every class has a single training sequence, so none can be held out for validation. If they are numbers to predict, set kind = \"regression\"."),
        ({"class_names": "ab"}, "class_names must be a list of names, one for each class. Received: 'ab'"),
        ({"class_names": ["a", "a"]}, "class_names must name each class once. Received twice: 'a'"),
        ({"lengths_test": np.full(20, 4)}, "lengths_test is given, but X_test and y_test are missing."),
        ({"kind": "ranking"}, "kind must be one of 'classification', 'multi_label', 'labelling', 'regression', 'forecast'. Received: 'ranking'"),
        ({"class_names": ["slow", "fast", "faster"]}, "Every class needs a training example. Without one: faster. Leave such classes out of class_names."),
        ({"class_names": ["slow"]}, "y_train must hold classes 0 to 0, one for each of the 1 class_names. Received: 0 to 1"),
        ({"X_test": X, "y_test": Y + 1}, "y_test holds classes that no training sequence has: 2. y_train has: 0, 1"),
        ({"X_test": X}, "y_test is missing, although X_test is given."),
        ({"X_test": X[:, :9], "y_test": Y}, "X_test must have the steps and channels of X_train, (16, 2). Received: (9, 2). Pad the shorter one at the end and give lengths."),
        ({"validation_fraction": 1.0}, "validation_fraction must be between 0 and 1. Received: 1.0"),
        ({"y_train": np.arange(20) // 17, "validation": "time"}, "After the validation split is taken out, no training sequence has class 1. Give a validation split of your own, or take it in another way: validation = \"random\"."),
        ({"y_train": Y + 0.5, "class_names": ["a", "b"]}, "class_names must name each of the 1 numbers to predict. Received: 2 names"),
        ({"required_context": 0}, "required_context must be an integer of at least 1. Received: 0"),
        ({"required_context": "seq_len"}, "required_context must be an integer of at least 1. Received: 'seq_len'"),
        ({"validation_fraction": "0.2"}, "validation_fraction must be between 0 and 1. Received: '0.2'"),
        ({"seed": -1}, "seed must be an integer, 0 or more. Received: -1"),
    ],
)  # fmt: skip
def test_bad_arrays(arguments: dict[str, Any], message: str) -> None:
    given = {"X_train": X, "y_train": Y, **arguments}
    with pytest.raises(InputError) as error:
        Task.from_arrays(**given)
    assert str(error.value) == message
