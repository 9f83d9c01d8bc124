"""Greedy ensemble selection on predictions that are known."""

from __future__ import annotations

import numpy as np

from tcn_search import Task
from tcn_search.evaluation.greedy_selection import greedy_selection
from tests.conftest import waves

SPEC = Task.from_arrays(*waves(24)).spec
Y = np.array([0, 0, 1, 1, 0, 1])


def probabilities(of_class_1: list[float]) -> np.ndarray:
    second = np.array(of_class_1, dtype="float32")
    return np.stack([1 - second, second], axis=1)


# Each is wrong where others are right; together the first and the second are always right.
FIRST = probabilities([0.1, 0.1, 0.9, 0.9, 0.6, 0.9])
SECOND = probabilities([0.1, 0.6, 0.9, 0.4, 0.1, 0.9])
WRONG = probabilities([0.9, 0.9, 0.1, 0.1, 0.9, 0.1])


def test_candidates_that_correct_each_other_are_picked_together() -> None:
    picked = greedy_selection({3: FIRST, 5: SECOND, 8: WRONG}, SPEC, Y, picks=4, most=3)
    assert set(picked) == {3, 5}
    assert len(picked) == 4


def test_no_more_candidates_are_picked_than_allowed() -> None:
    assert greedy_selection({3: FIRST, 5: SECOND}, SPEC, Y, picks=3, most=1) == [3, 3, 3]


def test_of_equal_candidates_the_first_is_picked() -> None:
    assert greedy_selection({9: FIRST, 3: FIRST}, SPEC, Y, picks=2, most=2) == [9, 9]


def test_no_candidate_leaves_nothing_to_pick() -> None:
    assert greedy_selection({}, SPEC, Y, picks=2, most=2) == []
