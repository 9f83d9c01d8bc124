"""Splitting a validation part off the training part."""

from __future__ import annotations

import numpy as np

from tcn_search.errors import InputError


def split_off_validation(
    count: int, fraction: float, seed: int, classes: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """(kept, held out) row numbers, ascending. Every row is in one of them.

    With `classes` each class gives its share, at least one row if it has two, and keeps at least one.

    Raises:
        InputError: a fraction outside 0 < f < 1, or too few rows to split.
    """
    if not 0 < fraction < 1:
        raise InputError(f"validation_fraction must be between 0 and 1. Received: {fraction!r}")
    if count < 2:
        raise InputError(f"The training part needs at least 2 sequences to split one off. Received: {count}")
    generator = np.random.default_rng(seed)
    groups = (
        [np.arange(count)] if classes is None else [np.flatnonzero(classes == c) for c in np.unique(classes)]
    )
    held_out: list[int] = []
    for rows in groups:
        wanted = 0 if len(rows) < 2 else min(max(1, round(fraction * len(rows))), len(rows) - 1)
        held_out.extend(generator.permutation(rows)[:wanted])
    if not held_out:
        raise InputError(
            "Every class has a single training sequence, so none can be held out for validation."
        )
    chosen = np.zeros(count, dtype=bool)
    chosen[held_out] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)
