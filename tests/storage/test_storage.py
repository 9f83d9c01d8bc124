"""Storages: which can be used, made by several processes at once, and studies that are deleted."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

from tcn_search import Study, Task, delete_study, list_studies, load_study
from tcn_search.cli.main import main
from tcn_search.errors import (
    InputError,
    LeaseError,
    StorageError,
    StudyDeleted,
    TcnSearchError,
)
from tcn_search.storage.connection import open_storage
from tcn_search.storage.lease import KEY, Lease
from tcn_search.workers.executor import Owner
from tests.conftest import waves
from tests.study.synthetic import Synthetic


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make(name: str = "waves", storage: str | None = None) -> Study:
    return Study(name, Task.from_arrays(*waves(24)), storage=storage)


def run(study: Study, trials: int, executor: Synthetic | None = None) -> None:
    study.run(trials, executor=executor or Synthetic(), on_progress=lambda progress: None)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite+pysqlite://",
        "sqlite+pysqlite:///:memory:",
        "sqlite:///?timeout=3",
        "sqlite:///file::memory:?cache=shared&uri=true",
        "sqlite:///file:shared?mode=memory&cache=shared&uri=true",
        "sqlite:///file:/shared?vfs=memdb&uri=true",
    ],
)
def test_a_storage_in_memory_is_refused(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    message = (
        f"A study needs a storage that lasts; {url} is in the memory of one process. "
        "An example is sqlite:///runs/studies.db."
    )
    for use in (
        lambda: list_studies(url),
        lambda: load_study("waves", url),
        lambda: make(storage=url),
        lambda: delete_study("waves", url),
    ):
        with pytest.raises(InputError) as caught:
            use()
        assert str(caught.value) == message
    for command in ("status", "report", "best", "compare"):
        assert main([command, "waves", "--storage", url]) == 2
        assert capsys.readouterr().err == f"tcn-search {command}: {message}\n"
    assert os.listdir() == []


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "storage must be a database URL such as sqlite:///runs/studies.db. Received: ''"),
        ("nonsense", "storage must be a database URL such as sqlite:///runs/studies.db. Received: nonsense"),
        ("foo://ann:secret@host", "foo://ann:***@host is no database URL that can be used; an example is sqlite:///runs/studies.db."),
        ("postgresql://ann:secret@host:54x/db", "postgresql://*** is no database URL that can be used; an example is sqlite:///runs/studies.db."),
        ("postgresql://ann:sec@ret@host/db", "postgresql://*** is no database URL that can be used; an example is sqlite:///runs/studies.db."),
        ("sqlite:///a{b}.db", "sqlite:///a{b}.db is no database URL that can be used; an example is sqlite:///runs/studies.db."),
    ],
)  # fmt: skip
def test_a_url_that_cannot_be_used_is_an_input_error(url: str, message: str) -> None:
    require_error(url, InputError, message)
    assert os.listdir() == []


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite:///folder", "The study storage sqlite:///folder cannot be used: unable to open database file"),
        ("sqlite:///text.db", "The study storage sqlite:///text.db cannot be used: file is not a database"),
        ("sqlite+aiosqlite:///text.db", "The study storage sqlite+aiosqlite:///text.db needs the Python package aiosqlite; install it."),
        (f"sqlite:///{'n' * 300}", f"The study storage sqlite:///{'n' * 300} cannot be used: [Errno 36] File name too long: '{'n' * 300}'"),
    ],
)  # fmt: skip
def test_a_database_that_cannot_be_opened_is_a_storage_error(url: str, message: str) -> None:
    Path("folder").mkdir()
    Path("text.db").write_text("no database " * 100)
    require_error(url, StorageError, message)
    assert sorted(os.listdir()) == ["folder", "text.db"]


def test_reading_adds_nothing_to_another_program_s_database() -> None:
    with closing(sqlite3.connect("other.db")) as database:
        database.execute("CREATE TABLE sales (day INTEGER)")
        database.commit()
    with pytest.raises(InputError, match="There is no study 'waves' in the storage."):
        load_study("waves", "sqlite:///other.db")
    assert list_studies("sqlite:///other.db") == []
    with closing(sqlite3.connect("other.db")) as database:
        tables = database.execute("SELECT name FROM sqlite_master").fetchall()
    assert tables == [("sales",)]


def require_error(url: str, expected: type[TcnSearchError], message: str) -> None:
    for use in (
        lambda: list_studies(url),
        lambda: make(storage=url),
        lambda: delete_study("waves", url),
    ):
        with pytest.raises(expected) as caught:
            use()
        assert type(caught.value) is expected
        assert str(caught.value) == message
        # The original error is not shown with it, for its text may hold the password.
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_other_ways_to_write_a_file_s_url_find_the_same_studies() -> None:
    make(storage="sqlite:///some.db")
    for url in ("sqlite+pysqlite:///some.db", "sqlite:///file:some.db?uri=true"):
        assert list_studies(url) == ["waves"]


AT_ONCE = """
import sys
import numpy as np, optuna
import tcn_search as ts
optuna.logging.set_verbosity(optuna.logging.ERROR)
task = ts.Task.from_arrays(np.zeros((20, 8, 1)), np.arange(20) % 2)
print("ready", flush=True)
sys.stdin.readline()
ts.Study(sys.argv[1], task)
"""


def make_studies_at_once(names: Sequence[str]) -> None:
    """Let a process for each name make a study, all at the same moment."""
    makers = [
        subprocess.Popen(
            [sys.executable, "-c", AT_ONCE, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in names
    ]
    for maker in makers:
        assert maker.stdout is not None
        assert maker.stdout.readline() == "ready\n"
    for maker in makers:
        assert maker.stdin is not None
        maker.stdin.write("go\n")
        maker.stdin.flush()
    for maker in makers:
        _, errors = maker.communicate(timeout=60)
        assert maker.returncode == 0, errors


def test_studies_that_begin_at_once_on_a_new_storage_are_all_made() -> None:
    names = ["a", "b", "c", "d"]
    make_studies_at_once(names)
    assert list_studies() == names


def test_opening_is_tried_again_where_another_process_makes_the_tables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = optuna.storages.RDBStorage.__init__
    errors = [
        OperationalError("", {}, Exception("table studies already exists")),
        IntegrityError("", {}, Exception("UNIQUE constraint failed: alembic_version.version_num")),
    ]

    def opened(*given: Any, **named: Any) -> None:
        if errors:
            raise errors.pop()
        real(*given, **named)

    monkeypatch.setattr(optuna.storages.RDBStorage, "__init__", opened)
    make()
    assert list_studies() == ["waves"]


def test_a_study_that_runs_is_not_deleted() -> None:
    study = make()
    refused: list[str] = []

    class Meanwhile(Synthetic):
        def run(self, owner: Owner) -> None:
            thread = threading.Thread(target=self._delete)
            thread.start()
            thread.join()
            super().run(owner)

        def _delete(self) -> None:
            with pytest.raises(LeaseError) as caught:
                delete_study("waves")
            refused.append(str(caught.value))

    run(study, 3, Meanwhile())
    assert refused[0].startswith(f"The study 'waves' is in use by process {os.getpid()} on ")
    assert study.finished == 3
    delete_study("waves")
    assert list_studies() == []


def test_the_lease_of_a_dead_process_keeps_no_study(monkeypatch: pytest.MonkeyPatch) -> None:
    make()
    with monkeypatch.context() as as_another:
        as_another.setattr("os.getpid", lambda: 4_000_000)  # above what Linux gives to a process
        Lease(open_storage(), "waves").take()
    delete_study("waves")
    assert list_studies() == []


def test_a_study_that_is_deleted_all_the_same_ends_its_run_in_one_line() -> None:
    study = make()

    class Deletes(Synthetic):
        def _train(self, job, owner):  # type: ignore[no-untyped-def]
            if len(self.jobs) == 2:
                optuna.delete_study(study_name="waves", storage=open_storage())
            return super()._train(job, owner)

    with pytest.raises(StudyDeleted) as caught:
        run(study, 5, Deletes())
    assert str(caught.value) == "The study 'waves' was deleted while it ran."
    with pytest.raises(StudyDeleted) as deleted:
        _ = study.winner
    assert str(deleted.value) == "The study is not in the storage any more: it was deleted."


def test_a_lease_that_cannot_be_read_is_nobody_s() -> None:
    study = make()
    for damaged in ("text", 5, [], {}, {"token": 1}, {"token": "x", "until": "later"}):
        study._handle.optuna_study.set_user_attr(KEY, damaged)
        assert study.results.holder() is None
        run(study, 1)
    assert Lease(open_storage(), "waves").holder() is None
