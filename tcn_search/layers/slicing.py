"""Cropping, padding and striding along time, and the phases of a sequence.

Shapes are (B, T, C). With n phases, each phase holds every n-th step, and each is a sequence of its
own. Slices are `ops.slice`, not brackets: TensorFlow's gradient of a bracket slice took ten times
as long.
"""

from __future__ import annotations

from keras import ops

from tcn_search.layers.tensor import Tensor


def pad_or_crop(x: Tensor, before: int, after: int) -> Tensor:
    """Return x with `before` and `after` zeros around it; negative numbers crop steps."""
    if before > 0 or after > 0:
        x = ops.pad(x, [[0, 0], [max(before, 0), max(after, 0)], [0, 0]])
    if before < 0 or after < 0:
        x = crop(x, max(-before, 0), x.shape[1] + min(before, 0) + min(after, 0))
    return x


def crop(x: Tensor, start: int, count: int) -> Tensor:
    """Return the steps start ... start + count - 1, (B, count, C)."""
    if start == 0 and count == x.shape[1]:
        return x
    return _slice(x, (0, start, 0), count, x.shape[2])


def take_every(x: Tensor, start: int, stride: int, count: int) -> Tensor:
    """Return the steps start, start + stride, ..., (B, count, C)."""
    if stride == 1 or count == 1:
        return crop(x, start, count)
    # Each wanted step is the last of a row of `stride` steps: steps before the first wanted one are
    # there more often than steps after the last.
    begin = start - (stride - 1)
    channels = x.shape[2]
    x = pad_or_crop(x, -begin, begin + stride * count - x.shape[1])
    x = ops.reshape(x, (-1, count, stride * channels))
    return _slice(x, (0, 0, (stride - 1) * channels), count, channels)


def _slice(x: Tensor, start: tuple[int, int, int], steps: int, channels: int) -> Tensor:
    """Slice all sequences. Only TensorFlow may leave their number open, and accepts -1 for it."""
    sequences = x.shape[0]
    if sequences is None:
        sequences = -1
    return ops.slice(x, start, (sequences, steps, channels))


def split_phases(x: Tensor, phases: int, current: int = 1) -> Tensor:
    """Return (B, rows · phases, C) as (B · phases, rows, C), one sequence for each phase.

    Args:
        current: number of phases that x is split into already, a divisor of `phases`.
    """
    times = phases // current
    rows = x.shape[1] // times
    channels = x.shape[2]
    x = ops.transpose(ops.reshape(x, (-1, current, rows, times, channels)), (0, 3, 1, 2, 4))
    return ops.reshape(x, (-1, rows, channels))


def merge_phases(x: Tensor, phases: int) -> Tensor:
    """Return (B · phases, rows, C) as (B, rows · phases, C): the inverse of `split_phases`."""
    rows = x.shape[1]
    channels = x.shape[2]
    x = ops.transpose(ops.reshape(x, (-1, phases, rows, channels)), (0, 2, 1, 3))
    return ops.reshape(x, (-1, rows * phases, channels))


def regroup_phases(x: Tensor, phases: int, new_phases: int, steps: int | None) -> Tensor:
    """Return x, `steps` steps in `phases` phases, in `new_phases`; zeros fill the last row."""
    if new_phases % phases:  # back to the order of time first
        x = crop(merge_phases(x, phases), 0, steps)  # type: ignore[arg-type]
        phases = 1
    if new_phases > phases:
        rows = -(-steps // new_phases)  # type: ignore[operator]
        missing = rows * new_phases // phases - x.shape[1]
        x = split_phases(pad_or_crop(x, 0, missing), new_phases, phases)
    return x
