"""Database servers, as far as no server is needed: connecting, waiting and what errors say."""

from __future__ import annotations

import sqlite3
import sys
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy.exc import OperationalError

from tcn_search import Study, Task, list_studies
from tcn_search.errors import InputError, StorageError
from tcn_search.storage import servers
from tcn_search.storage.connection import cannot_be_used, open_storage
from tcn_search.storage.servers import engine_options, wait_for_restarts
from tcn_search.storage.urls import driver_url
from tests.conftest import waves

URL = "postgresql://ann:secret@127.0.0.1:1/studies"  # nothing listens on port 1
INSTALL = (
    "The study storage postgresql://ann:***@127.0.0.1:1/studies needs the driver psycopg: "
    "pip install 'tcn-search[postgresql]'"
)


@pytest.mark.parametrize(
    ("url", "opened"),
    [
        ("postgresql://ann:a%40b@host:5433/db?x=1", "postgresql+psycopg://ann:a%40b@host:5433/db?x=1"),
        ("postgres://ann@host/db", "postgresql+psycopg://ann@host/db"),
        ("postgresql+psycopg2://ann@host/db", "postgresql+psycopg2://ann@host/db"),
        ("sqlite:///postgresql://x.db", "sqlite:///postgresql://x.db"),
        ("mysql+pymysql://ann@host/db", "mysql+pymysql://ann@host/db"),
    ],
)  # fmt: skip
def test_postgresql_without_a_driver_is_opened_by_psycopg(url: str, opened: str) -> None:
    assert driver_url(url) == opened


def test_options_of_a_url_come_before_the_defaults() -> None:
    options = engine_options("postgresql+psycopg://host/db?connect_timeout=3&keepalives_idle=9")
    assert options["isolation_level"] == "READ COMMITTED"
    assert options["pool_pre_ping"] is True
    assert "connect_timeout" not in options["connect_args"]
    assert "keepalives_idle" not in options["connect_args"]
    assert options["connect_args"]["tcp_user_timeout"] == 60_000
    assert "connect_args" not in engine_options("postgresql+pg8000://host/db")
    assert "isolation_level" not in engine_options("mysql+pymysql://host/db")


def test_a_missing_driver_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    for use in (
        lambda: list_studies(URL),
        lambda: Study("a", Task.from_arrays(*waves(24)), storage=URL),
    ):
        with pytest.raises(StorageError) as caught:
            use()
        assert str(caught.value) == INSTALL


def test_a_server_that_does_not_answer_is_one_line() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StorageError) as caught:
        open_storage(URL)
    assert str(caught.value) == (
        "The study storage postgresql://ann:***@127.0.0.1:1/studies cannot be used: connection to "
        'server at "127.0.0.1", port 1 failed: Connection refused. Check host and port in the URL, '
        "and whether the server runs and lets this machine in."
    )


def test_a_host_that_does_not_exist_is_one_line() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StorageError) as caught:
        open_storage("postgresql://ann:secret@nowhere.invalid/studies")
    text = str(caught.value)
    assert text.startswith(
        "The study storage postgresql://ann:***@nowhere.invalid/studies cannot be used: "
        "failed to resolve host 'nowhere.invalid'"
    )
    assert text.endswith(
        "Check host and port in the URL, and whether the server runs and lets this machine in."
    )
    assert "\n" not in text


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ('FATAL: database "studies" does not exist', "Create the database first, as with `createdb`, or correct its name in the URL."),
        ('FATAL: password authentication failed for user "ann"', "Give user and password in the URL, where @ is written %40 and / is %2F, or the password in the file that PGPASSFILE names."),
        ("fe_sendauth: no password supplied", "Give user and password in the URL, where @ is written %40 and / is %2F, or the password in the file that PGPASSFILE names."),
        ("connection timeout expired", "Check host and port in the URL, and whether the server runs and lets this machine in."),
        ("permission denied for schema public", "The user must be allowed to create tables: GRANT CREATE ON SCHEMA public TO USER."),
        ("cannot execute INSERT in a read-only transaction", "The user may read studies, and may not write them."),
    ],
)  # fmt: skip
def test_errors_of_a_server_say_what_to_do(text: str, advice: str) -> None:
    error = OperationalError("", {}, Exception(f"{text}\nDETAIL: more"))
    assert str(cannot_be_used(URL, error)) == (
        "The study storage postgresql://ann:***@127.0.0.1:1/studies cannot be used: "
        f"{text}. {advice}"
    )


class Away:
    """Stands in for the connection of a dialect: fails a number of times, then connects."""

    def __init__(self, engine: sqlalchemy.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.failures = 0
        self.attempts = 0
        self._connect = engine.dialect.connect
        monkeypatch.setattr(engine.dialect, "connect", self.connect)

    def connect(self, *arguments: Any, **options: Any) -> Any:
        self.attempts += 1
        if self.failures:
            self.failures -= 1
            raise sqlite3.OperationalError("connection refused")
        return self._connect(*arguments, **options)


@pytest.fixture
def engine() -> sqlalchemy.Engine:
    return sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.NullPool)


def test_a_server_that_restarts_is_waited_for(
    engine: sqlalchemy.Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(servers, "_SECONDS_BETWEEN_ATTEMPTS", 0.01)
    away = Away(engine, monkeypatch)
    wait_for_restarts(engine)
    away.failures = 3
    with engine.connect():
        assert away.attempts == 4
    assert caplog.messages == ["The study storage cannot be reached; trying again for 60 seconds."]


def test_after_a_wait_in_vain_each_connection_is_tried_once(
    engine: sqlalchemy.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "_SECONDS_BETWEEN_ATTEMPTS", 0.01)
    monkeypatch.setattr(servers, "RECONNECT_SECONDS", 0.05)
    away = Away(engine, monkeypatch)
    wait_for_restarts(engine)
    away.failures = 10**6
    with pytest.raises(OperationalError):
        engine.connect()
    away.attempts = 0
    with pytest.raises(OperationalError):
        engine.connect()
    assert away.attempts == 1
    away.failures = 0
    engine.connect().close()
    away.failures = 2
    engine.connect().close()


def test_ctrl_c_ends_the_wait_for_good(
    engine: sqlalchemy.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupt)
    away = Away(engine, monkeypatch)
    wait_for_restarts(engine)
    away.failures = 10**6
    with pytest.raises(KeyboardInterrupt):
        engine.connect()
    with pytest.raises(OperationalError):
        engine.connect()


def test_the_representation_of_a_study_holds_no_password() -> None:
    from dataclasses import fields

    from tcn_search.study.handle import StudyHandle

    assert not next(field for field in fields(StudyHandle) if field.name == "url").repr


def test_a_url_of_a_server_is_checked_before_it_connects() -> None:
    with pytest.raises(InputError, match="postgresql://\\*\\*\\* is no database URL"):
        open_storage("postgresql://ann:sec@ret@host/db")
