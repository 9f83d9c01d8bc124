"""Masks: the steps of each row, and a batch of rows aligned so that one last-step plan serves all.

A row begins at its first valid step and ends at its last one. What lies before and after it is zero at
the input of every convolution, as padding is. A masked step within it is a step whose value is zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from tcn_search.planning.grids import Grid

# (B, n, 1), or (1, n, 1) where all rows are alike: 1 at a grid's valid steps and 0 at the others.
Validity = Callable[[Grid | None], Any]


def steps_of_rows(mask: Any) -> Any:
    """Return which steps belong to each row of a mask (B, T): from its first valid step to its last."""
    valid = ops.cast(mask, "int32")
    begun = ops.cumsum(valid, axis=1) > 0
    goes_on = ops.flip(ops.cumsum(ops.flip(valid, axis=1), axis=1), axis=1) > 0
    return ops.logical_and(begun, goes_on)


def mask_validity(rows: Any, dtype: str) -> Validity:
    """Return the validity of all steps: that of the rows (B, T) itself, whatever the grid."""
    valid = ops.expand_dims(ops.cast(rows, dtype), -1)
    return lambda grid: valid


def zero_masked(x: Any, valid: Any) -> Any:
    """Set x (B, n, C) to zero where `valid` (B, n, 1) is 0, whatever stands there: NaN, too."""
    return ops.where(ops.cast(valid, "bool"), x, ops.zeros_like(x))


def read_step(mask: Any, padding: str) -> Any:
    """Find the step at which each row of a mask (B, T) is read, (B,).

    The row's last valid step; with "same" the middle of the row, from its first valid step to its
    last. A row without any valid step is read somewhere: all of its steps are alike.
    """
    time = ops.shape(mask)[1]
    steps = ops.arange(time, dtype="int32")
    valid = ops.cast(mask, "bool")
    last = ops.max(ops.where(valid, steps, 0), axis=1)
    if padding != "same":
        return last
    first = ops.min(ops.where(valid, steps, time), axis=1)
    return (first + last + 1) // 2


def lay_rows(
    x: Any, mask: Any, grid: Grid, read: int, padding: str, dtype: str
) -> tuple[Any, Validity]:
    """Shift each row so that it is read at position `read`, and take the steps of `grid`.

    x is (B, T, C); the mask is (B, T), or (1, T) where all rows are alike. Steps outside the
    sequence are not valid, and what is not valid is zero.
    """
    time = ops.shape(x)[1]
    # (B, 1): position + shift is the row's own step
    shift = ops.expand_dims(read_step(mask, padding) - read, -1)
    marks = ops.expand_dims(ops.cast(mask, dtype), -1)
    around = ops.pad(marks, [[0, 0], [1, 1], [0, 0]])  # (B, T + 2, 1)

    def valid(wanted: Grid | None) -> Any:
        assert wanted is not None
        return _take(around, ops.clip(_positions(wanted) + shift, -1, time) + 1)

    taken = _take(x, ops.clip(_positions(grid) + shift, 0, time - 1))
    return zero_masked(taken, valid(grid)), valid


def _take(x: Any, steps: Any) -> Any:
    """(B, n, C): the steps (B, n), or (1, n) for all rows, of x (B, T, C)."""
    if steps.shape[0] == 1:
        return ops.take(x, steps[0], axis=1)
    batch, time, channels = ops.shape(x)
    first = ops.expand_dims(ops.arange(batch, dtype="int32") * time, -1)
    rows = ops.take(ops.reshape(x, (-1, channels)), steps + first, axis=0)
    return ops.reshape(rows, (-1, steps.shape[1], channels))


def _positions(grid: Grid) -> Any:
    return ops.convert_to_tensor(np.arange(grid.start, grid.last + 1, grid.stride, dtype="int32"))
