"""Validation splits keep all rows, whole groups and every class, and never look ahead."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tcn_search import Task, load_task
from tcn_search.errors import InputError
from tcn_search.tasks.splitting import SplitRule, split_off_validation
from tests.conftest import waves

FRACTIONS = st.floats(0.05, 0.9)


@given(
    st.lists(st.integers(0, 4), min_size=4, max_size=60).filter(lambda c: max(map(c.count, c)) > 1),
    FRACTIONS,
    st.integers(0, 5),
)
def test_random_is_stratified_and_loses_nothing(
    classes: list[int], fraction: float, seed: int
) -> None:
    labels, split = np.array(classes), SplitRule("random", fraction, seed)
    kept, held_out = split_off_validation(len(labels), split, labels)
    assert sorted([*kept, *held_out]) == list(range(len(labels)))
    for label in set(classes):
        count = classes.count(label)
        held = (labels[held_out] == label).sum()
        assert held == (0 if count < 2 else min(max(1, round(fraction * count)), count - 1))
    again = split_off_validation(len(labels), split, labels)
    np.testing.assert_array_equal(held_out, again[1])


@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 2)), min_size=2, max_size=60),
    FRACTIONS,
    st.integers(0, 5),
)
def test_grouped_never_splits_a_group_and_leaves_every_class(
    rows: list[tuple[int, int]], fraction: float, seed: int
) -> None:
    groups, classes = np.array(rows).T
    all_classes = set(classes)
    possible = [group for group in set(groups) if set(classes[groups != group]) == all_classes]
    split = SplitRule(None, fraction, seed)
    if not possible:
        with pytest.raises(
            InputError, match="can be held out for validation: the rest must hold every class"
        ):
            split_off_validation(len(rows), split, classes, groups)
        return
    kept, held_out = split_off_validation(len(rows), split, classes, groups)
    assert sorted([*kept, *held_out]) == list(range(len(rows)))
    assert len(held_out) > 0
    assert not set(groups[kept]) & set(groups[held_out])
    assert set(classes[kept]) == all_classes
    again = split_off_validation(len(rows), split, classes, groups)
    np.testing.assert_array_equal(held_out, again[1])


@given(st.integers(20, 60), st.floats(0.1, 0.5), st.integers(0, 5))
def test_many_small_groups_come_within_a_group_of_the_share(
    count: int, fraction: float, seed: int
) -> None:
    groups = np.repeat(np.arange(count), 3)
    classes = np.tile([0, 1, 1], count)
    _, held_out = split_off_validation(
        len(groups), SplitRule("grouped", fraction, seed), classes, groups
    )
    assert abs(len(held_out) / 3 - fraction * count) <= 1
    assert (classes[held_out] == 0).sum() * 3 == len(held_out)


@given(st.integers(2, 80), FRACTIONS, st.integers(0, 20))
def test_time_validates_after_training_and_keeps_the_gap(
    count: int, fraction: float, gap: int
) -> None:
    wanted = min(max(1, round(fraction * count)), count - 1)
    assume(count - wanted - gap >= 1)
    kept, held_out = split_off_validation(count, SplitRule("time", fraction, gap=gap))
    assert (kept[0], held_out[-1], len(held_out)) == (0, count - 1, wanted)
    assert held_out[0] - kept[-1] == gap + 1
    assert len(kept) + len(held_out) + gap == count


def test_overlapping_windows_share_no_step_across_the_gap() -> None:
    series = np.arange(100.0)
    windows = np.lib.stride_tricks.sliding_window_view(series, 8)
    task = Task.from_arrays(
        windows[..., None], windows[:, -1] + 1, validation="time", validation_gap=7
    )
    assert task.train.X.max() < task.validation.X.min()


def test_groups_of_a_file_stay_together(tmp_path: Path) -> None:
    X, y = waves(24)
    speakers = np.repeat(["anna", "ben", "cem", "dora", "eve", "finn"], 4)
    X[..., 1] = np.unique(speakers, return_inverse=True)[1][:, None]
    np.savez(tmp_path / "own.npz", X_train=X, y_train=y, groups_train=speakers)
    task = load_task(tmp_path / "own.npz")
    assert len(task.validation) == 4
    assert not set(task.train.X[:, 0, 1]) & set(task.validation.X[:, 0, 1])
    mixed = load_task(tmp_path / "own.npz", validation="random")
    assert set(mixed.validation.X[:, 0, 1]) <= set(mixed.train.X[:, 0, 1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validation": "grouped"}, 'validation = "grouped" needs groups: give groups_train, one entry per sequence.'),
        ({"validation": "last"}, "validation must be one of 'random', 'grouped', 'time'. Received: 'last'"),
        ({"groups_train": [1, 2]}, "groups_train must hold 8 integers or strings, one per sequence of X_train. Received: shape (2,), dtype int64"),
        ({"groups_train": [1] * 8}, 'None of the 1 group can be held out for validation: the rest must hold every class. Give a validation split, or use validation = "random".'),
        ({"validation": "time", "validation_gap": 6}, "validation_gap leaves no training sequence: 8 sequences, 2 held out, gap 6"),
        ({"validation_gap": 6}, 'validation_gap needs validation = "time". Received: validation = \'random\''),
        ({"validation_gap": -1}, "validation_gap must be a number of sequences, 0 or more. Received: -1"),
    ],
)  # fmt: skip
def test_splits_that_cannot_be(options: dict[str, object], message: str) -> None:
    X, y = waves(8)
    with pytest.raises(InputError) as error:
        Task.from_arrays(X, y, **options)
    assert str(error.value) == message
