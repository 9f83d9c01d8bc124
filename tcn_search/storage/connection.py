"""Open the storage of studies, and turn the errors of its database into one line each."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from json import JSONDecodeError
from typing import Any

import optuna
import sqlalchemy
from sqlalchemy.exc import (
    ArgumentError,
    IntegrityError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)

from tcn_search.errors import (
    InputError,
    LeaseLost,
    StorageError,
    StudyDeleted,
    TcnSearchError,
)
from tcn_search.storage.servers import advice, engine_options, wait_for_restarts
from tcn_search.storage.stored_values import NOT_THERE
from tcn_search.storage.urls import (
    driver_url,
    not_a_database_url,
    shown_url,
    sqlite_file,
    storage_url,
    usable_url,
    without_password,
)

STORAGE_ERRORS = (SQLAlchemyError, optuna.exceptions.StorageInternalError)
_LOCK_TIMEOUT = 60.0  # seconds that a write waits for another process to unlock an SQLite file
_OPEN_ATTEMPTS = 20  # where other processes create the tables of the storage at the same time
_SECONDS_BETWEEN_ATTEMPTS = 0.1
# Storages on servers that are open, by process and URL: connecting takes many round trips, and a
# process that was forked may not use the connections of its parent.
_SERVERS: dict[tuple[int, str], optuna.storages.RDBStorage] = {}


class NoStorage(InputError):
    """There is no storage with such a URL yet."""


class _Storage(optuna.storages.RDBStorage):
    """Optuna's storage, which closes its connections if it cannot be opened."""

    def __init__(self, url: str, options: dict[str, Any], create: bool) -> None:
        try:
            super().__init__(url, engine_kwargs=dict(options), skip_table_creation=not create)
        except BaseException:
            if hasattr(self, "engine"):
                self.engine.dispose()
            raise


def open_storage(url: str | None = None, *, create: bool = False) -> optuna.storages.RDBStorage:
    """Return the storage behind a database URL.

    Args:
        url: see `storage_url` for None.
        create: create the tables if they do not exist, and an SQLite file and its folder.

    Raises:
        InputError: the URL cannot be used.
        NoStorage: its file or its tables do not exist, and `create` is False.
        StorageError: the database cannot be opened.
    """
    url = usable_url(url)
    file = sqlite_file(url)
    with storage_errors(url):
        if file is None:
            return _server_storage(url, create)
        if not file.exists():
            if not create:
                raise _no_storage(url)
            file.parent.mkdir(parents=True, exist_ok=True)
        return _opened(url, {"connect_args": {"timeout": _LOCK_TIMEOUT}}, create)


def _server_storage(url: str, create: bool) -> optuna.storages.RDBStorage:
    """Open a storage on a server, once in each process."""
    key = os.getpid(), url
    if key in _SERVERS:
        return _SERVERS[key]
    storage = _opened(url, engine_options(driver_url(url)), create)
    wait_for_restarts(storage.engine)
    _SERVERS[key] = storage
    return storage


def _has_tables(url: str, options: dict[str, Any]) -> bool:
    engine = sqlalchemy.create_engine(url, **options)
    try:
        return sqlalchemy.inspect(engine).has_table("studies")
    finally:
        engine.dispose()


def _no_storage(url: str) -> NoStorage:
    return NoStorage(
        f"There is no study storage {shown_url(url)} yet. `tcn-search run` creates it."
    )


def _opened(url: str, options: dict[str, Any], create: bool) -> optuna.storages.RDBStorage:
    """Open a storage; try again where another process creates the tables at the same time.

    Args:
        create: create the tables if they do not exist, for which each one is looked for.

    Raises:
        NoStorage: the tables do not exist, and `create` is False.
    """
    with_driver = driver_url(url)
    for _ in range(_OPEN_ATTEMPTS - 1):
        try:
            return _Storage(with_driver, options, create)
        except STORAGE_ERRORS as error:
            if _lacks_a_table(error):
                if not _has_tables(with_driver, options):
                    raise _no_storage(url) from None
            elif not _is_creation_race(error):
                raise
            time.sleep(_SECONDS_BETWEEN_ATTEMPTS)
    return _Storage(with_driver, options, create)


