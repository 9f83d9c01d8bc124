"""`tcn-search dashboard`: the address, and one line if it cannot start."""

from __future__ import annotations

import errno
import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest

from tcn_search import Study, Task
from tcn_search.cli.main import main
from tests.conftest import waves

STORAGE = "sqlite:///studies.db"


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Make a storage, and replace the dashboard; return the calls that would start it."""
    monkeypatch.chdir(tmp_path)
    optuna.create_study(storage=STORAGE)
    calls: list[dict[str, Any]] = []
    package = SimpleNamespace(
        __spec__=object(),
        save_note=lambda noted, body: None,
        run_server=lambda storage, **given: calls.append({"storage": storage, **given}),
    )
    monkeypatch.setitem(sys.modules, "optuna_dashboard", package)
    return calls


def test_it_listens_on_loopback(
    calls: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dashboard", "--storage", STORAGE]) == 0
    assert calls[0]["host"] == "127.0.0.1"
    assert calls[0]["port"] == 8080
    assert isinstance(calls[0]["storage"], optuna.storages.InMemoryStorage)  # a copy
    assert capsys.readouterr().out == "http://127.0.0.1:8080  Ctrl-C ends it.\n"


def test_the_page_of_a_study_is_named(
    calls: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    Study("waves", Task.from_arrays(*waves(24)), storage=STORAGE)
    assert main(["dashboard", "waves", "--storage", STORAGE]) == 0
    number = calls[0]["storage"].get_study_id_from_name("waves")
    assert f"http://127.0.0.1:8080/dashboard/studies/{number}  " in capsys.readouterr().out
    assert main(["dashboard", "weaves", "--storage", STORAGE]) == 2
    assert "There is no study 'weaves' in the storage." in capsys.readouterr().err


def test_it_listens_on_a_given_host_and_port(calls: list[dict[str, Any]]) -> None:
    assert main(["dashboard", "--storage", STORAGE, "--host", "0.0.0.0", "--port", "9000"]) == 0
    assert (calls[0]["host"], calls[0]["port"]) == ("0.0.0.0", 9000)


def test_ctrl_c_ends_it(calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*given: Any, **named: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["optuna_dashboard"], "run_server", interrupted)
    assert main(["dashboard", "--storage", STORAGE]) == 130


def test_a_dashboard_that_cannot_start_ends_with_one_line(
    calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def busy(*given: Any, **named: Any) -> None:
        raise OSError(errno.EADDRINUSE, "Address already in use")

    monkeypatch.setattr(sys.modules["optuna_dashboard"], "run_server", busy)
    assert main(["dashboard", "--storage", STORAGE]) == 2
    assert capsys.readouterr().err == (
        "tcn-search dashboard: The dashboard cannot listen on 127.0.0.1:8080: Address already in use. "
        "Give another --port or --host.\n"
    )
    assert main(["dashboard", "--storage", STORAGE, "--port", "0"]) == 2
    assert "--port must be from 1 to 65535. Received: 0" in capsys.readouterr().err
    assert main(["dashboard", "--storage", "sqlite:///none.db"]) == 2
    assert "There is no study storage sqlite:///none.db yet." in capsys.readouterr().err


def test_a_missing_package_names_its_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["dashboard"]) == 2
    assert (
        "The dashboard needs a package: pip install 'tcn-search[dashboard]'"
        in capsys.readouterr().err
    )
