"""Database servers that hold studies: how to connect to them, and what to do about their errors."""

from __future__ import annotations

import re
import threading
import time
from typing import Any

import sqlalchemy
from sqlalchemy.engine import make_url

from tcn_search.logs import LOGGER

RECONNECT_SECONDS = 60.0  # a server that has been reached before may be away for that long
_SECONDS_BETWEEN_ATTEMPTS = 1.0
# Drivers that hand these options on to PostgreSQL's library libpq.
_LIBPQ_DRIVERS = ("postgresql+psycopg", "postgresql+psycopg2")
_LIBPQ_OPTIONS = {
    "fallback_application_name": "tcn-search",
    "connect_timeout": 10,
    # A host that vanished is noticed after a minute, not after the two hours of the system.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
# What to do, by a pattern of the server's or the driver's text.
_ADVICE = {
    r"database .* does not exist": (
        "Create the database first, as with `createdb`, or correct its name in the URL"
    ),
    r"password authentication failed|no password supplied": (
        "Give user and password in the URL, where @ is written %40 and / is %2F, or the password "
        "in the file that PGPASSFILE names"
    ),
    r"refused|timeout expired|timed out|resolve|No route to host|Network is unreachable": (
        "Check host and port in the URL, and whether the server runs and lets this machine in"
    ),
    r"permission denied for schema": (
        "The user must be allowed to create tables: GRANT CREATE ON SCHEMA public TO USER"
    ),
    r"permission denied for (table|sequence)|read-only transaction": (
        "The user may read studies, and may not write them"
    ),
}


def engine_options(url: str) -> dict[str, Any]:
    """Return SQLAlchemy's options for a server. Options in the URL come before those.

    Args:
        url: with its driver, as `driver_url` returns it.
    """
    parsed = make_url(url)
    # A process uses two connections: the run, and the thread that renews its lease.
    options: dict[str, Any] = {"pool_pre_ping": True, "pool_size": 2}
    if parsed.get_backend_name() == "postgresql":
        # The lease is swapped by an update that waits for others and looks at the row again. A
        # server whose default is stricter would end it with an error.
        options["isolation_level"] = "READ COMMITTED"
    if parsed.drivername in _LIBPQ_DRIVERS:
        options["connect_args"] = {
            name: value for name, value in _LIBPQ_OPTIONS.items() if name not in parsed.query
        }
    return options


def wait_for_restarts(engine: sqlalchemy.Engine) -> None:
    """Let an engine that has connected before wait while its server restarts.

    New connections are tried for `RECONNECT_SECONDS`. After a wait in vain, or one that Ctrl-C has
    ended, they are tried once each, until one succeeds.
    """
    lock = threading.Lock()
    is_away = False

    def connect(dialect: Any, record: Any, arguments: list[Any], options: dict[str, Any]) -> Any:
        nonlocal is_away
        with lock:
            end = time.monotonic()
            if not is_away:
                end += RECONNECT_SECONDS
            while True:
                try:
                    connection = dialect.connect(*arguments, **options)
                except dialect.loaded_dbapi.OperationalError:
                    if time.monotonic() >= end:
                        raise
                else:
                    is_away = False
                    return connection
                if not is_away:
                    LOGGER.warning(
                        "The study storage cannot be reached; trying again for %.0f seconds.",
                        RECONNECT_SECONDS,
                    )
                is_away = True
                time.sleep(_SECONDS_BETWEEN_ATTEMPTS)

    sqlalchemy.event.listen(engine, "do_connect", connect)


def advice(reason: str) -> str:
    """Return what to do about an error of a server, without a full stop; "" if that is unknown."""
    for pattern, what_to_do in _ADVICE.items():
        if re.search(pattern, reason):
            return what_to_do
    return ""
