"""Masks: the steps of each row, and rows aligned so that one last-step plan serves all.

A row begins at its first valid step and ends at its last one. The steps before and after it are
zero at the input of every convolution, as padding is. A masked step within the row has the value
zero at the input of the network.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from keras import ops

from tcn_search.errors import InputError
from tcn_search.layers.tensor import Tensor
from tcn_search.planning.grids import Grid

# A function of a grid of n steps. It returns (B, n, 1), or (1, n, 1) where all rows are alike: 1 at
# valid steps, 0 at the others.
Validity = Callable[[Grid | None], Tensor]


def check_mask(padding: str) -> None:
    """Raise an error if a mask cannot be used with the padding."""
    if padding == "valid":
        raise InputError(
            "padding='valid' cannot be used with a mask. Received: a mask. Use padding='causal'."
        )


def steps_of_rows(mask: Tensor) -> Tensor:
    """Return which steps of a mask (B, T) belong to its rows: first to last valid step."""
    valid = ops.cast(mask, "int32")
    has_begun = ops.cumsum(valid, axis=1) > 0
    has_not_ended = ops.flip(ops.cumsum(ops.flip(valid, axis=1), axis=1), axis=1) > 0
    return ops.logical_and(has_begun, has_not_ended)


def mask_validity(rows: Tensor, dtype: str) -> Validity:
    """Return a validity for all steps of a sequence: the steps of the rows (B, T)."""
    valid = ops.expand_dims(ops.cast(rows, dtype), -1)
    return lambda grid: valid


def zero_masked(x: Tensor, valid: Tensor) -> Tensor:
    """Set x (B, n, C) to zero where `valid` (B, n, 1) is 0, NaN included."""
    return ops.where(ops.cast(valid, "bool"), x, ops.zeros_like(x))


def read_step(mask: Tensor, padding: str) -> Tensor:
    """Return the step at which each row of a mask (B, T) is read, (B,).

    It is the row's last valid step; with "same" the middle between its first and its last valid
    step. For a row without any valid step it is an arbitrary step: all of its steps are alike.
    """
    time = ops.shape(mask)[1]
    steps = ops.arange(time, dtype="int32")
    valid = ops.cast(mask, "bool")
    last = ops.max(ops.where(valid, steps, 0), axis=1)
    if padding != "same":
        return last
    first = ops.min(ops.where(valid, steps, time), axis=1)
    return (first + last + 1) // 2


def take_read_step(x: Tensor, mask: Tensor | None, padding: str) -> Tensor:
    """Return the step of each row that is read, (B, C), of all steps x (B, T, C)."""
    if mask is None:
        if padding == "same":
            return x[:, ops.shape(x)[1] // 2]
        return x[:, -1]
    steps = ops.arange(ops.shape(x)[1], dtype="int32")
    is_read = ops.cast(steps[None, :] == read_step(mask, padding)[:, None], x.dtype)  # (B, T)
    return ops.sum(x * is_read[..., None], axis=1)


def align_rows(
    x: Tensor, mask: Tensor, grid: Grid, read: int, padding: str, dtype: str
) -> tuple[Tensor, Validity]:
    """Shift each row so that it is read at position `read`, and take the steps of `grid`.

    Args:
        x: (B, T, C).
        mask: (B, T), or (1, T) where all rows are alike.
        dtype: of the validity.

    Returns:
        The steps (B, grid.count, C), zero where they are not valid, and the validity of any grid.
        Steps outside of the sequence are not valid.
    """
    time = ops.shape(x)[1]
    # (B, 1): the step of a row at a position of the grid is position + shift.
    shift = ops.expand_dims(read_step(mask, padding) - read, -1)
    marks = ops.expand_dims(ops.cast(mask, dtype), -1)
    padded_marks = ops.pad(marks, [[0, 0], [1, 1], [0, 0]])  # (B, T + 2, 1)

    def valid(some_grid: Grid | None) -> Tensor:
        assert some_grid is not None
        return _take_steps(padded_marks, ops.clip(_positions(some_grid) + shift, -1, time) + 1)

    steps = _take_steps(x, ops.clip(_positions(grid) + shift, 0, time - 1))
    return zero_masked(steps, valid(grid)), valid


def _take_steps(x: Tensor, steps: Tensor) -> Tensor:
    """Return the steps (B, n), or (1, n) for all rows, of x (B, T, C), as (B, n, C)."""
    if steps.shape[0] == 1:
        return ops.take(x, steps[0], axis=1)
    batch, time, channels = ops.shape(x)
    first = ops.expand_dims(ops.arange(batch, dtype="int32") * time, -1)
    rows = ops.take(ops.reshape(x, (-1, channels)), steps + first, axis=0)
    return ops.reshape(rows, (-1, steps.shape[1], channels))


def _positions(grid: Grid) -> Tensor:
    positions = np.arange(grid.start, grid.last + 1, grid.stride, dtype="int32")
    return ops.convert_to_tensor(positions)
