"""Opening the storage of studies, and errors that never show its password."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from tcn_search.errors import InputError

DEFAULT_STORAGE = "sqlite:///runs/studies.db"
_SQLITE = "sqlite:///"


def open_storage(url: str | None = None, *, create: bool = False) -> optuna.storages.BaseStorage:
    """The storage behind a database URL; the default is `sqlite:///runs/studies.db`, relative to here.

    Args:
        create: make an SQLite file and its folder where there is none.

    Raises:
        InputError: it cannot be opened, or is not there and `create` is False.
    """
    url = url or DEFAULT_STORAGE
    if "://" not in url:
        raise InputError(
            f"storage must be a database URL such as {DEFAULT_STORAGE}. Received: {without_password(url)}"
        )
    file = Path(url.removeprefix(_SQLITE)) if url.startswith(_SQLITE) else None
    with storage_errors(url):
        if file is not None and not file.exists():
            if not create:
                raise InputError(f"There is no study storage {url} yet. `tcn-search run` makes it.")
            file.parent.mkdir(parents=True, exist_ok=True)
        return optuna.storages.RDBStorage(url)


@contextmanager
def storage_errors(url: str) -> Iterator[None]:
    """Turn whatever a database says into one line without its password."""
    shown = without_password(url)
    try:
        yield
    except ArgumentError as error:
        raise InputError(
            f"{shown} is no database URL that can be used; an example is {DEFAULT_STORAGE}."
        ) from error
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError, OSError, RuntimeError) as error:
        cause = error.__cause__ if isinstance(error, optuna.exceptions.StorageInternalError) else error
        reason = str(getattr(cause, "orig", None) or cause).strip().splitlines()
        text = without_password(reason[0] if reason else type(error).__name__)
        raise InputError(f"The study storage {shown} cannot be used: {text}") from error
    except ImportError as error:
        driver = getattr(error.__cause__ or error, "name", None) or "its database driver"
        raise InputError(
            f"The study storage {shown} needs the Python package {driver}; install it."
        ) from error


def without_password(text: str) -> str:
    """Text in which the password of every URL is replaced by three stars.

    >>> without_password("postgresql://ann:secret@host/db")
    'postgresql://ann:***@host/db'
    """
    return re.sub(r"(://[^:/@\s]*):[^@\s]*@", r"\1:***@", text)


def list_studies(url: str | None = None) -> list[str]:
    """Every study in a storage, by name; none where there is no storage yet."""
    if _is_missing(url):
        return []
    return sorted(optuna.get_all_study_names(storage=open_storage(url)))


def delete_study(name: str, url: str | None = None) -> None:
    """Remove a study with all its trials from a storage. Files under runs/ are left alone.

    Raises:
        InputError: there is no such study.
    """
    names = list_studies(url)
    if name not in names:
        raise no_such_study(name, names)
    optuna.delete_study(study_name=name, storage=open_storage(url))


def no_such_study(name: str, names: list[str]) -> InputError:
    """The error for a name that is not in the storage."""
    there = f"There is: {', '.join(names)}." if names else "There is none yet."
    return InputError(f"There is no study {name!r} in the storage. {there}")


def _is_missing(url: str | None) -> bool:
    url = url or DEFAULT_STORAGE
    return url.startswith(_SQLITE) and not Path(url.removeprefix(_SQLITE)).exists()
