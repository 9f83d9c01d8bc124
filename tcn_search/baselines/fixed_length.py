"""Bring sequences of different length, or with missing values, to arrays without gaps."""

from __future__ import annotations

import numpy as np

# Deviation of a constant channel, relative to its values: float32 rounds at 6e-8.
_ROUNDING = 1e-6


def fixed_length(X: np.ndarray) -> np.ndarray:
    """Return sequences (n, T, C) without NaN, each stretched over all T steps.

    A row ends with its last step that is not NaN in every channel. Missing values inside it are
    interpolated linearly, and so is a shorter row: its first and last step become the first and
    last of T. A channel without any value becomes zero.

    >>> rows = np.array([[[0.0], [np.nan], [2.0], [np.nan], [np.nan]]])
    >>> fixed_length(rows).ravel()
    array([0. , 0.5, 1. , 1.5, 2. ], dtype=float32)
    """
    filled = X.astype("float32")
    steps = X.shape[1]
    for row in np.flatnonzero(np.isnan(X).any(axis=(1, 2))):
        valid = ~np.isnan(X[row])  # (T, C)
        present = np.flatnonzero(valid.any(axis=1))
        if not len(present):
            filled[row] = 0.0
            continue
        positions = np.linspace(0, present[-1], steps)
        for channel in range(X.shape[2]):
            known = np.flatnonzero(valid[:, channel])
            values = np.zeros(steps)
            if len(known):
                values = np.interp(positions, known, X[row, known, channel])
            filled[row, :, channel] = values
    return filled


def shortened(X: np.ndarray, most: int) -> np.ndarray:
    """Return sequences (n, T, C) averaged over equal parts of time to at most `most` values each.

    Sequences that are short enough are returned as they are.
    """
    count, steps, channels = X.shape
    if steps * channels <= most:
        return X
    parts = max(1, most // channels)
    length = -(-steps // parts)
    # The last part may be shorter: the last step is repeated to fill it.
    repeated = np.repeat(X[:, -1:], -steps % length, axis=1)
    whole = np.concatenate([X, repeated], axis=1)
    means: np.ndarray = whole.reshape(count, -1, length, channels).mean(axis=2)
    return means


def normalised(X: np.ndarray) -> np.ndarray:
    """Return sequences (n, T, C) with mean 0 and deviation 1 in each channel of each sequence.

    A constant channel becomes zero.

    >>> normalised(np.array([[[1e-9, 5.1], [3e-9, 5.1]]])).round(6).tolist()
    [[[-1.0, 0.0], [1.0, 0.0]]]
    """
    centred = X - X.mean(axis=1, keepdims=True)
    deviation = centred.std(axis=1, keepdims=True)
    is_constant = deviation <= _ROUNDING * np.abs(X).max(axis=1, keepdims=True)
    result = centred / np.where(is_constant, 1.0, deviation)
    return np.where(is_constant, 0.0, result).astype(X.dtype)
