"""Database URLs of studies: the default, which ones can be used, and how they are shown.

No text that is shown holds a password.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote

import sqlalchemy
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from tcn_search.arguments import received
from tcn_search.errors import InputError

DEFAULT_STORAGE = "sqlite:///runs/studies.db"
ENVIRONMENT = "TCN_SEARCH_STORAGE"
HIDDEN = "***"  # as SQLAlchemy writes it in place of a password
# Drivers of plain SQLite files: options in their URLs say how to open the file and hold no secret.
_FILE_DRIVERS = ("sqlite", "sqlite+pysqlite")


def storage_url(url: str | None = None) -> str:
    """Return the given database URL, else $TCN_SEARCH_STORAGE, else `sqlite:///runs/studies.db`.

    Raises:
        InputError: `url` is no text.
    """
    if url is None:
        return os.environ.get(ENVIRONMENT) or DEFAULT_STORAGE
    if not isinstance(url, str):
        raise InputError(
            f"storage must be a database URL such as {DEFAULT_STORAGE}. Received: {received(url)}"
        )
    return url


def usable_url(url: str | None) -> str:
    """Return the URL of a storage that other processes, and the next run, can open too.

    Args:
        url: see `storage_url` for None.

    Raises:
        InputError: the text is no URL, or its database is in the memory of this process.
    """
    url = storage_url(url)
    if "://" not in url:
        raise InputError(
            f"storage must be a database URL such as {DEFAULT_STORAGE}. "
            f"Received: {shown_url(url) or repr(url)}"
        )
    parsed = _parsed(url)
    # Optuna replaces names in braces. An unescaped @ of a password ends up in the host.
    if parsed is None or not url.isprintable() or "{" in url or "@" in (parsed.host or ""):
        raise not_a_database_url(url)
    if parsed.get_backend_name() == "sqlite" and _is_in_memory(parsed):
        raise InputError(
            f"A study needs a storage that lasts; {shown_url(url)} is in the memory of one "
            f"process. An example is {DEFAULT_STORAGE}."
        )
    return url


def driver_url(url: str) -> str:
    """Return a URL with the driver that opens it: psycopg 3 for PostgreSQL, unless it names one.

    >>> driver_url("postgresql://ann@host/studies")
    'postgresql+psycopg://ann@host/studies'
    """
    return re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url)


def not_a_database_url(url: str) -> InputError:
    """Return the error for a URL that SQLAlchemy or Optuna cannot use."""
    return InputError(
        f"{shown_url(url)} is no database URL that can be used; an example is {DEFAULT_STORAGE}."
    )


def sqlite_file(url: str) -> Path | None:
    """Return the file behind an SQLite URL; None for any other database."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return None
    database = parsed.database or ""
    if database.startswith("file:") and "uri" in parsed.query:
        database = unquote(re.sub(r"^file:(//[^/]*(?=/))?", "", database))
    return Path(database)


def shown_url(url: str) -> str:
    """Return a URL without its password and, for servers, without the values of its options.

    Options may hold passwords under any name, and a driver's text in its own syntax, so they are
    dropped; `?***` says that there were some. A URL that SQLAlchemy cannot parse is shown up to
    its first colon.

    >>> shown_url("postgresql://ann:secret@host/db?sslpassword=other")
    'postgresql://ann:***@host/db?***'
    >>> shown_url("sqlite:///file:runs/studies.db?mode=rw&uri=true")
    'sqlite:///file:runs/studies.db?mode=rw&uri=true'
    >>> shown_url("postgresql:ann:secret@host/db")
    'postgresql:***'
    """
    parsed = _parsed(url)
    if parsed is None:
        return _start_of(url)
    if parsed.drivername in _FILE_DRIVERS and parsed.password is None:
        return url  # SQLAlchemy would percent-encode the file's name
    if "@" in (parsed.host or "") or "@" in (parsed.database or ""):
        # An @ of the password that is not written %40: the rest of the password is in there.
        return _start_of(url)
    options = f"?{HIDDEN}" if "?" in url else ""
    return parsed.set(query={}).render_as_string(hide_password=True) + options


def without_password(text: str, url: str) -> str:
    """Return a text, such as a driver's error, with three stars for the secrets of a URL.

    Args:
        url: of a storage that has been opened. Its password and the values of its options are
            replaced as typed, decoded and percent-encoded, where they stand as whole words: a
            password "a" must not change every letter a. The URL itself becomes `shown_url`.

    >>> without_password("wrong: my secret", "postgresql://ann:my%20secret@host/db")
    'wrong: ***'
    """
    parts = text.split(url)
    for secret in sorted(_secrets(url), key=len, reverse=True):
        parts = [re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", HIDDEN, part) for part in parts]
    return shown_url(url).join(parts)


def _parsed(url: str) -> sqlalchemy.URL | None:
    """Return a URL as parsed by SQLAlchemy; None if it cannot be parsed or rendered."""
    try:
        parsed = make_url(url)
        parsed.render_as_string()  # fails for characters that UTF-8 cannot encode
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        return None
    return parsed


def _start_of(url: str) -> str:
    """Return the start of a URL that cannot be parsed, up to where a password may begin."""
    start = re.match(r"[\w+.-]*:(//)?", url)
    if start is not None:
        return f"{start[0]}{HIDDEN}"
    if any(character in url for character in "@:=;?&"):
        return HIDDEN
    return url


def _secrets(url: str) -> set[str]:
    """Return password and option values of a URL, in each form in which a text may quote them."""
    parsed = _parsed(url)
    if parsed is None:
        return set()
    secrets = set()
    if parsed.password:
        typed = url.partition("://")[2].partition(":")[2].partition("@")[0]
        secrets |= {typed, str(parsed.password)}
    if parsed.drivername not in _FILE_DRIVERS:
        for values in parsed.normalized_query.values():
            for value in values:
                # ODBC has options of its own in one value: UID=ann;PWD={secret}.
                settings = [setting.partition("=")[2] for setting in value.split(";")]
                secrets |= {value, *(setting.strip("{}") for setting in settings)}
    encoded = {encode(secret) for secret in secrets for encode in (quote, quote_plus)}
    return {secret for secret in secrets | encoded if secret}


def _is_in_memory(url: sqlalchemy.URL) -> bool:
    """Return whether SQLite creates a separate database for each process that opens the URL."""
    database = url.database or ""
    if not database.startswith("file:"):
        return database in ("", ":memory:")
    return (
        ":memory:" in database
        or url.query.get("mode") == "memory"
        or url.query.get("vfs") == "memdb"
    )
