"""Sequences that a user gave, as one array (sequences, steps, channels)."""

from __future__ import annotations

import numbers
from typing import Any, NamedTuple

import numpy as np

from tcn_search.arguments import one_of
from tcn_search.errors import InputError
from tcn_search.formats.centring import LARGEST, first_beyond_float32
from tcn_search.formats.labels import read_labels, shown

STEPS_CHANNELS = "steps_channels"
CHANNELS_STEPS = "channels_steps"
AXES = (STEPS_CHANNELS, CHANNELS_STEPS)
# Real sequences have a few steps and many times as many channels only if the axes are exchanged.
_FEW_STEPS = 10
_MANY_TIMES = 10


class Sequences(NamedTuple):
    """Sequences as one array, and the number of steps of each where they came as a list of different ones."""

    X: np.ndarray
    lengths: np.ndarray | None


def read_inputs(X: Any, lengths: Any, suffix: str, axes: str | None = None) -> np.ndarray:
    """Return X as (n, T, C), finite within each row's length and NaN at and beyond it.

    Numbers stay in the precision that they came in, so that what is far from zero can be centred first.

    Args:
        X: an array, or a list of arrays (steps, channels) of different length, which are padded. Arrays of
            rank 1 in a list are sequences of one channel.
        lengths: (n,) steps of each sequence, or None.
        suffix: errors name `X{suffix}` and `lengths{suffix}`.
        axes: "channels_steps" if channels come before steps.

    Raises:
        InputError: names the array, the rule and what was received.
    """
    name = f"X{suffix}"
    X, told = _as_one_array(X, name, axes)
    count, steps, _ = X.shape
    if lengths is not None:
        lengths = _read_lengths(lengths, count, steps, suffix)
        if told is not None and (lengths != told).any():
            row = int(np.flatnonzero(lengths != told)[0])
            raise InputError(
                f"lengths{suffix} must agree with the arrays of {name}, or be left out. Received: {lengths[row]} for "
                f"sequence {row}, which has {told[row]} steps"
            )
    else:
        lengths = told
    inside = np.ones((count, steps), dtype=bool)
    if lengths is not None:
        inside = np.arange(steps)[None, :] < lengths[:, None]
    bad = ~np.isfinite(X).all(axis=2) & inside
    if bad.any():
        row, step = np.argwhere(bad)[0]
        raise InputError(
            f"{name} must be finite within each sequence. Received: NaN or infinity in {bad.any(axis=1).sum()} of "
            f"{count} sequences, first in sequence {row}, step {step}. If sequences end there, give lengths{suffix}."
        )
    if not inside.all():
        X = np.array(X, dtype="float32" if X.dtype == "float32" else "float64")
        X[~inside] = np.nan
    beyond = first_beyond_float32(X)
    if beyond is not None:
        raise InputError(
            f"{name} must lie within the range of float32, {LARGEST:.2g} either way. Received: {X[beyond]:g} in "
            f"sequence {beyond[0]}, step {beyond[1]}"
        )
    return X


def check_axes(X: np.ndarray, name: str, axes: str | None) -> str:
    """Return a question about axes (n, T, C) that may be exchanged, or "".

    Raises:
        InputError: they are exchanged as good as surely, and `axes` does not say that they are meant.
    """
    if axes is not None:
        return ""
    _, steps, channels = X.shape
    single = steps == 1 and channels > 1
    if single or (steps <= _FEW_STEPS and channels > _MANY_TIMES * steps):
        raise InputError(
            f"{name} has {steps} step{'' if steps == 1 else 's'} of {channels} channels: its axes must be (sequences, "
            f'steps, channels). If they are (sequences, channels, steps), say axes = "{CHANNELS_STEPS}"; if these '
            f'are meant, say axes = "{STEPS_CHANNELS}".'
        )
    if channels > steps:
        return (
            f"fewer steps than channels: if the axes of {name} are (sequences, channels, steps), say "
            f'axes = "{CHANNELS_STEPS}"'
        )
    return ""


def pad_steps(X: np.ndarray, steps: int) -> np.ndarray:
    """Return X (n, T, C) with NaN up to so many steps."""
    if X.shape[1] == steps:
        return X
    if X.dtype.kind != "f":
        X = X.astype("float64")
    return np.pad(X, ((0, 0), (0, steps - X.shape[1]), (0, 0)), constant_values=np.nan)


def is_of_arrays(values: Any) -> bool:
    """Whether something is a list, or an array or column of objects, of arrays or lists."""
    kind = getattr(getattr(values, "dtype", None), "kind", "")
    if not isinstance(values, list | tuple) and kind != "O":
        return False
    if getattr(values, "ndim", 1) != 1 or not len(values):
        return False
    first = next(iter(values))
    return isinstance(first, list | tuple) or getattr(first, "ndim", 0) > 0


