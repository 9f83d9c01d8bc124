"""Create a study that must be new, or load one that must exist."""

from __future__ import annotations

from typing import Any

from tcn_search.errors import InputError
from tcn_search.storage.studies import list_studies
from tcn_search.storage.urls import storage_url
from tcn_search.study.study import Study
from tcn_search.tasks.task import Task


def create_study(name: str, task: Task, *, storage: str | None = None, **arguments: Any) -> Study:
    """Create a new study; the arguments are those of `Study`.

    Raises:
        InputError: a study of this name exists, or an argument cannot be used.
    """
    if name in list_studies(storage_url(storage)):
        raise InputError(
            f"There is a study {name!r} already. Use load_study to continue it, or another name."
        )
    return Study(name, task, storage=storage, **arguments)


def load_study(name: str, storage: str | None = None) -> Study:
    """Load an existing study.

    Raises:
        InputError: there is no such study; the error lists the names in the storage.
    """
    return Study(name, storage=storage)
