"""Problems of the UCR/UEA archive, read through aeon (some are inside its wheel, the rest it downloads)."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np

from tcn_search.errors import InputError
from tcn_search.tasks.task import Task


@cache
def problem_names() -> tuple[str, ...]:
    """All problems of the archive that aeon knows, as they are spelled there.

    Raises:
        ImportError: aeon is not installed.
    """
    from aeon.datasets import tsc_datasets

    names = {*tsc_datasets.univariate, *tsc_datasets.multivariate}
    return tuple(sorted(names))


def find_problem(name: str) -> str | None:
    """The archive's spelling of a problem's name, whatever its case, or None."""
    return {known.lower(): known for known in problem_names()}.get(name.lower())


def ucr(problem: str, validation_fraction: float = 0.2, seed: int = 0) -> Task:
    """The archive's published training and test part; validation is split off the training part.

    Raises:
        InputError: the problem is not at hand and cannot be downloaded.
    """
    parts: dict[str, Any] = {}
    for part in ("train", "test"):
        X, y = _load(problem, part)
        parts[f"X_{part}"], parts[f"lengths_{part}"] = _pad(X)
        parts[f"y_{part}"] = _integers_if_they_are(y)
    longest = max(parts["X_train"].shape[1], parts["X_test"].shape[1])
    for part in ("train", "test"):
        X, lengths = parts[f"X_{part}"], parts[f"lengths_{part}"]
        missing = longest - X.shape[1]
        parts[f"X_{part}"] = np.pad(X, ((0, 0), (0, missing), (0, 0)), constant_values=np.nan)
        if (lengths == longest).all():
            parts[f"lengths_{part}"] = None
    return Task.from_arrays(
        **parts,
        name=problem.lower(),
        kind="classification",
        validation_fraction=validation_fraction,
        seed=seed,
    )


def _load(problem: str, part: str) -> tuple[Any, np.ndarray]:
    """aeon's arrays: (n, C, T), or a list of (C, T) where lengths differ."""
    from aeon.datasets import load_classification

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return load_classification(problem, split=part)
    except (OSError, ValueError) as error:
        raise InputError(
            f"The archive's problem {problem} is not inside aeon and could not be downloaded: {error}. "
            "Without a network, place its .npz yourself and give the path as task name."
        ) from error


def _pad(X: Any) -> tuple[np.ndarray, np.ndarray]:
    """(n, T, C) padded at the end with NaN, and each sequence's steps (NaN tails do not count)."""
    longest = max(sequence.shape[1] for sequence in X)
    padded = np.full((len(X), longest, X[0].shape[0]), np.nan, dtype="float32")
    for row, sequence in enumerate(X):
        padded[row, : sequence.shape[1]] = sequence.T
    there = np.logical_not(np.isnan(padded).all(axis=2))
    lengths = np.where(there.any(axis=1), longest - np.argmax(there[:, ::-1], axis=1), 0)
    return padded, lengths


def _integers_if_they_are(labels: np.ndarray) -> np.ndarray:
    """Labels come as strings; numeric ones keep their numeric order (10 after 9)."""
    try:
        return np.array([int(label) for label in labels])
    except ValueError:
        return np.asarray(labels, dtype=str)
