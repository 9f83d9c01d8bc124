"""Fronts: how the samples of a clip become the steps of a sequence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tcn_search.errors import InputError
from tcn_search.formats.log_mel import BANDS, count_frames, log_mel

FRONTS = ("log_mel", "average", "fold")


def count_steps(samples: int, downsample: int, front: str) -> int:
    """Return the number of steps of a clip; without a spectrum the last may hold fewer samples.

    >>> count_steps(7, 3, "fold"), count_steps(7, 3, "log_mel")
    (3, 3)
    """
    if front == "log_mel":
        return count_frames(samples, downsample)
    return -(-samples // downsample)


def most_samples(steps: int, downsample: int, front: str) -> int:
    """Return the samples of the longest clip that has so many steps.

    >>> most_samples(3, 3, "fold"), most_samples(3, 3, "log_mel")
    (9, 8)
    """
    if front == "log_mel":
        return steps * downsample - 1
    return steps * downsample


def clips_to_steps(
    clips: Sequence[np.ndarray], rate: int, downsample: int, front: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return clips as X (n, T, C) float32, padded with NaN, and the steps of each (n,).

    Each clip's steps come from its own samples alone, whatever clips are beside it.

    Args:
        clips: samples of each clip, (samples,).
        rate: sampling rate in Hz.
        downsample: samples that become one step.
        front: "log_mel" (C = 40), "average" (C = 1) or "fold" (C = downsample).
    """
    lengths = np.array([count_steps(len(clip), downsample, front) for clip in clips])
    channels = {"log_mel": BANDS, "average": 1, "fold": downsample}[front]
    X = np.full((len(clips), lengths.max(), channels), np.nan, dtype="float32")
    for row, (clip, steps) in enumerate(zip(clips, lengths, strict=True)):
        if front == "log_mel":
            X[row, :steps] = log_mel(clip, rate, downsample)
        else:
            X[row, :steps] = _group_samples(clip, steps, downsample, front)
    return X, lengths


def samples_to_steps(X: np.ndarray, rate: int, downsample: int, front: str) -> np.ndarray:
    """Return samples X (n, samples, 1), NaN after the end of a clip, as steps (n, T, C).

    Raises:
        InputError: a clip begins with NaN.
    """
    clips = []
    for number, samples in enumerate(X[:, :, 0]):
        missing = np.isnan(samples)
        if missing.any():
            samples = samples[: missing.argmax()]
        if not len(samples):
            raise InputError(f"Every clip must have samples. Received: none in sequence {number}")
        clips.append(samples.astype("float32"))
    return clips_to_steps(clips, rate, downsample, front)[0]


def _group_samples(clip: np.ndarray, steps: int, downsample: int, front: str) -> np.ndarray:
    """Return a clip as (steps, downsample) for "fold", or the mean of each step (steps, 1)."""
    samples = np.zeros(steps * downsample, dtype="float32")
    samples[: len(clip)] = clip
    grouped = samples.reshape(steps, downsample)
    if front == "fold":
        return grouped
    counts = np.full((steps, 1), downsample)
    counts[-1] = len(clip) - downsample * (steps - 1)
    means: np.ndarray = grouped.sum(axis=1, keepdims=True) / counts
    return means
