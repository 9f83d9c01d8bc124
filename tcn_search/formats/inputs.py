"""Read sequences from arrays or lists into one array (sequences, steps, channels)."""

from __future__ import annotations

import numbers
from typing import Any, NamedTuple

import numpy as np

from tcn_search.arguments import one_of
from tcn_search.errors import InputError
from tcn_search.formats.centring import LARGEST, first_beyond_float32
from tcn_search.formats.labels import read_labels, short_repr
from tcn_search.text import counted

STEPS_CHANNELS = "steps_channels"
CHANNELS_STEPS = "channels_steps"
AXES = (STEPS_CHANNELS, CHANNELS_STEPS)
# Axes count as exchanged where there are at most 10 steps of more than 10 times as many channels.
_FEW_STEPS = 10
_MANY_TIMES = 10


class PaddedSequences(NamedTuple):
    """Sequences padded to one array.

    Attributes:
        X: (n, T, C).
        lengths: number of steps of each sequence if they came as a list of different lengths, else
            None.
    """

    X: np.ndarray
    lengths: np.ndarray | None


def read_inputs(X: Any, lengths: Any, suffix: str, axes: str | None = None) -> np.ndarray:
    """Return X as (n, T, C), finite within each sequence's length and NaN beyond it.

    Numbers keep their precision, so that those far from zero can be centred first.

    Args:
        X: an array, or a list of arrays (steps, channels) of different length, which are padded.
            Arrays of rank 1 in a list are sequences of one channel.
        lengths: (n,) steps of each sequence, or None.
        suffix: errors name `X{suffix}` and `lengths{suffix}`.
        axes: "channels_steps" if channels come before steps.

    Raises:
        InputError: names the array, the rule and the value received.
    """
    name = f"X{suffix}"
    array, list_lengths = _as_one_array(X, name, axes)
    count, steps, _ = array.shape
    if lengths is None:
        lengths = list_lengths
    else:
        lengths = _read_lengths(lengths, count, steps, suffix)
        if list_lengths is not None and (lengths != list_lengths).any():
            row = int(np.flatnonzero(lengths != list_lengths)[0])
            raise InputError(
                f"lengths{suffix} must agree with the arrays of {name}, or be left out. Received: "
                f"{lengths[row]} for sequence {row}, which has {list_lengths[row]} steps"
            )
    inside = np.ones((count, steps), dtype=bool)
    if lengths is not None:
        inside = np.arange(steps)[None, :] < lengths[:, None]
    bad = ~np.isfinite(array).all(axis=2) & inside
    if bad.any():
        row, step = np.argwhere(bad)[0]
        raise InputError(
            f"{name} must be finite within each sequence. Received: NaN or infinity in "
            f"{bad.any(axis=1).sum()} of {count} sequences, first in sequence {row}, step {step}. "
            f"If sequences end there, give lengths{suffix}."
        )
    if not inside.all():
        dtype = "float32" if array.dtype == "float32" else "float64"
        array = np.array(array, dtype=dtype)
        array[~inside] = np.nan
    beyond = first_beyond_float32(array)
    if beyond is not None:
        raise InputError(
            f"{name} must lie within the range of float32, ±{LARGEST:.2g}. Received: "
            f"{array[beyond]:g} in sequence {beyond[0]}, step {beyond[1]}"
        )
    return array


def check_axes(X: np.ndarray, name: str, axes: str | None) -> str:
    """Return a hint if the axes of X (n, T, C) may be exchanged, else "".

    Args:
        axes: the user's setting; if it is not None, the axes are not doubted.

    Raises:
        InputError: the axes are almost certainly exchanged.
    """
    if axes is not None:
        return ""
    _, steps, channels = X.shape
    is_single_step = steps == 1 and channels > 1
    if is_single_step or (steps <= _FEW_STEPS and channels > _MANY_TIMES * steps):
        raise InputError(
            f"{name} has {counted(steps, 'step')} of {channels} channels: its axes must be "
            "(sequences, steps, channels). If they are (sequences, channels, steps), set "
            f'axes = "{CHANNELS_STEPS}"; if they are right as they are, set '
            f'axes = "{STEPS_CHANNELS}".'
        )
    if channels > steps:
        return (
            f"fewer steps than channels: if the axes of {name} are (sequences, channels, steps), "
            f'set axes = "{CHANNELS_STEPS}"'
        )
    return ""


def pad_steps(X: np.ndarray, steps: int) -> np.ndarray:
    """Return X (n, T, C) padded with NaN at the end to `steps` steps."""
    if X.shape[1] == steps:
        return X
    if X.dtype.kind != "f":
        X = X.astype("float64")
    return np.pad(X, ((0, 0), (0, steps - X.shape[1]), (0, 0)), constant_values=np.nan)


def is_list_of_arrays(values: Any) -> bool:
    """Return whether a list, or an array or column of objects, holds arrays or lists."""
    kind = getattr(getattr(values, "dtype", None), "kind", "")
    if not isinstance(values, list | tuple) and kind != "O":
        return False
    if getattr(values, "ndim", 1) != 1 or not len(values):
        return False
    first = next(iter(values))
    return isinstance(first, list | tuple) or getattr(first, "ndim", 0) > 0


