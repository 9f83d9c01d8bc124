"""Length buckets: the fewest padded steps, against all choices; lengths of rows."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tcn_search.tasks.length_buckets import (
    MOST_LENGTHS,
    assign_buckets,
    choose_lengths,
    row_lengths,
)


def padded_steps(lengths: list[int], chosen: tuple[int, ...]) -> int:
    """Return the steps of all rows, each padded to the shortest chosen length that holds it."""
    return sum(min(end for end in chosen if end >= length) for length in lengths)


@given(st.lists(st.integers(1, 12), min_size=1, max_size=30), st.integers(0, 20))
def test_no_other_lengths_cost_less(lengths: list[int], program_cost: int) -> None:
    chosen = choose_lengths(np.array(lengths), program_cost)
    longest = max(lengths)
    assert chosen[-1] == longest
    assert list(chosen) == sorted(set(chosen))
    least = min(
        padded_steps(lengths, (*shorter, longest)) + program_cost * (count + 1)
        for count in range(MOST_LENGTHS)
        for shorter in itertools.combinations(sorted(set(lengths) - {longest}), count)
    )
    assert padded_steps(lengths, chosen) + program_cost * len(chosen) == least
    buckets = assign_buckets(np.array(lengths), chosen)
    assert padded_steps(lengths, chosen) == sum(chosen[bucket] for bucket in buckets)


def test_many_different_lengths_are_cut_to_few() -> None:
    lengths = np.random.default_rng(0).lognormal(7, 0.5, 5_000).astype(int)
    chosen = choose_lengths(lengths)
    assert len(chosen) == MOST_LENGTHS
    assert chosen[-1] == lengths.max()
    assert padded_steps(list(lengths), chosen) < 1.4 * lengths.sum() < 0.5 * chosen[-1] * 5_000


def test_a_row_ends_with_its_last_step_that_is_not_missing() -> None:
    X = np.full((3, 5, 2), np.nan)
    X[0, :4] = 0
    X[1, 1, 1] = 7  # missing values before and in it are no padding
    assert row_lengths(X).tolist() == [4, 2, 1]
