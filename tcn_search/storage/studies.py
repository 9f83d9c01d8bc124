"""List and delete the studies of a storage."""

from __future__ import annotations

import optuna
import sqlalchemy

from tcn_search.errors import InputError, StorageError, first_line
from tcn_search.storage.connection import NoStorage, open_storage, storage_errors
from tcn_search.storage.lease import Lease
from tcn_search.storage.stored_values import NOT_THERE
from tcn_search.storage.urls import shown_url, storage_url

# Optuna's own list reads the attributes of all studies too, and fails where one is damaged.
_STUDIES = sqlalchemy.table("studies", sqlalchemy.column("study_name"))


def list_studies(url: str | None = None) -> list[str]:
    """Return the names of all studies in a storage, sorted; none if the storage does not exist.

    Raises:
        InputError: the URL cannot be used.
        StorageError: the database cannot be read.
    """
    try:
        storage = open_storage(url)
    except NoStorage:
        return []
    with storage_errors(storage_url(url)), storage.engine.connect() as connection:
        return sorted(connection.execute(sqlalchemy.select(_STUDIES.c.study_name)).scalars())


def delete_study(name: str, url: str | None = None) -> None:
    """Remove a study with all its trials from a storage. Files under runs/ are left alone.

    Raises:
        InputError: there is no such study.
        LeaseError: a process uses the study now.
        StorageError: the database cannot be written, or rows of the study are damaged.
    """
    names = list_studies(url)
    if name not in names:
        raise no_such_study(name, names, url)
    storage = open_storage(url)
    with storage_errors(storage_url(url)):
        lease = Lease(storage, name)
        try:
            lease.take()
            optuna.delete_study(study_name=name, storage=storage)
        except (LookupError, TypeError, AssertionError) as error:
            if error.args == (NOT_THERE,):
                raise
            raise StorageError(
                f"The study {name!r} cannot be deleted: its rows are damaged ({first_line(error)})."
            ) from error
        finally:
            lease.let_go()


def no_such_study(name: str, names: list[str], url: str | None) -> InputError:
    """Return the error for a name that is not among those of a storage."""
    known = "It has no studies yet."
    if names:
        known = f"Its studies: {', '.join(names)}."
    return InputError(
        f"There is no study {name!r} in the storage. {known} "
        f"The storage is {shown_url(storage_url(url))}."
    )


def how_to_delete(name: str, url: str | None) -> str:
    """Return the Python call that removes a study, with its storage unless that is the default.

    >>> how_to_delete("waves", "sqlite:///other.db")
    "tcn_search.delete_study('waves', 'sqlite:///other.db')"
    """
    storage = ""
    if storage_url(url) != storage_url():
        storage = f", {shown_url(storage_url(url))!r}"
    return f"tcn_search.delete_study({name!r}{storage})"
