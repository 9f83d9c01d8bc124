"""Batches of a training: one size, every row in each epoch, a new order in each epoch."""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcn_search import Task
from tcn_search.tasks.class_weights import with_class_weights
from tcn_search.trainers import batches
from tcn_search.trainers.batches import (
    _dividing_size,
    _ShuffledBatches,
    even_size,
    fit_arguments,
)
from tests.conftest import waves

TASK = Task.from_arrays(*waves(64))
ROWS = len(TASK.train)


Epoch = list[tuple[np.ndarray, ...]]


def one_pass(batches: Any) -> Epoch:
    """Return the batches of an epoch, as Keras iterates over them."""
    if isinstance(batches, keras.utils.PyDataset):
        epoch = [batches[index] for index in range(len(batches))]
        batches.on_epoch_end()
        return epoch
    return [tuple(array.numpy() for array in batch) for batch in batches]


def epochs(count: int, seed: int, task: Task = TASK, batch_size: int = 7) -> list[Epoch]:
    """Return the batches of `count` epochs."""
    random.seed(seed)
    batches = fit_arguments(task.training, batch_size)["x"]
    return [one_pass(batches) for _ in range(count)]


def order(epoch: Epoch) -> list[int]:
    """Return the index in the training split of each row of the epoch."""
    X = np.concatenate([batch[0] for batch in epoch])
    return [int(np.flatnonzero((row == TASK.train.X).all(axis=(1, 2)))[0]) for row in X]


def test_every_epoch_has_every_row_in_a_new_order_and_full_batches() -> None:
    assert ROWS % 7  # some rows come a second time
    first, second = epochs(2, seed=0)
    assert [len(batch[0]) for batch in first] == [even_size(ROWS, 7)] * math.ceil(ROWS / 7)
    for epoch in (first, second):
        times = Counter(order(epoch))
        assert sorted(times) == list(range(ROWS))
        assert set(times.values()) <= {1, 2}
    assert sorted(order(first)[:ROWS]) == list(range(ROWS))  # the second time is at the end
    assert list(range(ROWS)) != order(first)[:ROWS] != order(second)[:ROWS]


@pytest.mark.skipif(
    keras.backend.backend() == "tensorflow", reason="its data set shuffles in each pass"
)
def test_keras_uses_a_new_order_in_each_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    orders: list[tuple[int, ...]] = []
    batch = _ShuffledBatches.__getitem__

    def look(batches: _ShuffledBatches, index: int) -> tuple[np.ndarray, ...]:
        orders.append(tuple(batches.order))
        return batch(batches, index)

    monkeypatch.setattr(_ShuffledBatches, "__getitem__", look)
    model = keras.Sequential(
        [keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(2, "softmax")]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(**fit_arguments(TASK.training, 7), epochs=3, verbose=0)
    assert len(set(orders)) >= 3


def test_validation_batches_have_one_size_if_possible() -> None:
    (X, y), (X_validation, y_validation) = waves(64), waves(600)
    task = Task.from_arrays(X, y, X_validation=X_validation, y_validation=y_validation)
    arguments = fit_arguments(task.training, 7)
    if keras.backend.backend() == "tensorflow":
        assert {len(X) for X, _ in one_pass(arguments["validation_data"])} == {200}
    else:
        assert arguments["validation_batch_size"] == 200


def test_every_row_comes_once_if_the_batch_size_divides_the_rows() -> None:
    (epoch,) = epochs(1, seed=0, batch_size=ROWS)
    assert sorted(order(epoch)) == list(range(ROWS))
    assert len(epoch) == 1


@given(st.integers(1, 10**6), st.integers(1, 10**4))
def test_even_batches_are_as_few_as_possible_with_few_repeated_rows(
    rows: int, largest: int
) -> None:
    size = even_size(rows, largest)
    batches = math.ceil(rows / largest)
    assert size <= largest
    assert math.ceil(rows / size) == batches
    assert 0 <= size * batches - rows < batches


@given(st.integers(1, 10**5), st.integers(1, 10**3))
def test_a_batch_size_that_divides_the_rows_is_found(rows: int, largest: int) -> None:
    size = _dividing_size(rows, largest)
    assert 1 <= size <= largest
    divisors = (
        [rows // count for count in range(1, rows + 1) if rows % count == 0]
        if rows <= 2_000
        else []
    )
    near = [
        divisor
        for divisor in divisors
        if divisor <= largest and rows // divisor <= 2 * math.ceil(rows / largest)
    ]
    if near:
        assert size == max(near)


def test_targets_and_weights_stay_with_their_rows() -> None:
    task = with_class_weights(TASK, "balanced")
    (epoch,) = epochs(1, seed=0, task=task)
    weights = np.asarray(task.spec.class_weights, dtype="float32")
    for (_, y, weight), place in zip(epoch, np.array_split(order(epoch), len(epoch)), strict=True):
        np.testing.assert_array_equal(y, task.train.y[place])
        np.testing.assert_array_equal(weight, weights[y])


def test_a_seed_gives_the_same_orders() -> None:
    first, same, other = ([order(epoch) for epoch in epochs(2, seed)] for seed in (3, 3, 4))
    assert first == same != other


def test_rows_of_large_arrays_that_are_not_copied_are_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copied = epochs(2, seed=3)
    monkeypatch.setattr(batches, "LARGEST_COPY", 0)
    for epoch, same_epoch in zip(copied, epochs(2, seed=3), strict=True):
        for batch, same_batch in zip(epoch, same_epoch, strict=True):
            for array, same_array in zip(batch, same_batch, strict=True):
                np.testing.assert_array_equal(array, same_array)
    if keras.backend.backend() == "tensorflow":  # its functions must know the shapes
        shapes = [array.shape for array in fit_arguments(TASK.training, 7)["x"].element_spec]
        assert shapes == [(even_size(ROWS, 7), *TASK.train.X.shape[1:]), (even_size(ROWS, 7),)]


def test_the_validation_split_keeps_its_order() -> None:
    batches = fit_arguments(TASK.training, 7)["validation_data"]
    if isinstance(batches, tuple):
        assert batches == (TASK.validation.X, TASK.validation.y)
        return
    for _ in range(2):
        epoch = one_pass(batches)
        np.testing.assert_array_equal(np.concatenate([X for X, _ in epoch]), TASK.validation.X)
        np.testing.assert_array_equal(np.concatenate([y for _, y in epoch]), TASK.validation.y)
    assert len(batches) == len(epoch)


def test_float64_targets_are_converted_to_the_default_precision() -> None:
    task = Task.from_arrays(TASK.train.X, TASK.train.X[:, 0, 0].astype("float64"))
    split = replace(task.train, y=task.train.y.astype("float64"))
    batch = one_pass(fit_arguments(replace(task, train=split).training, 7)["x"])[0]
    assert batch[1].dtype == keras.config.floatx()
