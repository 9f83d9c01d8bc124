"""Rows of different lengths: which steps exist, and how rows are laid so that one plan serves the batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from tcn_search.planning.grids import Grid

# (B, n, 1), or (1, n, 1) where all rows are alike: 1 at the steps of a grid that exist and 0 at the others.
Validity = Callable[[Grid | None], Any]


def mask_validity(mask: Any, dtype: str) -> Validity:
    """Validity of the whole sequence: the mask (B, T) itself, for every grid holds all steps."""
    valid = ops.expand_dims(ops.cast(mask, dtype), -1)
    return lambda grid: valid


def valid_run(mask: Any) -> tuple[Any, Any]:
    """First step and length of each row's run of valid steps, both (B,), of a mask (B, T)."""
    valid = ops.cast(mask, "int32")
    return ops.cast(ops.argmax(valid, axis=1), "int32"), ops.sum(valid, axis=1)


def read_step(first: Any, length: Any, padding: str) -> Any:
    """The step that each row is read at: its last valid one, with "same" the one at half its length."""
    return first + (length // 2 if padding == "same" else length - 1)


def lay_rows(
    x: Any, grid: Grid, read: int, padding: str, run: tuple[Any, Any], dtype: str
) -> tuple[Any, Validity]:
    """Each row shifted so that the step it is read at lies at position `read`, taken at `grid`.

    x is (B, T, C); `run` is the first step and the length of each row, (B,), or (1,) where all are alike.
    Steps that do not exist are not zeroed here: the validity says which they are.
    """
    first, length = run
    shift = read_step(first, length, padding) - read  # (B,): position + shift is the row's own step

    def valid(wanted: Grid | None) -> Any:
        assert wanted is not None
        steps = _positions(wanted) + shift[:, None]
        exists = ops.logical_and(steps >= first[:, None], steps < (first + length)[:, None])
        return ops.expand_dims(ops.cast(exists, dtype), -1)

    batch, time, channels = ops.shape(x)
    steps = ops.clip(_positions(grid) + shift[:, None], 0, time - 1)  # (B, n)
    if shift.shape[0] == 1:
        return ops.take(x, steps[0], axis=1), valid
    rows = ops.reshape(x, (-1, channels))
    steps = steps + ops.expand_dims(ops.arange(batch, dtype="int32") * time, -1)
    return ops.reshape(ops.take(rows, steps, axis=0), (-1, grid.count, channels)), valid


def _positions(grid: Grid) -> Any:
    return ops.convert_to_tensor(np.arange(grid.start, grid.last + 1, grid.stride, dtype="int32"))
