"""Length buckets: a few lengths to which batches of sequences of different lengths are cut."""

from __future__ import annotations

import numpy as np

MOST_LENGTHS = 4
_CANDIDATES = 64


def row_lengths(X: np.ndarray) -> np.ndarray:
    """Return the steps of each row of X (n, T, C) up to its last one that is not NaN, (n,)."""
    steps = X.shape[1]
    valid = ~np.isnan(X).all(axis=2)
    lengths: np.ndarray = steps - valid[:, ::-1].argmax(axis=1)
    return np.where(valid.any(axis=1), lengths, 1)


def choose_lengths(lengths: np.ndarray, program_cost: float = 0.0) -> tuple[int, ...]:
    """Choose at most four lengths, shortest first, that leave as few padded steps as possible.

    A row belongs to the shortest length that holds it, so the last one is that of the longest row.
    Each length needs a compiled program of its own: a further length is chosen only if it saves
    more steps than that costs. The best choice is found by dynamic programming over the lengths, or
    over 64 of their quantiles.

    Args:
        lengths: steps of each row, (n,).
        program_cost: cost of a further length, in steps of all rows together.

    >>> choose_lengths(np.array([3, 3, 4, 9, 10]))
    (3, 4, 9, 10)
    >>> choose_lengths(np.array([3, 3, 4, 9, 10]), program_cost=3)
    (4, 10)
    """
    shares = np.linspace(0, 1, _CANDIDATES + 1)
    ends = np.unique(np.quantile(lengths, shares, method="higher")).astype("int64")
    rows = np.searchsorted(np.sort(lengths), ends, side="right")  # rows up to each length
    # Steps of the rows after candidate i, up to candidate j, padded to j.
    work = ends[None, :] * (rows[None, :] - rows[:, None]).astype("float64")
    work[np.tril_indices(len(ends))] = np.inf
    least = (ends * rows).astype("float64")  # steps of the rows up to each candidate
    chosen = [(int(end),) for end in ends]  # the lengths that give `least`
    best = chosen[-1]
    best_cost = least[-1] + program_cost
    for count in range(2, min(MOST_LENGTHS, len(ends)) + 1):
        totals = least[:, None] + work
        previous = totals.argmin(axis=0)
        least = totals.min(axis=0)
        chosen = [(*chosen[i], int(end)) for i, end in zip(previous, ends, strict=True)]
        cost = least[-1] + count * program_cost
        if cost < best_cost:
            best_cost = cost
            best = chosen[-1]
    return best


def assign_buckets(lengths: np.ndarray, chosen: tuple[int, ...]) -> np.ndarray:
    """Return the number of the shortest chosen length that holds each row, (n,)."""
    return np.searchsorted(np.asarray(chosen), lengths)