def _as_one_array(X: Any, name: str, axes: str | None) -> Sequences:
    if axes is not None:
        one_of("axes", axes, AXES)
    if is_of_arrays(X):
        return _stack(list(X), name, axes)
    if np.ma.is_masked(X):
        raise InputError(
            f"{name} must not be a masked array with masked entries. Fill them, or give lengths where sequences end."
        )
    try:
        array = np.asarray(X)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{name} must be an array (sequences, steps, channels) or a list of arrays (steps, channels). "
            f"Received: {type(X).__name__}"
        ) from error
    array = _numbers(array, name)
    if array.ndim != 3:
        made = f"{name}.to_numpy()" if hasattr(X, "to_numpy") else name
        hint = f" For sequences of one channel use {made}[..., None]." if array.ndim == 2 else ""
        raise InputError(
            f"{name} must have rank 3, (sequences, steps, channels). Received: shape {array.shape}.{hint}"
        )
    if 0 in array.shape:
        raise InputError(f"{name} must not be empty. Received: shape {array.shape}")
    return Sequences(array.transpose(0, 2, 1) if axes == CHANNELS_STEPS else array, None)


def _numbers(array: np.ndarray, name: str) -> np.ndarray:
    """Return an array of booleans, integers or floats of 64 bits at most."""
    if array.dtype.kind == "O" and array.ndim:
        for index, value in np.ndenumerate(array):
            if not isinstance(value, numbers.Real | np.bool_):
                raise InputError(
                    f"{name} must hold numbers. Received: {shown(value)} in sequence {index[0]}"
                )
        try:
            array = array.astype("float64")
        except OverflowError as error:
            raise InputError(
                f"{name} must lie within the range of float32, {LARGEST:.2g} either way. Received: a larger integer"
            ) from error
    if array.dtype.kind not in "fiub":
        raise InputError(f"{name} must hold numbers. Received: dtype {array.dtype}")
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        with np.errstate(over="ignore"):
            return array.astype("float64")
    return array


def _stack(sequences: list[Any], name: str, axes: str | None) -> Sequences:
    """Return arrays (steps, channels) of a list as one array, padded where they differ in length."""
    sequences = _by_columns(sequences, name)
    arrays = [_one_sequence(one, f"{name}[{row}]", axes) for row, one in enumerate(sequences)]
    lengths = np.array([len(one) for one in arrays])
    channels = np.array([one.shape[1] for one in arrays])
    if (channels != channels[0]).any():
        row = int(np.flatnonzero(channels != channels[0])[0])
        if axes is None and (lengths == lengths[0]).all():
            raise InputError(
                f"{name} must be a list of arrays (steps, channels). Received: arrays that differ in their second "
                f"axis, {arrays[0].shape} in sequence 0 and {arrays[row].shape} in sequence {row}. If they are "
                f'(channels, steps), say axes = "{CHANNELS_STEPS}".'
            )
        raise InputError(
            f"{name} must have the same channels in every sequence. Received: {channels[0]} in sequence 0 and "
            f"{channels[row]} in sequence {row}"
        )
    if not lengths.all():
        row = int(np.flatnonzero(lengths == 0)[0])
        raise InputError(f"{name} must not be empty. Received: no steps in sequence {row}")
    if not channels[0]:
        raise InputError(f"{name} must not be empty. Received: no channels")
    if (lengths == lengths[0]).all():
        return Sequences(np.stack(arrays), None)
    narrow = all(one.dtype == "float32" for one in arrays)
    shape = (len(arrays), int(lengths.max()), int(channels[0]))
    X = np.full(shape, np.nan, dtype="float32" if narrow else "float64")
    for row, one in enumerate(arrays):
        X[row, : len(one)] = one
    return Sequences(X, lengths)


def _by_columns(frames: list[Any], name: str) -> list[Any]:
    """Return data frames with their columns in one order; other sequences as they are."""
    columns = [list(one.columns) for one in frames if hasattr(one, "columns")]
    if len(columns) < len(frames):
        return frames
    for row, one in enumerate(columns):
        if sorted(map(str, one)) != sorted(map(str, columns[0])):
            raise InputError(
                f"{name} must have the same columns in every sequence. Received: {columns[0]} in sequence 0 and {one} "
                f"in sequence {row}"
            )
    return [one[columns[0]] for one in frames]


def _one_sequence(sequence: Any, name: str, axes: str | None) -> np.ndarray:
    """Return one sequence of a list as (steps, channels)."""
    try:
        array = np.asarray(sequence)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{name} must be an array (steps, channels). Received: {type(sequence).__name__} whose entries differ in "
            "length"
        ) from error
    array = _numbers(array, name)
    if array.ndim == 1:
        return array[:, None]
    if array.ndim != 2:
        raise InputError(
            f"{name} must have rank 2, (steps, channels). Received: shape {array.shape}"
        )
    return array.T if axes == CHANNELS_STEPS else array


def _read_lengths(lengths: Any, count: int, steps: int, suffix: str) -> np.ndarray:
    lengths = read_labels(lengths, f"lengths{suffix}")
    if lengths.shape != (count,) or lengths.dtype.kind not in "iu":
        raise InputError(
            f"lengths{suffix} must be {count} integers, one a sequence. "
            f"Received: shape {lengths.shape}, dtype {lengths.dtype}"
        )
    if lengths.min() < 1 or lengths.max() > steps:
        raise InputError(
            f"lengths{suffix} must lie between 1 and {steps}, the steps of X{suffix}. "
            f"Received: {lengths.min()} to {lengths.max()}"
        )
    return lengths
