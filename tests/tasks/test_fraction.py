"""A part of the training split: every class in its share, whole groups, the same for a seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcn_search import Task
from tcn_search.tasks.folds import HELD_OUT, KEPT, LEFT_OUT
from tcn_search.tasks.splitting import draw_part
from tests.conftest import waves

FRACTIONS, SEEDS = st.floats(0.01, 1.0), st.integers(0, 5)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), FRACTIONS, SEEDS)
def test_every_class_gives_its_share(classes: list[int], fraction: float, seed: int) -> None:
    labels = np.array(classes)
    rows = draw_part(len(labels), fraction, seed, labels)
    assert list(rows) == sorted(set(rows))
    for label in set(classes):
        expected = max(1, round(fraction * classes.count(label)))
        assert (labels[rows] == label).sum() == expected
    np.testing.assert_array_equal(rows, draw_part(len(labels), fraction, seed, labels))


def test_another_seed_draws_other_rows() -> None:
    first, second = (draw_part(100, 0.3, seed) for seed in (0, 1))
    assert len(first) == len(second) == 30
    assert set(first) != set(second)


@given(
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 2)), min_size=1, max_size=60),
    FRACTIONS,
    SEEDS,
)
def test_groups_stay_whole_and_every_class_is_there(
    rows: list[tuple[int, int]], fraction: float, seed: int
) -> None:
    groups, classes = (np.array(column) for column in zip(*rows, strict=True))
    part = draw_part(len(groups), fraction, seed, classes, groups)
    assert set(classes[part]) == set(classes)
    rest = np.setdiff1d(np.arange(len(groups)), part)
    assert not set(groups[part]) & set(groups[rest])


def test_groups_come_near_to_the_share() -> None:
    groups = np.arange(400) // 10
    classes = np.arange(400) % 2
    part = draw_part(400, 0.3, 0, classes, groups)
    assert len(part) == 120


def test_the_validation_split_and_the_statistics_stay() -> None:
    whole = Task.from_arrays(*waves(60)).training
    part = whole.with_fraction(0.25, seed=0)
    assert len(part.train) == 12
    assert part.spec == whole.spec
    assert part.validation is whole.validation
    assert np.bincount(part.train.y).tolist() == [6, 6]
    for sequence, label in zip(part.train.X, part.train.y, strict=True):
        (row,) = np.flatnonzero((sequence == whole.train.X).all(axis=(1, 2)))
        assert whole.train.y[row] == label
    assert whole.with_fraction(1, seed=0) is whole


def test_numbers_to_predict_are_drawn_at_random() -> None:
    X, _ = waves(50)
    task = Task.from_arrays(X, np.linspace(0, 1, 50))
    assert len(task.training.with_fraction(0.5, seed=0).train) == 20


@pytest.mark.parametrize("how", ["random", "grouped"])
def test_a_part_is_drawn_inside_each_fold(how: str) -> None:
    X, y = waves(60)
    task = Task.from_arrays(X, y, groups_train=np.arange(60) // 4, validation=how)
    whole = task.cross_validated(3)
    part = whole.with_fraction(0.5, 0, task.kept_groups)
    assert whole.folds is not None
    assert part.folds is not None
    for before, after in zip(whole.folds, part.folds, strict=True):
        np.testing.assert_array_equal(before == HELD_OUT, after == HELD_OUT)
        assert (before[after == KEPT] == KEPT).all()
        assert (after == KEPT).sum() == pytest.approx((before == KEPT).sum() / 2, abs=4)
        if how == "grouped":
            assert task.groups is not None
            kept = set(task.groups[after == KEPT])
            assert not kept & set(task.groups[(before == KEPT) & (after == LEFT_OUT)])
    assert len(part.for_training(1).train) == (part.folds[1] == KEPT).sum()
