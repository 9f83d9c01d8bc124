"""Folds hold every row out once, keep groups together and classes even, and never look ahead."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tcn_search import Task
from tcn_search.errors import InputError
from tcn_search.tasks.folds import HELD_OUT, KEPT, LEFT_OUT, make_folds
from tcn_search.tasks.splitting import SplitRule
from tcn_search.tasks.training_data import TrainingData
from tests.conftest import waves

NUMBERS, SEEDS = st.integers(2, 6), st.integers(0, 5)


@given(st.lists(st.integers(0, 3), min_size=12, max_size=60), NUMBERS, SEEDS)
def test_rows_are_held_out_once_with_every_class_in_equal_shares(
    classes: list[int], number: int, seed: int
) -> None:
    labels = np.array(classes)
    single = np.isin(labels, [label for label in set(classes) if classes.count(label) == 1])
    assume((~single).sum() >= number)
    roles = make_folds(number, len(labels) - 3, 3, SplitRule(seed=seed), labels)
    held = roles == HELD_OUT
    assert roles.shape == (number, len(labels))
    assert ((roles == KEPT) | held).all()
    np.testing.assert_array_equal(held.sum(axis=0), ~single)
    for label in set(classes):
        counts = held[:, labels == label].sum(axis=1)
        assert counts.max() - counts.min() <= 1
        assert (counts < classes.count(label)).all()
    assert np.ptp(held.sum(axis=1)) <= 1
    np.testing.assert_array_equal(
        roles, make_folds(number, len(labels) - 3, 3, SplitRule(seed=seed), labels)
    )


@given(
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 2)), min_size=8, max_size=60),
    NUMBERS,
    SEEDS,
    st.sampled_from([None, "grouped"]),
)
def test_groups_stay_together_and_every_fold_trains_on_every_class(
    rows: list[tuple[int, int]], number: int, seed: int, how: str | None
) -> None:
    groups, classes = (np.array(column) for column in zip(*rows, strict=True))
    split = SplitRule(how, seed=seed)
    movable = [
        group
        for group in set(groups)
        if set(classes[groups == group]) <= set(classes[groups != group])
    ]
    if len(movable) < number:
        with pytest.raises(
            InputError,
            match=f"folds = {number} needs at least {number} groups that can be held out",
        ):
            make_folds(number, len(rows) - 2, 2, split, classes, groups)
        return
    roles = make_folds(number, len(rows) - 2, 2, split, classes, groups)
    held = roles == HELD_OUT
    assert held.any(axis=1).all()
    assert (held.sum(axis=0) <= 1).all()
    for group in set(groups):
        assert len({tuple(column) for column in roles[:, groups == group].T}) == 1
    for fold in roles:
        assert set(classes[fold == KEPT]) == set(classes)
    never = ~held.any(axis=0)  # only groups without which a class would be missing
    for group in set(groups[never]):
        others = held[:, groups != group].any(axis=0)
        assert any(
            (classes[groups != group][others] == label).sum() < (classes == label).sum()
            for label in set(classes[groups == group])
        )


def test_groups_are_dealt_evenly() -> None:
    groups = np.repeat(np.arange(20), 5)
    classes = np.tile([0, 0, 0, 1, 1], 20)
    held = make_folds(5, 80, 20, SplitRule(), classes, groups) == HELD_OUT
    assert {int(fold.sum()) for fold in held} == {20}
    assert {int(classes[fold].sum()) for fold in held} == {8}


@given(st.integers(5, 60), st.integers(1, 6), NUMBERS, st.integers(0, 4))
def test_by_time_nothing_looks_ahead(kept: int, held_out: int, number: int, gap: int) -> None:
    split = SplitRule("time", gap=gap)
    most = (kept - gap) // held_out
    if number > max(1, most):
        with pytest.raises(
            InputError, match=f"Give at most {max(1, most)}, or a smaller validation_fraction"
        ):
            make_folds(number, kept, held_out, split)
        return
    roles = make_folds(number, kept, held_out, split)
    assert (np.flatnonzero(roles[0] == HELD_OUT) == kept + np.arange(held_out)).all()
    assert (roles[0, :kept] == KEPT).all()
    assert ((roles == HELD_OUT).sum(axis=0) <= 1).all()
    for fold in roles:
        held, trained = np.flatnonzero(fold == HELD_OUT), np.flatnonzero(fold == KEPT)
        assert len(held) == held_out <= len(trained)
        assert trained.max() < held.min()
    for fold in roles[1:]:  # the split has left out the gap of the first fold already
        assert (
            np.flatnonzero(fold == HELD_OUT).min() - np.flatnonzero(fold == KEPT).max() == gap + 1
        )
        assert (fold[np.flatnonzero(fold == HELD_OUT).max() + 1 :] == LEFT_OUT).all()


@pytest.mark.parametrize(
    ("how", "groups", "message"),
    [
        (None, None, r"folds = 9 needs at least 9 sequences that can be held out \(never the last one of a class\). Received: 8. Give fewer"),
        ("random", [1] * 4 + [2] * 4, "folds = 9 needs at least 9 sequences that can be held out"),
        (None, [1] * 4 + [2] * 4, r"folds = 9 needs at least 9 groups that can be held out \(.*\). Received: 2."),
        ("time", None, "folds = 9 by time, 2 of 8 sequences held out in each, leaves too few to train on. Give at most 3, or a smaller"),
    ],
)  # fmt: skip
def test_too_many_folds(how: str | None, groups: list[int] | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_folds(
            9, 6, 2, SplitRule(how), np.zeros(8, int), None if groups is None else np.array(groups)
        )


def splits(data: TrainingData) -> list[TrainingData]:
    return [data.for_training(number) for number in range(data.trainings)]


def test_a_class_that_comes_late_has_no_folds_by_time() -> None:
    classes = np.repeat([0, 1], [40, 60])
    assert make_folds(2, 80, 20, SplitRule("time"), classes).shape == (2, 100)
    with pytest.raises(
        InputError,
        match="folds = 3 by time leaves fold 3 no training sequence of some class. Give fewer",
    ):
        make_folds(3, 80, 20, SplitRule("time"), classes)


def test_each_fold_is_a_split_of_all_rows_with_statistics_of_its_own() -> None:
    X, y = waves(20)
    X[:, :, 1] += np.arange(20)[:, None]  # so that each fold has another mean
    task = Task.from_arrays(X, y)
    found = splits(task.cross_validated(4))
    assert [(len(split.train), len(split.validation)) for split in found] == [(15, 5)] * 4
    for split in found:
        rows = np.concatenate([split.train.X, split.validation.X])
        np.testing.assert_array_equal(np.sort(rows, axis=0), np.sort(X, axis=0))
        np.testing.assert_allclose(
            split.spec.input_mean, split.train.X.mean(axis=(0, 1)), rtol=1e-5
        )
        places = [int(np.flatnonzero((row == X).all(axis=(1, 2)))[0]) for row in rows]
        np.testing.assert_array_equal(
            np.concatenate([split.train.y, split.validation.y]), y[places]
        )
    assert len({split.spec.input_mean for split in found}) == 4


def test_one_fold_is_the_validation_split() -> None:
    task = Task.from_arrays(*waves(20))
    assert task.cross_validated(1).folds is None
    assert [split.validation.X is task.validation.X for split in splits(task.training)] == [True]


def test_tasks_that_are_not_standardised_have_no_statistics_in_folds() -> None:
    task = Task.from_arrays(*waves(20), standardise=False)
    assert {split.spec.input_mean for split in splits(task.cross_validated(2))} == {()}


def test_folds_of_a_regression_share_the_unit_of_the_loss_but_not_the_level() -> None:
    X, _ = waves(20)
    task = Task.from_arrays(X, np.exp(np.arange(20.0)), validation="time", validation_fraction=0.1)
    found = splits(task.cross_validated(4))
    assert {split.spec.target_std for split in found} == {task.spec.target_std}
    for split in found:  # without the level of later sequences
        assert split.spec.target_mean == pytest.approx([np.exp(np.arange(len(split.train))).mean()])
    assert [len(split.train) for split in found] == [18, 16, 14, 12]
    assert [float(split.validation.y[0]) for split in found] == pytest.approx(
        np.exp([18, 16, 14, 12])
    )


def test_ragged_sequences_are_standardised_without_padding() -> None:
    X, y = waves(20)
    task = Task.from_arrays(X, y, lengths_train=np.arange(7, 17).repeat(2))
    for split in splits(task.cross_validated(4)):
        assert split.spec.ragged
        np.testing.assert_allclose(
            split.spec.input_mean, np.nanmean(split.train.X, axis=(0, 1)), rtol=1e-4
        )


def test_groups_are_kept_with_their_rows() -> None:
    X, y = waves(24)
    speakers = np.repeat(list("abcdefgh"), 3)
    task = Task.from_arrays(X, y, groups_train=speakers)
    for split in splits(task.cross_validated(4)):
        held = {str(speakers[(row == X).all(axis=(1, 2))][0]) for row in split.validation.X}
        trained = {str(speakers[(row == X).all(axis=(1, 2))][0]) for row in split.train.X}
        assert len(held) == 2
        assert not held & trained


def test_a_task_with_its_own_validation_split_has_no_folds() -> None:
    X, y = waves(20)
    task = Task.from_arrays(X, y, X_validation=X, y_validation=y, name="mine")
    with pytest.raises(InputError, match="folds = 3 needs a task whose validation split is taken from the training split, as from a file or arrays without a validation split; 'mine' comes with its own. Use folds = 1."):  # fmt: skip
        task.cross_validated(3)


def test_rows_that_no_fold_holds_out_judge_no_trial() -> None:
    task = Task.from_arrays(*waves(100), validation="time")
    assert task.training.validation_rows == 20
    assert task.cross_validated(2).validation_rows == 40
    random = Task.from_arrays(*waves(100))
    assert random.cross_validated(2).validation_rows == 100
