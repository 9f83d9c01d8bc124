"""Offsets for numbers so far from zero that float32 would lose their signal to rounding."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

LARGEST = float(np.finfo("float32").max)
# A standard deviation of fewer rounding steps than this counts as lost.
_STEPS_IN_A_DEVIATION = 1000
# The bound for numbers that come as float32: they may be whole numbers, which need few steps.
_FLOAT32_STEPS_IN_A_DEVIATION = 16
_ENTRIES_SHOWN = 4


def offsets_of(values: np.ndarray) -> tuple[float, ...]:
    """Return the offset to subtract from each channel so that float32 holds its signal.

    The offset of a channel is its rounded mean if float32 cannot hold all its numbers and rounds by
    more than a thousandth of their standard deviation, else 0. NaN does not count.

    Args:
        values: (..., C).

    Returns:
        C offsets, or an empty tuple if no channel needs one.
    """
    if _is_exact_type(values.dtype):
        return ()
    offsets = tuple(_offset(_numbers(values, channel)) for channel in range(values.shape[-1]))
    if not any(offsets):
        return ()
    return offsets


def subtract_offsets(values: np.ndarray, offsets: Sequence[float]) -> np.ndarray:
    """Return `values` (..., C) minus the offsets, in double precision, as a new float32 array."""
    if not offsets:
        return np.array(values, dtype="float32")
    result = np.empty(values.shape, dtype="float32")
    for channel, offset in enumerate(offsets):
        result[..., channel] = values[..., channel].astype("float64") - offset
    return result


def first_beyond_float32(values: np.ndarray) -> tuple[int, ...] | None:
    """Return the index of the first number that becomes infinite in float32, or None."""
    if values.dtype.kind != "f" or values.dtype.itemsize <= 4 or not values.size:
        return None
    with np.errstate(over="ignore"):
        if np.isfinite(np.float32(np.nanmax(np.abs(values)))):
            return None
        beyond = np.isinf(values.astype("float32"))
    return tuple(int(position) for position in np.argwhere(beyond)[0])


def describe_centring(
    name: str, values: np.ndarray, offsets: Sequence[float], channel_word: str = "channel"
) -> list[str]:
    """Return notes on the offsets, and on channels that float32 cannot hold in spite of them.

    Args:
        name: name of `values` in the notes.
        values: (..., steps, C); the changes from step to step are the signal.
        offsets: offset of each channel, or an empty sequence.
        channel_word: word for an entry of the last axis in the notes.
    """
    notes = []
    centred = [
        f"{offset:.15g} from {channel_word} {number}"
        for number, offset in enumerate(offsets)
        if offset
    ]
    if centred:
        notes.append(
            f"{name} is kept minus an offset, as float32 cannot hold it: {_join(centred)}. "
            "`tcn-search predict` does the same; a model that is called directly works on values "
            "minus the offset"
        )
    return notes + describe_losses(name, values, offsets, channel_word)


def describe_losses(
    name: str, values: np.ndarray, offsets: Sequence[float], channel_word: str = "channel"
) -> list[str]:
    """Return notes on channels that float32 cannot hold; see `describe_centring` for arguments."""
    if values.dtype.kind != "f" and _is_exact_type(values.dtype):
        return []
    channels_by_cause: dict[str, list[str]] = {}
    for channel in range(values.shape[-1]):
        if not _loses_signal(values, channel, offsets):
            continue
        numbers = _numbers(values, channel)
        mean = float(numbers.mean())
        cause = "float32 cannot"
        if not _is_float32(values.dtype):
            least_deviation = _STEPS_IN_A_DEVIATION * _spacing(mean, "float64")
            if 0 < numbers.std() <= least_deviation:
                cause = "not even float64 can"
        channels_by_cause.setdefault(cause, []).append(
            f"{channel_word} {channel} (around {mean:.6g})"
        )
    return [
        f"{cause} tell most of the changes in {name} apart: {_join(channels)}"
        for cause, channels in channels_by_cause.items()
    ]


def _join(entries: list[str]) -> str:
    joined = ", ".join(entries[:_ENTRIES_SHOWN])
    if len(entries) > _ENTRIES_SHOWN:
        joined += f" and {len(entries) - _ENTRIES_SHOWN} more"
    return joined


def _is_exact_type(dtype: np.dtype) -> bool:
    """Return whether float32 holds every number of a type."""
    if dtype.kind == "f":
        return dtype.itemsize <= 4
    return dtype.kind == "b" or dtype.itemsize <= 2


def _is_float32(dtype: np.dtype) -> bool:
    """Return whether numbers are floats of 32 bits or fewer."""
    return dtype.kind == "f" and dtype.itemsize <= 4


def _numbers(values: np.ndarray, channel: int) -> np.ndarray:
    """Return the numbers of a channel without NaN, in double precision."""
    numbers: np.ndarray = values[..., channel].astype("float64")
    return np.asarray(numbers[~np.isnan(numbers)])


def _spacing(mean: float, dtype: str) -> float:
    """Return the step from one number of a type to the next, near the mean."""
    return float(np.spacing(np.dtype(dtype).type(abs(mean))))


def _offset(numbers: np.ndarray) -> float:
    """Return the offset of one channel, 0 if it needs none."""
    if (numbers.astype("float32") == numbers).all():
        return 0.0
    mean = float(numbers.mean())
    deviation = float(numbers.std())
    # If even float64 rounds that much, the channel is constant up to rounding in its computation.
    if deviation <= _STEPS_IN_A_DEVIATION * _spacing(mean, "float64"):
        return 0.0
    if deviation >= _STEPS_IN_A_DEVIATION * _spacing(mean, "float32"):
        return 0.0
    return round(mean, -math.floor(math.log10(deviation)))


def _loses_signal(values: np.ndarray, channel: int, offsets: Sequence[float]) -> bool:
    """Return whether most changes between steps vanish in float32, or have vanished before."""
    if _is_float32(values.dtype):
        numbers = _numbers(values, channel)
        spacing = _spacing(float(numbers.mean()), "float32")
        deviation = float(numbers.std())
        if deviation == 0:  # a constant is a lost signal only if float32 skips whole numbers there
            return spacing > 1
        return deviation < _FLOAT32_STEPS_IN_A_DEVIATION * spacing
    numbers = values[..., channel].astype("float64")
    offset = offsets[channel] if offsets else 0.0
    steps = np.diff(numbers, axis=-1)
    changes = (steps != 0) & ~np.isnan(steps)
    kept = np.diff((numbers - offset).astype("float32"), axis=-1) != 0
    return bool(2 * (changes & ~kept).sum() > changes.sum())
