"""Problems of the UCR/UEA archive, read with aeon: from the data directory, from its wheel, or downloaded."""

from __future__ import annotations

import warnings
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tcn_search.errors import InputError
from tcn_search.tasks.download import RemoteFile, data_directory, fetch
from tcn_search.tasks.files import npz
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


def ucr(
    problem: str, validation_fraction: float = 0.2, seed: int = 0, data_dir: str | Path | None = None
) -> Task:
    """The archive's published training and test part; validation is split off the training part.

    Series of different lengths are padded at the end and masked.

    Args:
        data_dir: has ucr/PROBLEM.npz (as a user's own .npz), or ucr/PROBLEM.zip as the archive has it, which
            is downloaded if it is not there and not inside aeon.

    Raises:
        InputError: the problem is not at hand and cannot be downloaded.
    """
    options: dict[str, Any] = {
        "name": problem.lower(),
        "kind": "classification",
        "validation_fraction": validation_fraction,
        "seed": seed,
    }
    placed = data_directory(data_dir) / "ucr" / f"{problem}.npz"
    if placed.is_file():
        return npz(placed, **options)
    parts: dict[str, Any] = {}
    for part in ("train", "test"):
        X, y = _load(problem, part, data_dir)
        parts[f"X_{part}"], parts[f"lengths_{part}"] = _pad(X)
        parts[f"y_{part}"] = _integers_if_they_are(y)
    longest = max(parts["X_train"].shape[1], parts["X_test"].shape[1])
    for part in ("train", "test"):
        X, lengths = parts[f"X_{part}"], parts[f"lengths_{part}"]
        missing = longest - X.shape[1]
        parts[f"X_{part}"] = np.pad(X, ((0, 0), (0, missing), (0, 0)), constant_values=np.nan)
        if (lengths == longest).all():
            parts[f"lengths_{part}"] = None
    return Task.from_arrays(**parts, **options)


def _load(problem: str, part: str, data_dir: str | Path | None) -> tuple[Any, np.ndarray]:
    """Arrays as aeon has them: (n, C, T), or a list of (C, T) where lengths differ."""
    import aeon.datasets

    file = Path(aeon.datasets.__file__).parent / "data" / problem / f"{problem}_{part.upper()}.ts"
    if not file.is_file():
        file = _unpacked(problem, part, data_dir)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return aeon.datasets.load_from_ts_file(str(file))
    except (OSError, ValueError, IndexError) as error:
        raise InputError(f"{file} cannot be read as a problem of the archive: {error}") from error


def _unpacked(problem: str, part: str, data_dir: str | Path | None) -> Path:
    """PROBLEM_TRAIN.ts or PROBLEM_TEST.ts of the archive's .zip, beside it."""
    url = f"https://timeseriesclassification.com/aeon-toolkit/{problem}.zip"
    archive = fetch(RemoteFile(f"ucr/{problem}.zip", (url,)), data_dir, zipfile.is_zipfile)
    name = f"{problem}_{part.upper()}.ts"
    try:
        with zipfile.ZipFile(archive) as opened:
            return Path(opened.extract(name, archive.with_suffix("")))
    except (KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{archive} has no {name} that can be read: {error}") from error


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
