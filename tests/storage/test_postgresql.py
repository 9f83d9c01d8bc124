"""Studies on a PostgreSQL server, which the tests start; see `tests/postgresql.py`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy
from optuna.trial import TrialState

from tcn_search import Study, Task, delete_study, list_studies, load_study
from tcn_search.cli.main import main
from tcn_search.errors import InputError, StorageError
from tcn_search.report.dashboard_copy import DashboardCopy
from tcn_search.storage import connection
from tcn_search.storage.connection import STORAGE_ERRORS, NoStorage, open_storage
from tcn_search.storage.urls import driver_url
from tests.conftest import waves
from tests.postgresql import PASSWORD, Server, close_connections
from tests.study.synthetic import Synthetic

pytestmark = pytest.mark.slow

CREDENTIALS = (
    "Give user and password in the URL, where @ is written %40 and / is %2F, or the password in "
    "the file that PGPASSFILE names."
)


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make(url: str) -> Study:
    return Study("waves", Task.from_arrays(*waves(24)), storage=url)


def run(study: Study, trials: int, executor: Synthetic | None = None) -> None:
    study.run(trials, executor=executor or Synthetic(), on_progress=lambda progress: None)


def shown(url: str) -> str:
    """Return the URL as messages show it."""
    start, _, rest = url.partition("@")
    return f"{start.rpartition(':')[0]}:***@{rest}"


def passwords(text: str, url: str) -> list[str]:
    """Return the forms of the password that are in a text."""
    typed = url.partition("@")[0].rpartition(":")[2]
    return [form for form in (PASSWORD, typed, PASSWORD.split()[1]) if form in text]


def test_what_a_study_does_on_a_file_it_does_on_a_server(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = make(database)
    run(study, 4)
    assert list_studies(database) == ["waves"]
    again = load_study("waves", database)
    assert again.trials().equals(study.trials())
    assert study.finished == 4
    for command in (["status"], ["status", "waves"], ["report", "waves"], ["trials", "waves"]):
        assert main([*command, "--storage", database]) == 0
    printed = capsys.readouterr()
    written = [file.read_text(errors="replace") for file in tmp_path.rglob("*") if file.is_file()]
    for text in (printed.out, printed.err, repr(study._handle), *written):
        assert passwords(text, database) == []
    assert shown(database) in printed.out + "".join(written)
    delete_study("waves", database)
    assert list_studies(database) == []


def test_the_dashboard_copies_a_study_that_runs_elsewhere(database: str, tmp_path: Path) -> None:
    study = make(database)
    run(study, 2)
    copied = DashboardCopy(database, tmp_path)
    copied.update("waves")
    run(study, 4)
    copied.update("waves")
    number = copied.storage.get_study_id_from_name("waves")
    assert len(copied.storage.get_all_trials(number)) == len(study.trials())


def test_values_longer_than_a_varchar_are_stored(database: str) -> None:
    study = make(database)._handle.optuna_study
    for value in ("x" * 1_000_000, "é\0\N{SNOWMAN}\ud800" * 1_000, list(range(100_000))):
        study.set_user_attr("long", value)
        trial = study.ask()
        trial.set_user_attr("long", value)
        study.tell(trial, state=TrialState.FAIL)
        stored = load_study("waves", database)._handle.optuna_study
        assert stored.user_attrs["long"] == value
        assert stored.trials[-1].user_attrs["long"] == value


def test_what_keeps_a_user_out_is_one_line(postgresql: Server, database: str) -> None:
    name = database.rpartition("/")[2]
    wrong = [
        (
            postgresql.url("nothing"),
            'FATAL: database "nothing" does not exist. Create the database first, as with '
            "`createdb`, or correct its name in the URL.",
        ),
        (
            postgresql.url(name, password="wr ong"),
            f'FATAL: password authentication failed for user "ann". {CREDENTIALS}',
        ),
    ]
    server = f'connection to server at "127.0.0.1", port {postgresql.port} failed: '
    for url, reason in wrong:
        for use in (make, list_studies, open_storage):
            with pytest.raises(StorageError) as caught:
                use(url)
            assert (
                str(caught.value)
                == f"The study storage {shown(url)} cannot be used: {server}{reason}"
            )
            assert caught.value.__suppress_context__
    with pytest.raises(StorageError, match=r"no password supplied. Give user and password"):
        list_studies(postgresql.url(name, password=None))


def test_only_a_new_study_makes_tables(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = f"There is no study storage {shown(database)} yet. `tcn-search run` creates it."
    with pytest.raises(NoStorage) as caught:
        open_storage(database)
    assert str(caught.value) == text
    assert list_studies(database) == []
    with pytest.raises(InputError, match="There is no study 'waves' in the storage"):
        load_study("waves", database)
    assert main(["dashboard", "--storage", database]) == 2
    assert capsys.readouterr().err == f"tcn-search dashboard: {text}\n"
    with pytest.raises(NoStorage):
        open_storage(database)
    make(database)
    assert list_studies(database) == ["waves"]


def test_tables_that_another_process_makes_meanwhile(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_before = connection._Storage.__init__
    attempts = []

    def open_a_moment_too_early(storage: connection._Storage, *arguments: Any) -> None:
        attempts.append(arguments)
        try:
            open_before(storage, *arguments)
        except STORAGE_ERRORS:
            if len(attempts) == 1:
                other = optuna.storages.RDBStorage(driver_url(database))  # as another process
                other.engine.dispose()
            raise

    monkeypatch.setattr(connection._Storage, "__init__", open_a_moment_too_early)
    open_storage(database)
    assert len(attempts) == 2


def test_a_user_who_may_only_read_looks_at_studies(postgresql: Server, database: str) -> None:
    name = database.rpartition("/")[2]
    run(make(database), 2)
    postgresql.execute(
        name,
        "CREATE USER bob PASSWORD 'b0b'",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO bob",
    )
    url = postgresql.url(name, "bob", "b0b")
    assert main(["status", "waves", "--storage", url]) == 0
    assert main(["report", "waves", "--storage", url]) == 0
    with pytest.raises(StorageError) as caught:
        delete_study("waves", url)
    assert str(caught.value) == (
        f"The study storage {shown(url)} cannot be used: permission denied for table "
        "study_user_attributes. The user may read studies, and may not write them."
    )
    empty = postgresql.new_database().rpartition("/")[2]
    with pytest.raises(StorageError) as refused:
        make(postgresql.url(empty, "bob", "b0b"))
    assert str(refused.value).endswith(
        "permission denied for schema public. The user must be allowed to create tables: GRANT "
        "CREATE ON SCHEMA public TO USER."
    )


def test_a_storage_is_connected_to_once_in_a_process(database: str) -> None:
    make(database)
    assert open_storage(database) is open_storage(database, create=True)


def test_a_stricter_default_of_the_server_does_not_count(postgresql: Server, database: str) -> None:
    name = database.rpartition("/")[2]
    postgresql.execute(
        name, f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'"
    )
    storage = open_storage(database, create=True)
    with storage.engine.connect() as connection:
        level = connection.execute(sqlalchemy.text("SHOW transaction_isolation")).scalar()
    assert level == "read committed"


def test_a_study_of_a_file_is_copied_to_the_server_and_continued(database: str) -> None:
    file = "sqlite:///runs/studies.db"
    run(make(file), 3)
    program = (
        "import optuna, sys\n"
        "optuna.copy_study(\n"
        "    from_study_name='waves', from_storage=sys.argv[1], to_storage=sys.argv[2]\n"
        ")"
    )
    with_driver = database.replace("postgresql://", "postgresql+psycopg://")
    subprocess.run([sys.executable, "-c", program, file, with_driver], check=True)
    copied = make(database)
    assert copied.trials().equals(make(file).trials())
    run(copied, 6)
    assert copied.finished == 6


def test_the_password_can_be_in_a_file(
    postgresql: Server, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(database)
    name = database.rpartition("/")[2]
    file = tmp_path / "passwords"
    file.write_text(f"127.0.0.1:{postgresql.port}:*:ann:{PASSWORD}\n")
    file.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(file))
    assert list_studies(postgresql.url(name, password=None)) == ["waves"]
    monkeypatch.delenv("PGPASSFILE")
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    close_connections()
    assert list_studies(postgresql.url(name, password=None)) == ["waves"]