def _lacks_a_table(error: Exception) -> bool:
    """Return whether a database had no such table when it was asked."""
    cause = error.__cause__
    if isinstance(cause, OperationalError):  # of SQLite
        return "no such table" in str(cause)
    return isinstance(cause, ProgrammingError) and "does not exist" in str(cause)


def _is_creation_race(error: Exception) -> bool:
    """Return whether a table could not be created because another process has just created it."""
    return any(
        isinstance(cause, IntegrityError) or "already exists" in str(cause)
        for cause in (error, error.__cause__)
    )


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Hide the information that Optuna logs; a level that the user has set is kept elsewhere."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(before, optuna.logging.WARNING))
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


@contextmanager
def storage_errors(url: str) -> Iterator[None]:
    """Turn any error of a database into one line without its password.

    The original error is not chained to it: its text may hold the password, or part of it.

    Raises:
        InputError: the database has no such URL.
        StorageError: the database cannot be opened, read or written, or the study was deleted.
    """
    try:
        yield
    except TcnSearchError:
        raise
    except JSONDecodeError as error:
        raise StorageError(
            f"The study storage {shown_url(url)} is damaged: a stored value is no JSON ({error})."
        ) from None
    except KeyError as error:
        raise _deletion_or(error) from None
    except (ArgumentError, ValueError):
        raise not_a_database_url(url) from None
    except (*STORAGE_ERRORS, OSError, RuntimeError) as error:
        raise cannot_be_used(url, error) from None
    except ImportError as error:
        raise StorageError(
            f"The study storage {shown_url(url)} needs {_what_to_install(url, error)}"
        ) from None


def cannot_be_used(url: str, error: Exception) -> StorageError:
    """Return the exception for an error of the database: one line without its password."""
    reason = _reason(url, error)
    text = f"The study storage {shown_url(url)} cannot be used: {reason}"
    what_to_do = advice(reason)
    if what_to_do:
        text += f". {what_to_do}."
    return StorageError(text)


def _reason(url: str, error: Exception) -> str:
    """Return the first line of a database's or driver's text, without passwords."""
    cause: object = error
    if isinstance(error, optuna.exceptions.StorageInternalError):
        cause = error.__cause__
    original = getattr(cause, "orig", None) or cause
    lines = str(original).strip().splitlines() or [type(error).__name__]
    line = " ".join(lines[0].removeprefix("connection failed: ").split())
    return without_password(line, url)


def _what_to_install(url: str, error: ImportError) -> str:
    if driver_url(url).startswith("postgresql+psycopg://"):
        return "the driver psycopg: pip install 'tcn-search[postgresql]'"
    driver = getattr(error.__cause__ or error, "name", None) or "its database driver"
    return f"the Python package {driver}; install it."


@contextmanager
def database_errors(url: str | None) -> Iterator[None]:
    """Turn a database error during a run into one line that says what happens to the study.

    Raises:
        LeaseLost: another process has ended a trial of this one.
        StudyDeleted: the study is no longer in the storage.
        StorageError: the database cannot be read or written.
    """
    try:
        yield
    except optuna.exceptions.UpdateFinishedTrialError:
        raise LeaseLost(
            "Another process runs the study now, and has taken over the trials in training here."
        ) from None
    except KeyError as error:
        raise _deletion_or(error) from None
    except STORAGE_ERRORS as error:
        text = str(cannot_be_used(storage_url(url), error)).rstrip(".")
        raise StorageError(
            f"{text}. What was finished is kept; when the storage works again, the same command "
            "continues."
        ) from None


def _deletion_or(error: KeyError) -> Exception:
    """Return `StudyDeleted` for Optuna's error about a deleted study, else the error itself."""
    if error.args != (NOT_THERE,):
        return error
    return StudyDeleted("The study is not in the storage any more: it was deleted.")
