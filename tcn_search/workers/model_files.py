"""Save the model of a job to the first of several files that can be written."""

from __future__ import annotations

from collections.abc import Sequence
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
    *others, last = files
    for file in others:
        with suppress(InputError, OSError):
            return _save(model, file)
    return _save(model, last)


def _save(model: keras.Model, file: Path) -> Path:
    with replacing(file, f"The model cannot be saved as {file}") as part:
        model.save(part)
    return file
