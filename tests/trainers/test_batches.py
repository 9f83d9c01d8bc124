"""What a training is fed with: every row once in each epoch, in an order of its own."""

from __future__ import annotations

import random
from dataclasses import replace

import keras
import numpy as np
import pytest

from tcn_search import Task
from tcn_search.tasks.class_weights import with_class_weights
from tcn_search.trainers.batches import fit_arguments
from tests.conftest import waves

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="elsewhere Keras makes the batches"
)

TASK = Task.from_arrays(*waves(64))
ROWS = len(TASK.train)


def epochs(
    count: int, seed: int, task: Task = TASK, batch_size: int = 7
) -> list[list[tuple[np.ndarray, ...]]]:
    """The batches of so many passes."""
    random.seed(seed)
    batches = fit_arguments(task.training, batch_size)["x"]
    return [[tuple(part.numpy() for part in batch) for batch in batches] for _ in range(count)]


def order(epoch: list[tuple[np.ndarray, ...]]) -> list[int]:
    """Where each row of the epoch stands in the training part."""
    X = np.concatenate([batch[0] for batch in epoch])
    return [int(np.flatnonzero((row == TASK.train.X).all(axis=(1, 2)))[0]) for row in X]


def test_every_epoch_has_every_row_once_in_another_order() -> None:
    first, second = epochs(2, seed=0)
    assert [len(batch[0]) for batch in first] == [7] * (ROWS // 7) + [ROWS % 7] * (ROWS % 7 > 0)
    assert sorted(order(first)) == sorted(order(second)) == list(range(ROWS))
    assert list(range(ROWS)) != order(first) != order(second)


def test_targets_and_weights_stay_with_their_rows() -> None:
    task = with_class_weights(TASK, "balanced")
    (epoch,) = epochs(1, seed=0, task=task)
    weights = np.asarray(task.spec.class_weights, dtype="float32")
    for (_, y, weight), place in zip(epoch, np.array_split(order(epoch), np.arange(7, ROWS, 7)), strict=True):
        np.testing.assert_array_equal(y, task.train.y[place])
        np.testing.assert_array_equal(weight, weights[y])


def test_a_seed_gives_the_same_orders_again() -> None:
    one, same, other = ([order(epoch) for epoch in epochs(2, seed)] for seed in (3, 3, 4))
    assert one == same != other


def test_the_validation_part_keeps_its_order() -> None:
    batches = fit_arguments(TASK.training, 7)["validation_data"]
    for _ in range(2):
        found = [(X.numpy(), y.numpy()) for X, y in batches]
        np.testing.assert_array_equal(np.concatenate([X for X, _ in found]), TASK.validation.X)
        np.testing.assert_array_equal(np.concatenate([y for _, y in found]), TASK.validation.y)
    assert len(batches) == len(found)


def test_float64_targets_are_narrowed_as_keras_does() -> None:
    task = Task.from_arrays(TASK.train.X, TASK.train.X[:, 0, 0].astype("float64"))
    part = replace(task.train, y=task.train.y.astype("float64"))
    batch = next(iter(fit_arguments(replace(task, train=part).training, 7)["x"]))
    assert batch[1].dtype == keras.config.floatx()
