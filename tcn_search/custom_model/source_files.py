"""Collect the Python files that another machine needs to import a model function."""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from tcn_search.custom_model.model_function import ModelFunction
from tcn_search.errors import InputError

MOST_BYTES = 10 << 20


def source_files(function: ModelFunction) -> dict[str, bytes]:
    """Return the source files beside a model function, by their path in its folder.

    They are the .py files of the folder and all packages in it, because the function may import
    them. A function of an installed package needs none: the package must be installed on the other
    machine too.

    Raises:
        InputError: the files are larger than `MOST_BYTES` together, or cannot be read.
    """
    folder = Path(function.folder)
    if not function.place or folder in _installed_folders():
        return {}
    files: dict[str, bytes] = {}
    size = 0
    try:
        for file in _python_files(folder, function.place):
            content = file.read_bytes()
            size += len(content)
            if size > MOST_BYTES:
                raise InputError(
                    f"The Python files beside {function} in {folder} are sent to other machines, "
                    f"and have more than {MOST_BYTES >> 20} MiB. Move the function, and the files "
                    "that it imports, to a folder of their own."
                )
            files[file.relative_to(folder).as_posix()] = content
    except OSError as error:
        raise InputError(f"The files of {function} cannot be read: {error}") from error
    return files


def write_source_files(
    files: Mapping[str, bytes], function: ModelFunction, folder: Path
) -> ModelFunction:
    """Write the files of a model function to a folder; return the function as it is found there."""
    if not files:
        return function
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    place = function.place
    if place.endswith(".py"):
        place = str(folder / Path(place).name)
    return replace(function, place=place, folder=str(folder))


def _python_files(folder: Path, place: str) -> Iterator[Path]:
    """Yield the .py files of a folder and of its packages, that of `place` among them."""
    own_package = place.partition(".")[0]  # may be a folder without __init__.py
    for path in sorted(folder.iterdir()):
        if path.suffix == ".py" and path.is_file():
            yield path
        elif path.name == "tcn_search":
            continue  # it is installed on the other machine
        elif (path / "__init__.py").is_file() or (path.name == own_package and path.is_dir()):
            yield from sorted(path.rglob("*.py"))


def _installed_folders() -> set[Path]:
    """Return the folders of the standard library and of installed packages."""
    return {Path(path) for path in sysconfig.get_paths().values()}
