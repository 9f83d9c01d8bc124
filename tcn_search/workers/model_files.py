"""Save the model of a job, or its bytes, to the first of several files that can be written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tcn_search.atomic_files import replacing
from tcn_search.errors import InputError

if TYPE_CHECKING:
    import keras


def save_model(model: keras.Model, files: Sequence[Path]) -> Path:
    """Save a model atomically to the first of these files whose disk has room for it.

    Returns:
        The file.

    Raises:
        InputError: no file can be written; names the last one and the reason.
    """
    return _save(model.save, files)


def write_model(content: bytes, files: Sequence[Path]) -> Path:
    """Write the bytes of a model's file, as `save_model` saves a model."""
    return _save(lambda part: part.write_bytes(content), files)


def _save(save: Callable[[Path], object], files: Sequence[Path]) -> Path:
    """Call `save` with the first of these files that it can write."""
    *others, last = files
    for file in others:
        with suppress(InputError, OSError):
            return _save_one(save, file)
    return _save_one(save, last)


def _save_one(save: Callable[[Path], object], file: Path) -> Path:
    with replacing(file, f"The model cannot be saved as {file}") as part:
        save(part)
    return file
