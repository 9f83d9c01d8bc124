"""Names of new studies, and the choice of their storage."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

import tcn_search as ts
from tcn_search.cli.run import _as_toml, _command
from tcn_search.errors import InputError, StorageError
from tcn_search.search.warm_start import WarmStart
from tcn_search.storage.studies import how_to_delete, list_studies
from tcn_search.storage.urls import storage_url
from tcn_search.study.creation import store_study
from tcn_search.study.study_file import parse_change
from tests.conftest import waves

TASK = ts.Task.from_arrays(*waves(24))
HOW = "Give it another one: `name` in the study file, --set name=NAME, or the first argument of Study."
FILES = "A study's name must not end as files do, in .toml, .npz, .csv, .tsv, .gz, .ts, .keras, .txt, .db."


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TCN_SEARCH_STORAGE", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "A study's name must be text that can be a folder's name. Received: ''"),
        (".", "A study's name must be text that can be a folder's name. Received: '.'"),
        ("..", "A study's name must be text that can be a folder's name. Received: '..'"),
        ("a/b", "A study's name must be text that can be a folder's name. Received: 'a/b'"),
        ("a\\b", "A study's name must be text that can be a folder's name. Received: 'a\\\\b'"),
        (3, "A study's name must be text that can be a folder's name. Received: 3"),
        ("studies.db", f"{FILES} Received: 'studies.db'. {HOW}"),
        ("STUDIES.DB-wal", f"A study's name must not begin with studies.db, as the database beside it does. Received: 'STUDIES.DB-wal'. {HOW}"),
        ("own.csv", f"{FILES} Received: 'own.csv'. {HOW}"),
        ("a.toml", f"{FILES} Received: 'a.toml'. {HOW}"),
        ("-x", f"A study's name must not begin with -, as options do. Received: '-x'. {HOW}"),
        (" x", f"A study's name must not begin or end with a space. Received: ' x'. {HOW}"),
        ("a\tb", f"A study's name must have no control characters, nor others that are not printed. Received: 'a\\tb'. {HOW}"),
        ("a\udcff", f"A study's name must have no control characters, nor others that are not printed. Received: 'a\\udcff'. {HOW}"),
        ("é" * 128, f"A study's name must have at most 255 bytes in UTF-8. Received: '{'é' * 128}'. {HOW}"),
    ],
)  # fmt: skip
def test_a_name_that_no_folder_or_no_command_can_have_is_refused(
    name: str, message: str, here: Path
) -> None:
    with pytest.raises(InputError) as error:
        ts.Study(name, TASK)
    assert str(error.value) == message
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("name", ["my study", "a.b", "é" * 127, "1_5", "v2.1", "$(x);&"])
def test_other_names_are_accepted(name: str) -> None:
    assert ts.Study(name, TASK).name == name
    assert ts.load_study(name).name == name


def test_an_existing_study_keeps_its_name() -> None:
    definition = ts.Study("new", TASK).definition
    store_study("old.csv", None, definition, WarmStart())
    assert ts.load_study("old.csv").name == "old.csv"
    assert ts.Study("old.csv", TASK).name == "old.csv"


def test_the_storage_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert storage_url() == "sqlite:///runs/studies.db"
    monkeypatch.setenv("TCN_SEARCH_STORAGE", "sqlite:///else/where.db")
    ts.Study("here", TASK)
    assert Path("else/where.db").is_file()
    assert not Path("runs").exists()
    assert list_studies() == ["here"]
    assert list_studies("sqlite:///runs/studies.db") == []
    assert ts.load_study("here").name == "here"
    monkeypatch.setenv("TCN_SEARCH_STORAGE", "")
    assert storage_url() == "sqlite:///runs/studies.db"
    with pytest.raises(InputError) as error:
        ts.load_study("here")
    assert str(error.value) == (
        "There is no study 'here' in the storage. It has no studies yet. The storage is sqlite:///runs/studies.db."
    )
    with pytest.raises(
        InputError,
        match="^storage must be a database URL such as sqlite:///runs/studies.db. Received: 3$",
    ):
        ts.load_study("here", 3)  # type: ignore[arg-type]


def test_a_password_of_the_environment_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TCN_SEARCH_STORAGE", "postgresql://ann:secret@127.0.0.1:1/x")
    with pytest.raises(StorageError) as error:
        ts.load_study("here")
    assert str(error.value).startswith("The study storage postgresql://ann:***@127.0.0.1:1/x ")
    assert "secret" not in str(error.value)


def test_without_a_password_in_the_url_the_driver_looks_for_one() -> None:
    """PostgreSQL's library reads PGPASSFILE if it is given no password."""
    url = "postgresql+psycopg2://ann@127.0.0.1:1/x"
    sqlalchemy = pytest.importorskip("sqlalchemy")
    assert sqlalchemy.engine.make_url(url).translate_connect_args() == {
        "host": "127.0.0.1", "database": "x", "username": "ann", "port": 1,
    }  # fmt: skip


def test_how_a_study_is_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert how_to_delete("it's", None) == 'tcn_search.delete_study("it\'s")'
    assert how_to_delete("a", "sqlite:///b.db") == "tcn_search.delete_study('a', 'sqlite:///b.db')"
    monkeypatch.setenv("TCN_SEARCH_STORAGE", "sqlite:///b.db")
    assert how_to_delete("a", "sqlite:///b.db") == "tcn_search.delete_study('a')"


@pytest.mark.parametrize("name", ["mine", "my study", "$(x);&", "it's"])
def test_printed_commands_can_be_pasted(name: str) -> None:
    assert shlex.split(_command("best", name, None)) == ["tcn-search", "best", name]
    storage = "sqlite:///a b.db?mode=rw&x=1;y"
    assert shlex.split(_command("best", name, storage)) == [
        "tcn-search",
        "best",
        name,
        "--storage",
        storage,
    ]
    assert (
        _command("best", "mine", "sqlite:///a.db")
        == "tcn-search best mine --storage sqlite:///a.db"
    )
    hidden = _command("best", "mine", "postgresql://ann:secret@host/x?a=1&b=2")
    assert hidden == "tcn-search best mine --storage 'postgresql://ann:***@host/x?***'"


@pytest.mark.parametrize("name", ["a_5", "my study_5", "1_5", 'say "hi"_5', "nan", "é_5"])
def test_a_name_in_set_is_taken_literally(name: str) -> None:
    assert parse_change(f"name={_as_toml(name)}") == ("name", name)


def test_samplers_that_are_no_dotted_path_are_refused() -> None:
    for name in (".", ".foo", "..a", "a..b", "a b.c"):
        with pytest.raises(InputError, match="^sampler must be one of tpe, "):
            ts.SearchSettings(sampler=name)
