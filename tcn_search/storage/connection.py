"""Opening the storage of studies, and errors that never show its password."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from json import JSONDecodeError
from pathlib import Path
from urllib.parse import unquote, unquote_plus

import optuna
import sqlalchemy
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError

from tcn_search.arguments import received
from tcn_search.errors import InputError, first_line
from tcn_search.storage.lease import Lease, LeaseLost
from tcn_search.storage.stored_values import NOT_THERE

DEFAULT_STORAGE = "sqlite:///runs/studies.db"
ENVIRONMENT = "TCN_SEARCH_STORAGE"
STORAGE_ERRORS = (SQLAlchemyError, optuna.exceptions.StorageInternalError)
_PATIENCE = 60.0  # seconds that a write waits for another process to unlock an SQLite file
_OPENINGS = 20  # of a storage whose tables other processes are making at the same time
_BETWEEN_OPENINGS = 0.1  # seconds
_NAMES = sqlalchemy.table("studies", sqlalchemy.column("study_name"))  # as Optuna lays it out
# Where passwords stand: after the user's name, and as values of options, ODBC's among them.
_OF_A_USER = r":/*(?:[^:/\s]+|(?<=://)):"
_OF_AN_OPTION = (
    r"(?:[?&;={]|%3B|%3D|\b)(?:ssl)?(?:password|passwd|passphrase|pwd|secret|token)(?:=|%3D)"
)


def storage_url(url: str | None = None) -> str:
    """Return the database URL that is given, else $TCN_SEARCH_STORAGE, else `sqlite:///runs/studies.db`.

    Raises:
        InputError: something else than a text.
    """
    if url is None:
        return os.environ.get(ENVIRONMENT) or DEFAULT_STORAGE
    if not isinstance(url, str):
        raise InputError(
            f"storage must be a database URL such as {DEFAULT_STORAGE}. Received: {received(url)}"
        )
    return url


def open_storage(url: str | None = None, *, create: bool = False) -> optuna.storages.RDBStorage:
    """The storage behind a database URL; see `storage_url` for the default.

    Args:
        create: make an SQLite file and its folder where there is none.

    Raises:
        InputError: it cannot be opened, or is not there and `create` is False.
    """
    url = _checked(url)
    file = _sqlite_file(url)
    with storage_errors(url):
        if file is not None and not file.exists():
            if not create:
                raise InputError(f"There is no study storage {url} yet. `tcn-search run` makes it.")
            file.parent.mkdir(parents=True, exist_ok=True)
        return _opened(url, {"connect_args": {"timeout": _PATIENCE}} if file is not None else {})


def _opened(url: str, options: dict[str, object]) -> optuna.storages.RDBStorage:
    """Open a storage; again where another process has made a table since this one looked for it."""
    for _ in range(_OPENINGS - 1):
        try:
            return optuna.storages.RDBStorage(url, engine_kwargs=options)
        except STORAGE_ERRORS as error:
            causes = (error, error.__cause__)
            if not any(
                isinstance(one, IntegrityError) or "already exists" in str(one) for one in causes
            ):
                raise
            time.sleep(_BETWEEN_OPENINGS)
    return optuna.storages.RDBStorage(url, engine_kwargs=options)


def _checked(url: str | None) -> str:
    """The URL of a storage that other processes, and the next run, can open too; see `storage_url` for None.

    Raises:
        InputError: it is no URL, or its database is in the memory of this process.
    """
    url = storage_url(url)
    if "://" not in url:
        shown = without_password(url, url) or repr(url)
        raise InputError(
            f"storage must be a database URL such as {DEFAULT_STORAGE}. Received: {shown}"
        )
    with storage_errors(url):
        if not url.isprintable() or "{" in url:  # Optuna fills in what is in braces
            raise ValueError("no character of a URL")
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite" and _is_in_memory(parsed):
            raise InputError(
                f"A study needs a storage that lasts; {without_password(url, url)} is in the memory of one process. "
                f"An example is {DEFAULT_STORAGE}."
            )
    return url


def _is_in_memory(url: sqlalchemy.URL) -> bool:
    """Whether SQLite makes a database of its own for each process that opens the URL."""
    database = url.database or ""
    if database.startswith("file:"):
        options = (url.query.get("mode"), url.query.get("vfs"))
        return ":memory:" in database or options[0] == "memory" or options[1] == "memdb"
    return database in ("", ":memory:")


@contextmanager
def storage_errors(url: str) -> Iterator[None]:
    """Turn whatever a database says into one line without its password.

    What was raised first is not chained to it: its text may hold the password, or part of it.
    """
    shown = without_password(url, url)
    try:
        yield
    except InputError:
        raise
    except JSONDecodeError as error:
        raise _damaged(url, error) from None
    except KeyError as error:
        raise _deleted(error) from None
    except (ArgumentError, ValueError):
        raise InputError(
            f"{shown} is no database URL that can be used; an example is {DEFAULT_STORAGE}."
        ) from None
    except (*STORAGE_ERRORS, OSError, RuntimeError) as error:
        raise cannot_be_used(url, error) from None
    except ImportError as error:
        driver = getattr(error.__cause__ or error, "name", None) or "its database driver"
        raise InputError(
            f"The study storage {shown} needs the Python package {driver}; install it."
        ) from None


def cannot_be_used(url: str, error: Exception) -> InputError:
    """What a database said, in one line without its password."""
    cause = error.__cause__ if isinstance(error, optuna.exceptions.StorageInternalError) else error
    reason = str(getattr(cause, "orig", None) or cause).strip().splitlines()
    text = without_password(reason[0] if reason else type(error).__name__, url)
    return InputError(f"The study storage {without_password(url, url)} cannot be used: {text}")


@contextmanager
def database_errors(url: str | None) -> Iterator[None]:
    """Turn an error of the database into one line that says what becomes of the study.

    A trial that has been ended by somebody else is a lease that was lost. Nothing else is caught.
    """
    try:
        yield
    except optuna.exceptions.UpdateFinishedTrialError:
        raise LeaseLost(
            "Another process runs the study now, and has taken what this one was training."
        ) from None
    except KeyError as error:
        raise _deleted(error) from None
    except STORAGE_ERRORS as error:
        raise InputError(
            f"{cannot_be_used(storage_url(url), error)}. What was finished is kept; when the storage works "
            "again, the same command continues."
        ) from None


class StudyDeleted(InputError):
    """The study is not in the storage any more."""


def _deleted(error: KeyError) -> Exception:
    """What a study that is gone is called; any other KeyError is a fault of ours, and stays."""
    if error.args != (NOT_THERE,):
        return error
    return StudyDeleted("The study is not in the storage any more: it was deleted.")


def _damaged(url: str, error: JSONDecodeError) -> InputError:
    return InputError(
        f"The study storage {without_password(url, url)} is damaged: a stored value is no JSON ({error})."
    )


def without_password(text: str, url: str = "") -> str:
    """Text in which the password of a URL is replaced by three stars, wherever it stands in it.

    Args:
        url: known to stand in the text; its password is replaced in other places too, where it is a word of its own.

    >>> without_password("postgresql://ann:secret@host/db")
    'postgresql://ann:***@host/db'
    >>> without_password("mysql://host/db?user=ann&password=secret&ssl=1")
    'mysql://host/db?user=ann&password=***&ssl=1'
    >>> without_password("postgresql:ann:secret@host/db")
    'postgresql:ann:***@host/db'
    >>> without_password("mssql+pyodbc:///?odbc_connect=UID%3Dann%3BPWD%3Dsecret%3BEncrypt%3Dyes")
    'mssql+pyodbc:///?odbc_connect=UID%3Dann%3BPWD%3D***%3BEncrypt%3Dyes'
    """
    if not url:
        return _masked(text, r"\S")
    parts = text.split(url)
    for secret in sorted(_passwords(url), key=len, reverse=True):
        parts = [re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "***", part) for part in parts]
    return _masked(url, ".").join(_masked(part, r"\S") for part in parts)


def _masked(text: str, character: str) -> str:
    """Passwords told by where they stand. `character`: what they may consist of, as a regular expression."""
    text = re.sub(rf"({_OF_A_USER}){character}*@", r"\1***@", text)
    return re.sub(rf"(?i)({_OF_AN_OPTION})(?:(?!%3B|[&;]){character})*", r"\1***", text)


def _passwords(url: str) -> set[str]:
    """Of a URL, as they stand there and decoded; they may have spaces."""
    found = re.findall(rf"{_OF_A_USER}(.*)@", url)
    found += re.findall(rf"(?i){_OF_AN_OPTION}((?:(?!%3B)[^&;])*)", url)
    return {form for password in found for form in (password, unquote_plus(password)) if form}


def list_studies(url: str | None = None) -> list[str]:
    """Every study in a storage, by name; none where there is no storage yet."""
    if _is_missing(url):
        return []
    storage = open_storage(url)
    with storage_errors(storage.url), storage.engine.connect() as connection:
        return sorted(connection.execute(sqlalchemy.select(_NAMES.c.study_name)).scalars())


def delete_study(name: str, url: str | None = None) -> None:
    """Remove a study with all its trials from a storage. Files under runs/ are left alone.

    Raises:
        InputError: there is no such study, or a process runs it now.
    """
    names = list_studies(url)
    if name not in names:
        raise no_such_study(name, names, url)
    storage = open_storage(url)
    with storage_errors(storage.url):
        lease = Lease(storage, name)
        try:
            lease.take()
            optuna.delete_study(study_name=name, storage=storage)
        except (LookupError, TypeError, AssertionError) as error:
            if error.args == (NOT_THERE,):
                raise
            raise InputError(
                f"The study {name!r} cannot be deleted: its rows are damaged ({first_line(error)})."
            ) from error
        finally:
            lease.let_go()


def no_such_study(name: str, names: list[str], url: str | None) -> InputError:
    """The error for a name that is not in the storage; says which storage that is."""
    there = f"There is: {', '.join(names)}." if names else "There is none yet."
    where = without_password(storage_url(url), storage_url(url))
    return InputError(f"There is no study {name!r} in the storage. {there} The storage is {where}.")


def how_to_delete(name: str, url: str | None) -> str:
    """The call that removes a study, with its storage if that is not the default."""
    same = storage_url(url) == storage_url()
    storage = "" if same else f", {without_password(storage_url(url), storage_url(url))!r}"
    return f"tcn_search.delete_study({name!r}{storage})"


def _is_missing(url: str | None) -> bool:
    url = _checked(url)
    file = _sqlite_file(url)
    with storage_errors(url):
        return file is not None and not file.exists()


def _sqlite_file(url: str) -> Path | None:
    """The file behind an SQLite URL; None behind any other."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return None
    database = parsed.database or ""
    if database.startswith("file:") and "uri" in parsed.query:
        database = unquote(re.sub(r"^file:(//[^/]*(?=/))?", "", database))
    return Path(database)
