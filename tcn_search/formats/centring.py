"""Offsets for numbers so far from zero that float32 would round their signal away."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

LARGEST = float(np.finfo("float32").max)
# A deviation of fewer rounding steps than this counts as lost.
_STEPS_IN_A_DEVIATION = 1000
# Numbers that come as float32 may be whole ones, which few steps tell well enough.
_STEPS_IN_A_DEVIATION_GIVEN = 16


def offsets_of(values: np.ndarray) -> tuple[float, ...]:
    """Return what to subtract from each channel, the last axis, so that float32 holds its signal.

    A channel gets an offset, its rounded mean, where float32 cannot hold all its numbers and rounds by more
    than a thousandth of their deviation. NaN is left out. Empty if no channel needs an offset.
    """
    if _is_exact_type(values.dtype):
        return ()
    found = tuple(_offset(_numbers(values, channel)) for channel in range(values.shape[-1]))
    return found if any(found) else ()


def subtract_offsets(values: np.ndarray, offsets: Sequence[float]) -> np.ndarray:
    """Return `values` (..., C) minus the offsets, in double precision, as a new float32 array."""
    if not offsets:
        return np.array(values, dtype="float32")
    result = np.empty(values.shape, dtype="float32")
    for channel, offset in enumerate(offsets):
        result[..., channel] = values[..., channel].astype("float64") - offset
    return result


def first_beyond_float32(values: np.ndarray) -> tuple[int, ...] | None:
    """Return the index of the first number that float32 turns into infinity, or None."""
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
    """Say in words what is subtracted, and which channels float32 cannot hold all the same.

    Args:
        name: what `values` are called.
        values: (..., steps, C); the changes from step to step are the signal.
        offsets: what is subtracted from each channel.
        channel_word: what an entry of the last axis is called.
    """
    found = []
    moved = [
        f"{offset:.15g} from {channel_word} {number}"
        for number, offset in enumerate(offsets)
        if offset
    ]
    if moved:
        found.append(
            f"{name} is kept minus an offset, as float32 cannot hold it: {_some(moved)}. `tcn-search predict` "
            "does the same; a model that is called directly works on values minus the offset"
        )
    return found + describe_losses(name, values, offsets, channel_word)


def describe_losses(
    name: str, values: np.ndarray, offsets: Sequence[float], channel_word: str = "channel"
) -> list[str]:
    """Say in words which channels float32 cannot hold; see `describe_centring` for the arguments."""
    if values.dtype.kind != "f" and _is_exact_type(values.dtype):
        return []
    lost: dict[str, list[str]] = {}
    for channel in range(values.shape[-1]):
        numbers = _numbers(values, channel)
        if _loses_signal(values, channel, offsets):
            mean = float(numbers.mean())
            given_narrow = values.dtype.kind == "f" and values.dtype.itemsize <= 4
            finest = 0.0 if given_narrow else _spacing(mean, "float64")
            even = 0 < numbers.std() <= _STEPS_IN_A_DEVIATION * finest
            types = "not even float64 can" if even else "float32 cannot"
            lost.setdefault(types, []).append(f"{channel_word} {channel} (around {mean:.6g})")
    return [
        f"{types} tell most of the changes in {name} apart: {_some(channels)}"
        for types, channels in lost.items()
    ]


def _some(entries: list[str]) -> str:
    shown = ", ".join(entries[:4])
    return shown + (f" and {len(entries) - 4} more" if len(entries) > 4 else "")


def _is_exact_type(dtype: np.dtype) -> bool:
    """Whether float32 holds every number of a type."""
    return dtype.kind == "b" or dtype.itemsize <= (4 if dtype.kind == "f" else 2)


def _numbers(values: np.ndarray, channel: int) -> np.ndarray:
    """Return all numbers of a channel, in double precision."""
    numbers = values[..., channel].astype("float64").ravel()
    return numbers[~np.isnan(numbers)]


def _spacing(mean: float, dtype: str) -> float:
    """Return the step from one number of a type to the next, near the mean."""
    return float(np.spacing(np.dtype(dtype).type(abs(mean))))


def _offset(numbers: np.ndarray) -> float:
    if (numbers.astype("float32") == numbers).all():
        return 0.0
    mean = float(numbers.mean())
    deviation = float(numbers.std())
    # Where even float64 rounds that much, the channel is constant but for the rounding of its computation.
    if deviation <= _STEPS_IN_A_DEVIATION * _spacing(mean, "float64"):
        return 0.0
    if deviation >= _STEPS_IN_A_DEVIATION * _spacing(mean, "float32"):
        return 0.0
    return round(mean, -math.floor(math.log10(deviation)))


def _loses_signal(values: np.ndarray, channel: int, offsets: Sequence[float]) -> bool:
    """Whether most changes between steps vanish in float32, or have vanished before."""
    if values.dtype.kind == "f" and values.dtype.itemsize <= 4:
        given = _numbers(values, channel)
        spacing = _spacing(float(given.mean()), "float32")
        deviation = given.std()
        # A constant is a lost signal only where float32 does not hold whole numbers.
        return bool(
            spacing > 1 if deviation == 0 else deviation < _STEPS_IN_A_DEVIATION_GIVEN * spacing
        )
    numbers = values[..., channel].astype("float64")
    offset = offsets[channel] if offsets else 0.0
    steps = np.diff(numbers, axis=-1)
    changes = (steps != 0) & ~np.isnan(steps)
    kept = np.diff((numbers - offset).astype("float32"), axis=-1) != 0
    return bool(2 * (changes & ~kept).sum() > changes.sum())
