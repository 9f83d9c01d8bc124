"""Problems of the UCR/UEA archive, read with aeon: from the data directory, from its wheel, or downloaded."""

from __future__ import annotations

import zipfile
from functools import cache
from pathlib import Path
from typing import Any

from tcn_search.errors import InputError
from tcn_search.formats.download import RemoteFile, data_directory, fetch
from tcn_search.tasks.npz_files import npz
from tcn_search.tasks.tables import ts
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
    problem: str,
    validation_fraction: float = 0.2,
    seed: int = 0,
    data_dir: str | Path | None = None,
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
    train, test = (_file(problem, part, data_dir) for part in ("TRAIN", "TEST"))
    return ts(train, test=test, **options)


def _file(problem: str, part: str, data_dir: str | Path | None) -> Path:
    """PROBLEM_TRAIN.ts or PROBLEM_TEST.ts, out of aeon or unpacked."""
    import aeon.datasets

    file = Path(aeon.datasets.__file__).parent / "data" / problem / f"{problem}_{part}.ts"
    return file if file.is_file() else _unpacked(problem, part, data_dir)


def _unpacked(problem: str, part: str, data_dir: str | Path | None) -> Path:
    """PROBLEM_TRAIN.ts or PROBLEM_TEST.ts of the archive's .zip, beside it."""
    url = f"https://timeseriesclassification.com/aeon-toolkit/{problem}.zip"
    archive = fetch(RemoteFile(f"ucr/{problem}.zip", (url,)), data_dir, zipfile.is_zipfile)
    name = f"{problem}_{part}.ts"
    try:
        with zipfile.ZipFile(archive) as opened:
            return Path(opened.extract(name, archive.with_suffix("")))
    except (KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{archive} has no {name} that can be read: {error}") from error
