"""Cutting a sequence, and weaving its phases. Shapes are (B, T, C) throughout.

Slices are `ops.slice`, not brackets: TensorFlow's gradient of a bracket slice took ten times as long.
"""

from __future__ import annotations

from typing import Any

from keras import ops


def resize(x: Any, before: int, after: int) -> Any:
    """`x` with so many zeros around it; negative numbers cut steps off."""
    if before > 0 or after > 0:
        x = ops.pad(x, [[0, 0], [max(before, 0), max(after, 0)], [0, 0]])
    if before < 0 or after < 0:
        x = cut(x, max(-before, 0), x.shape[1] + min(before, 0) + min(after, 0))
    return x


def cut(x: Any, start: int, count: int) -> Any:
    """Steps start ... start + count - 1."""
    if start == 0 and count == x.shape[1]:
        return x
    return _slice(x, (0, start, 0), count, x.shape[2])


def every(x: Any, start: int, stride: int, count: int) -> Any:
    """Steps start, start + stride, ..., `count` of them."""
    if stride == 1 or count == 1:
        return cut(x, start, count)
    # The wanted steps end their rows of `stride`: there is a step before more often than one after.
    begin = start - (stride - 1)
    channels = x.shape[2]
    x = resize(x, -begin, begin + stride * count - x.shape[1])
    x = ops.reshape(x, (-1, count, stride * channels))
    return _slice(x, (0, 0, (stride - 1) * channels), count, channels)


def _slice(x: Any, start: tuple[int, int, int], steps: int, channels: int) -> Any:
    """All sequences; only TensorFlow leaves their number open, and understands -1."""
    sequences = -1 if x.shape[0] is None else x.shape[0]
    return ops.slice(x, start, (sequences, steps, channels))


def split_phases(x: Any, phases: int, already: int = 1) -> Any:
    """(B, rows · phases, C) as (B · phases, rows, C): every phases-th step is one sequence.

    `already`: x is split into so many phases, a divisor of `phases`.
    """
    times = phases // already
    rows = x.shape[1] // times
    channels = x.shape[2]
    x = ops.transpose(ops.reshape(x, (-1, already, rows, times, channels)), (0, 3, 1, 2, 4))
    return ops.reshape(x, (-1, rows, channels))


def merge_phases(x: Any, phases: int) -> Any:
    """(B · phases, rows, C) as (B, rows · phases, C), the way back."""
    rows = x.shape[1]
    channels = x.shape[2]
    x = ops.transpose(ops.reshape(x, (-1, phases, rows, channels)), (0, 2, 1, 3))
    return ops.reshape(x, (-1, rows * phases, channels))


def rearrange(x: Any, phases: int, wanted: int, steps: int | None) -> Any:
    """x, `steps` steps split into `phases`, split into `wanted` phases; zeros fill the last row."""
    if wanted % phases:  # back to the order of time first
        x = cut(merge_phases(x, phases), 0, steps)  # type: ignore[arg-type]
        phases = 1
    if wanted > phases:
        rows = -(-steps // wanted)  # type: ignore[operator]
        x = split_phases(resize(x, 0, rows * wanted // phases - x.shape[1]), wanted, phases)
    return x
