"""The copy that the dashboard shows: what it holds, that it follows a run, and that it only reads."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import math
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
import pytest
from matplotlib.figure import Figure

from tcn_search import SearchSettings, SearchSpace, Study, Task, TrainingSettings
from tcn_search.report import dashboard_copy
from tcn_search.report.dashboard_copy import DashboardCopy
from tcn_search.study.results import COMPARISON, StudyResults
from tests.conftest import waves
from tests.evaluation.test_comparison import comparison, run
from tests.study.synthetic import Synthetic

STORAGE = "sqlite:///studies.db"
CHROMIUM = shutil.which("chromium") or ""
has_dashboard = importlib.util.find_spec("optuna_dashboard") is not None
needs_dashboard = pytest.mark.skipif(not has_dashboard, reason="optuna-dashboard is not installed")


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A study with two finished trials, in a working directory of its own."""
    monkeypatch.chdir(tmp_path)
    space = SearchSpace(nb_filters=[4], kernel_size=[2, 3], levels=[4], readout=["last"])
    study = Study(
        "waves",
        Task.from_arrays(*waves(24)),
        space,
        training=TrainingSettings(epochs=2),
        search=SearchSettings(pruner="none", warm_start=False),
        storage=STORAGE,
    )
    study.run(2, executor=Synthetic(), on_progress=lambda progress: None)
    return study


def copied(shown: DashboardCopy, name: str = "waves") -> optuna.Study:
    return optuna.load_study(study_name=name, storage=shown.storage)


def digest() -> str:
    return hashlib.sha256(Path("studies.db").read_bytes()).hexdigest()


@needs_dashboard
def test_the_copy_has_notes_figures_and_readable_attributes(study: Study, tmp_path: Path) -> None:
    from optuna_dashboard import get_note

    before = digest()
    shown = DashboardCopy(STORAGE, tmp_path)
    assert shown.page_of("waves") == "/dashboard/studies/0"
    shown.update_all()
    copy = copied(shown)
    assert [trial.values for trial in copy.trials] == [[score] for score in study.trials()["score"]]
    attributes = copy.trials[0].user_attrs
    assert attributes["status"] == "complete"
    assert attributes["receptive field"] == study.trials()["receptive_field"][0]
    assert not {"architecture", "result"} & set(attributes)
    note = get_note(optuna.Trial(copy, copy.trials[0]._trial_id))
    assert "`TCN(nb_filters=4, " in note
    assert "learning_rate=" in note
    assert "receptive field" in note
    assert "This is a copy." in get_note(copy)
    stored = shown.storage.get_study_system_attrs(0)
    names = {json.loads(text)["filename"] for key, text in stored.items() if "artifacts" in key}
    assert {"history.png", "receptive_field.png", "learning_curves.png"} <= names
    assert digest() == before


@needs_dashboard
def test_the_copy_follows_a_run(study: Study, tmp_path: Path) -> None:
    shown = DashboardCopy(STORAGE, tmp_path)
    source = optuna.load_study(study_name="waves", storage=STORAGE)
    running = source.ask()
    shown.update("waves")
    running.report(0.5, 1)
    running.set_constraint("max_params", 0.25)
    shown.update("waves")
    copy = copied(shown).trials[2]
    assert copy.state is optuna.trial.TrialState.RUNNING
    assert copy.intermediate_values == {1: 0.5}
    assert copy.user_attrs["constraint max_params"] == 0.25
    assert copy.system_attrs["constraints"] == [0.25]
    source.tell(running, state=optuna.trial.TrialState.PRUNED)
    shown.update("waves")
    assert copied(shown).trials[2].state is optuna.trial.TrialState.PRUNED
    study.run(4, executor=Synthetic(), on_progress=lambda progress: None)
    shown.update("waves")
    assert len(copied(shown).trials) == len(study.trials())


@needs_dashboard
def test_figures_are_drawn_again_where_there_are_new_results(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []

    def draw(study: StudyResults) -> dict[str, Figure]:
        drawn.append(study.name)
        return {}

    monkeypatch.setattr(dashboard_copy, "study_figures", draw)
    shown = DashboardCopy(STORAGE, tmp_path)
    shown.update_all()
    shown.update_all()
    assert drawn == ["waves"]
    study.run(3, executor=Synthetic({2: "diverged"}), on_progress=lambda progress: None)
    shown.update_all()
    assert drawn == ["waves"] * 2
    source = optuna.load_study(study_name="waves", storage=STORAGE)
    diverged = run("tcn", 1e-3, 1, math.nan, math.nan)
    source.set_user_attr(COMPARISON, comparison(diverged).to_dict())
    shown.update_all()
    shown.update_all()
    assert drawn == ["waves"] * 3


@needs_dashboard
def test_changes_in_the_dashboard_do_not_reach_the_study(study: Study, tmp_path: Path) -> None:
    shown = DashboardCopy(STORAGE, tmp_path)
    shown.update("waves")
    before = digest()
    shown.storage.delete_study(0)
    assert digest() == before
    assert study.finished == 2


@needs_dashboard
def test_a_study_of_others_is_shown_without_notes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    other = optuna.create_study(study_name="other", storage=STORAGE)
    other.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    shown = DashboardCopy(STORAGE, tmp_path)
    shown.update_all()
    assert len(copied(shown, "other").trials) == 1


@contextmanager
def served(arguments: list[str]) -> Iterator[str]:
    """Run the command; yield the address that it prints, once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tcn_search", "dashboard", *arguments, "--port", str(port)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().split()[0]
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                try:
                    urllib.request.urlopen(address, timeout=30).close()
                    break
                except OSError:
                    time.sleep(0.3)
            yield address
        finally:
            process.terminate()


@pytest.mark.slow
@needs_dashboard
@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
def test_the_dashboard_shows_notes_and_figures_in_a_browser(study: Study) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    pictures = Path(os.environ.get("SCREENSHOTS", "."))
    before = digest()
    with served(["waves", "--storage", STORAGE]) as address, playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1300, "height": 1200})
        failures: list[str] = []
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.set_default_timeout(120_000)  # a busy machine
        page.goto(f"{address}/note", wait_until="commit")
        page.get_by_text("This is a copy.").first.wait_for()
        page.goto(f"{address}/trials?numbers=0", wait_until="commit")
        page.get_by_text("TCN(nb_filters=4").first.wait_for()
        page.get_by_text("receptive field of the output").first.wait_for()
        page.goto(address, wait_until="commit")
        page.locator("img[src*='/artifacts/']").first.wait_for()
        page.screenshot(path=str(pictures / "dashboard.png"), full_page=True)
        assert failures == []
        browser.close()
    assert digest() == before
    assert (pictures / "dashboard.png").stat().st_size > 20_000


def test_one_unreadable_study_is_logged_once(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*given: object) -> None:
        raise ValueError("damaged")

    said: list[str] = []
    monkeypatch.setattr(dashboard_copy, "_CopiedStudy", broken)
    monkeypatch.setattr(
        dashboard_copy.LOGGER, "warning", lambda text, *values: said.append(text % values)
    )
    shown = DashboardCopy(STORAGE, tmp_path)
    shown.update_all()
    shown.update_all()
    assert said == ["The study waves is not shown in full: damaged"]
