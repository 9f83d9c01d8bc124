"""Opening the storage of studies, and errors that never show its password."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote_plus

import optuna
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from tcn_search.errors import InputError
from tcn_search.study.lease import LeaseLost

DEFAULT_STORAGE = "sqlite:///runs/studies.db"
STORAGE_ERRORS = (SQLAlchemyError, optuna.exceptions.StorageInternalError)
_SQLITE = "sqlite:///"
_PATIENCE = 60.0  # seconds that a write waits for another process to unlock an SQLite file
# Where passwords stand: after the user's name, and as values of options, ODBC's among them.
_OF_A_USER = r":/*(?:[^:/\s]+|(?<=://)):"
_OF_AN_OPTION = r"(?:[?&;={]|%3B|%3D|\b)(?:ssl)?(?:password|passwd|passphrase|pwd|secret|token)(?:=|%3D)"


def open_storage(url: str | None = None, *, create: bool = False) -> optuna.storages.RDBStorage:
    """The storage behind a database URL; the default is `sqlite:///runs/studies.db`, relative to here.

    Args:
        create: make an SQLite file and its folder where there is none.

    Raises:
        InputError: it cannot be opened, or is not there and `create` is False.
    """
    url = url or DEFAULT_STORAGE
    if "://" not in url:
        raise InputError(
            f"storage must be a database URL such as {DEFAULT_STORAGE}. Received: {without_password(url, url)}"
        )
    file = _sqlite_file(url)
    with storage_errors(url):
        if file is not None and not file.exists():
            if not create:
                raise InputError(f"There is no study storage {url} yet. `tcn-search run` makes it.")
            file.parent.mkdir(parents=True, exist_ok=True)
        options = {"connect_args": {"timeout": _PATIENCE}} if file is not None else {}
        return optuna.storages.RDBStorage(url, engine_kwargs=options)


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
    except STORAGE_ERRORS as error:
        raise InputError(
            f"{cannot_be_used(url or DEFAULT_STORAGE, error)}. What was finished is kept; when the storage works "
            "again, the same command continues."
        ) from None


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


def read_trials(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Read every trial of a study; what Optuna has in its cache is not to be changed.

    The garbage collector rests meanwhile: none of the objects is garbage, and to look through those of thousands of
    trials again and again would take as long as reading them.
    """
    is_collecting = gc.isenabled()
    gc.disable()
    try:
        return study.get_trials(deepcopy=False)
    finally:
        if is_collecting:
            gc.enable()


def list_studies(url: str | None = None) -> list[str]:
    """Every study in a storage, by name; none where there is no storage yet."""
    if _is_missing(url):
        return []
    with storage_errors(url or DEFAULT_STORAGE):
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
    file = _sqlite_file(url or DEFAULT_STORAGE)
    return file is not None and not file.exists()


def _sqlite_file(url: str) -> Path | None:
    """The file behind an SQLite URL, whose options begin with "?"."""
    return Path(url.removeprefix(_SQLITE).partition("?")[0]) if url.startswith(_SQLITE) else None