def _as_one_array(X: Any, name: str, axes: str | None) -> PaddedSequences:
    if axes is not None:
        one_of("axes", axes, AXES)
    if is_list_of_arrays(X):
        return _stack(list(X), name, axes)
    if np.ma.is_masked(X):
        raise InputError(
            f"{name} must not be a masked array with masked entries. Fill them, or give lengths "
            "where sequences end."
        )
    try:
        array = np.asarray(X)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{name} must be an array (sequences, steps, channels) or a list of arrays (steps, "
            f"channels). Received: {type(X).__name__}"
        ) from error
    array = _numbers(array, name)
    if array.ndim != 3:
        hint = ""
        if array.ndim == 2:
            as_array = f"{name}.to_numpy()" if hasattr(X, "to_numpy") else name
            hint = f" For sequences of one channel use {as_array}[..., None]."
        raise InputError(
            f"{name} must have rank 3, (sequences, steps, channels). Received: shape "
            f"{array.shape}.{hint}"
        )
    if 0 in array.shape:
        raise InputError(f"{name} must not be empty. Received: shape {array.shape}")
    if axes == CHANNELS_STEPS:
        array = array.transpose(0, 2, 1)
    return PaddedSequences(array, None)


def _numbers(array: np.ndarray, name: str) -> np.ndarray:
    """Return an array of booleans, integers or floats of 64 bits at most."""
    if array.dtype.kind == "O" and array.ndim:
        for index, value in np.ndenumerate(array):
            if not isinstance(value, numbers.Real | np.bool_):
                raise InputError(
                    f"{name} must hold numbers. Received: {short_repr(value)} in sequence "
                    f"{index[0]}"
                )
        try:
            array = array.astype("float64")
        except OverflowError as error:
            raise InputError(
                f"{name} must lie within the range of float32, ±{LARGEST:.2g}. Received: "
                "a larger integer"
            ) from error
    if array.dtype.kind not in "fiub":
        raise InputError(f"{name} must hold numbers. Received: dtype {array.dtype}")
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        with np.errstate(over="ignore"):
            return array.astype("float64")
    return array


def _stack(sequences: list[Any], name: str, axes: str | None) -> PaddedSequences:
    """Return a list of arrays (steps, channels) as one array, padded where lengths differ."""
    sequences = _align_columns(sequences, name)
    arrays = [
        _read_sequence(sequence, f"{name}[{row}]", axes) for row, sequence in enumerate(sequences)
    ]
    lengths = np.array([len(array) for array in arrays])
    channels = np.array([array.shape[1] for array in arrays])
    if (channels != channels[0]).any():
        row = int(np.flatnonzero(channels != channels[0])[0])
        if axes is None and (lengths == lengths[0]).all():
            raise InputError(
                f"{name} must be a list of arrays (steps, channels). Received: arrays that differ "
                f"in their second axis, {arrays[0].shape} in sequence 0 and {arrays[row].shape} in "
                f'sequence {row}. If they are (channels, steps), set axes = "{CHANNELS_STEPS}".'
            )
        raise InputError(
            f"{name} must have the same channels in every sequence. Received: {channels[0]} in "
            f"sequence 0 and {channels[row]} in sequence {row}"
        )
    if not lengths.all():
        row = int(np.flatnonzero(lengths == 0)[0])
        raise InputError(f"{name} must not be empty. Received: no steps in sequence {row}")
    if not channels[0]:
        raise InputError(f"{name} must not be empty. Received: no channels")
    if (lengths == lengths[0]).all():
        return PaddedSequences(np.stack(arrays), None)
    all_float32 = all(array.dtype == "float32" for array in arrays)
    shape = (len(arrays), int(lengths.max()), int(channels[0]))
    X = np.full(shape, np.nan, dtype="float32" if all_float32 else "float64")
    for row, array in enumerate(arrays):
        X[row, : len(array)] = array
    return PaddedSequences(X, lengths)


def _align_columns(sequences: list[Any], name: str) -> list[Any]:
    """Return data frames with their columns in one order; other sequences unchanged."""
    columns = [list(frame.columns) for frame in sequences if hasattr(frame, "columns")]
    if len(columns) < len(sequences):
        return sequences
    for row, columns_of_row in enumerate(columns):
        if sorted(map(str, columns_of_row)) != sorted(map(str, columns[0])):
            raise InputError(
                f"{name} must have the same columns in every sequence. Received: {columns[0]} in "
                f"sequence 0 and {columns_of_row} in sequence {row}"
            )
    return [frame[columns[0]] for frame in sequences]


def _read_sequence(sequence: Any, name: str, axes: str | None) -> np.ndarray:
    """Return one sequence of a list as (steps, channels)."""
    try:
        array = np.asarray(sequence)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{name} must be an array (steps, channels). Received: {type(sequence).__name__} whose "
            "entries differ in length"
        ) from error
    array = _numbers(array, name)
    if array.ndim == 1:
        return array[:, None]
    if array.ndim != 2:
        raise InputError(
            f"{name} must have rank 2, (steps, channels). Received: shape {array.shape}"
        )
    if axes == CHANNELS_STEPS:
        return array.T
    return array


def _read_lengths(given: Any, count: int, steps: int, suffix: str) -> np.ndarray:
    lengths = read_labels(given, f"lengths{suffix}")
    if lengths.shape != (count,) or lengths.dtype.kind not in "iu":
        raise InputError(
            f"lengths{suffix} must be {count} integers, one per sequence. "
            f"Received: shape {lengths.shape}, dtype {lengths.dtype}"
        )
    if lengths.min() < 1 or lengths.max() > steps:
        raise InputError(
            f"lengths{suffix} must lie between 1 and {steps}, the steps of X{suffix}. "
            f"Received: {lengths.min()} to {lengths.max()}"
        )
    return lengths
