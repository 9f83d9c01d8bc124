"""The adding problem."""

from __future__ import annotations

import numpy as np

from tcn_search import load_task


def test_adding_marks_two_steps_and_adds_them_up() -> None:
    task = load_task("adding", seq_len=30, train_size=200, validation_size=20, test_size=10)
    for split, size in ((task.train, 200), (task.validation, 20), (task.test, 10)):
        assert split is not None
        assert split.X.shape == (size, 30, 2)
        numbers, marks = split.X[..., 0], split.X[..., 1]
        assert ((marks == 0) | (marks == 1)).all()
        assert (marks.sum(axis=1) == 2).all()
        np.testing.assert_allclose((numbers * marks).sum(axis=1), split.y, rtol=1e-6)
    assert task.spec.kind == "regression"
    assert task.spec.input_mean == task.spec.target_std == ()


def test_a_seed_gives_the_same_task_and_every_step_may_be_marked() -> None:
    same = [load_task("adding", seq_len=5, train_size=400, seed=3).fingerprint() for _ in range(2)]
    assert (
        same[0] == same[1] != load_task("adding", seq_len=5, train_size=400, seed=4).fingerprint()
    )
    marks = load_task("adding", seq_len=5, train_size=4000).train.X[..., 1].mean(axis=0)
    np.testing.assert_allclose(marks, 2 / 5, atol=0.03)
