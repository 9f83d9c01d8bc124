"""A PostgreSQL server for tests: on a free port, in a temporary directory, as a user who is not root."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

USER = "ann"
PASSWORD = "my s3cret@/%"  # with characters that a URL must encode
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "shared_buffers": "16MB",
    "log_min_messages": "fatal",
}


class Server:
    """A server that can be stopped and started again; the constructor creates its files."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._data = folder / "data"
        self._log = folder / "log"
        self._databases = 0
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            user, group = _account()
            os.chown(folder, user, group)
            self._user = {"user": user, "group": group, "extra_groups": []}
        password_file = folder / "password"
        password_file.write_text(PASSWORD)
        password_file.chmod(0o644)
        self._call(
            "initdb",
            *("--no-sync", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256"),
            *("--username", USER, "--pwfile", str(password_file)),
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def start(self) -> None:
        settings = " ".join(f"-c {name}='{value}'" for name, value in SETTINGS.items())
        self._call(
            "pg_ctl",
            "--wait",
            f"--log={self._log}",
            f"--options=-p {self.port} {settings}",
            "start",
        )

    def stop(self) -> None:
        """Stop as an administrator does: connections are ended, transactions are undone."""
        self._call("pg_ctl", "--wait", "--mode=fast", "stop")

    def is_running(self) -> bool:
        """Return whether the server accepts connections."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _call(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._programs / program), "--pgdata", str(self._data), *arguments],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # a pipe would stay open as long as the server runs
            cwd="/",
            **self._user,
        )

    def url(self, database: str, user: str = USER, password: str | None = PASSWORD) -> str:
        login = user if password is None else f"{user}:{quote(password, safe='')}"
        return f"postgresql://{login}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Create a database and return its URL."""
        self._databases += 1
        name = f"studies{self._databases}"
        self.execute("postgres", f"CREATE DATABASE {name}")
        return self.url(name)

    def execute(self, database: str, *statements: str) -> None:
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as opened:
            for statement in statements:
                opened.execute(statement)


def _account() -> tuple[int, int]:
    """Return the numbers of the user postgres and its group, or those of nobody."""
    import pwd

    try:
        account = pwd.getpwnam("postgres")
    except KeyError:
        account = pwd.getpwnam("nobody")
    return account.pw_uid, account.pw_gid


def _programs() -> Path | None:
    """Return the folder of initdb and pg_ctl, which Debian keeps out of the path; newest version."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).parent
    folders = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    versions = sorted((int(file.parts[-3]), file.parent) for file in folders)
    return versions[-1][1] if versions else None


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A server that runs for all tests of this process."""
    if find_spec("psycopg") is None:
        pytest.skip("needs psycopg: pip install 'tcn-search[postgresql]'")
    programs = _programs()
    if programs is None:
        pytest.skip("needs a PostgreSQL server (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="tcn_search_postgresql_"))
    server = Server(programs, folder)
    server.start()
    try:
        yield server
    finally:
        with suppress(subprocess.CalledProcessError):  # a test may have stopped it
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database(postgresql: Server) -> Iterator[str]:
    """The URL of a new, empty database."""
    yield postgresql.new_database()
    close_connections()


def close_connections() -> None:
    """Close the storages on servers that this process has opened, as its end would."""
    from tcn_search.storage import connection

    for storage in connection._SERVERS.values():
        storage.engine.dispose()
    connection._SERVERS.clear()
