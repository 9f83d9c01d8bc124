"""Problems of the UCR/UEA archive: from the data directory, from aeon, or downloaded."""

from __future__ import annotations

import zipfile
from functools import cache
from pathlib import Path
from typing import Any

from tcn_search.archives import open_archive
from tcn_search.formats.download import RemoteFile, data_directory, fetch
from tcn_search.tasks.npz_files import npz
from tcn_search.tasks.tables import ts
from tcn_search.tasks.task import Task


@cache
def problem_names() -> tuple[str, ...]:
    """Return all problems of the archive that aeon knows, in the archive's spelling.

    Raises:
        ImportError: aeon is not installed.
    """
    from aeon.datasets import tsc_datasets

    names = {*tsc_datasets.univariate, *tsc_datasets.multivariate}
    return tuple(sorted(names))


def find_problem(name: str) -> str | None:
    """Return the archive's spelling of a problem's name in any case, or None."""
    return {known.lower(): known for known in problem_names()}.get(name.lower())


def ucr(
    problem: str,
    validation_fraction: float = 0.2,
    seed: int = 0,
    data_dir: str | Path | None = None,
) -> Task:
    """Load the published training and test split; validation is taken from the training split.

    Series of different lengths are padded at the end and masked.

    Args:
        problem: name in the archive's spelling.
        validation_fraction, seed: as in `Task.from_arrays`.
        data_dir: folder with ucr/PROBLEM.npz (as a user's own .npz), or ucr/PROBLEM.zip as the
            archive has it, which is downloaded if it is neither there nor inside aeon.

    Raises:
        InputError: the problem is neither in the folder nor in aeon, and cannot be downloaded.
    """
    options: dict[str, Any] = {
        "name": problem.lower(),
        "kind": "classification",
        "validation_fraction": validation_fraction,
        "seed": seed,
    }
    arrays = data_directory(data_dir) / "ucr" / f"{problem}.npz"
    if arrays.is_file():
        return npz(arrays, **options)
    train = _find(problem, "TRAIN", data_dir)
    test = _find(problem, "TEST", data_dir)
    return ts(train, test=test, **options)


def _find(problem: str, split: str, data_dir: str | Path | None) -> Path:
    """Return the path of PROBLEM_TRAIN.ts or PROBLEM_TEST.ts, inside aeon or unpacked."""
    import aeon.datasets

    file = Path(aeon.datasets.__file__).parent / "data" / problem / f"{problem}_{split}.ts"
    if file.is_file():
        return file
    return _unpack(problem, split, data_dir)


def _unpack(problem: str, split: str, data_dir: str | Path | None) -> Path:
    """Unpack PROBLEM_TRAIN.ts or PROBLEM_TEST.ts from the archive's .zip into the same folder."""
    url = f"https://timeseriesclassification.com/aeon-toolkit/{problem}.zip"
    archive = fetch(RemoteFile(f"ucr/{problem}.zip", (url,)), data_dir, zipfile.is_zipfile)
    name = f"{problem}_{split}.ts"
    with open_archive(archive) as opened:
        return Path(opened.extract(name, archive.with_suffix("")))
