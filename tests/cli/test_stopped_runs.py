"""Runs that are stopped or killed, and the run that continues."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tcn_search.cli.main import main
from tests.cli.processes import command, workers_of


def status_of(study: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["status", study]) == 0
    return capsys.readouterr().out


def _run_until_an_epoch_is_stored(folder: Path) -> subprocess.Popen[str]:
    arguments = "run mine.toml --trials 3 --workers 1 --set training.epochs=150 --set name=long"
    process = subprocess.Popen(
        [sys.executable, "-m", "tcn_search", *arguments.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(folder / "temporary")},
    )
    while not _has_reported_an_epoch(folder / "runs/studies.db") and process.poll() is None:
        time.sleep(0.3)
    assert workers_of(folder)
    return process


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_leaves_a_study_that_continues(
    folder: Path, stop: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "temporary").mkdir()
    process = _run_until_an_epoch_is_stored(folder)
    process.send_signal(stop)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "The same command continues." in out
    assert "Traceback" not in err
    assert not workers_of(folder)
    assert list((folder / "temporary").iterdir()) == []
    status = status_of("long", capsys)
    assert "running" not in status
    assert "1 stale" in status
    assert "1 waiting" in status


def test_a_killed_run_takes_its_workers_along_and_the_next_one_continues(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "temporary").mkdir()
    process = _run_until_an_epoch_is_stored(folder)
    assert "running: trial 0, epoch" in status_of("long", capsys)
    process.kill()
    process.communicate(timeout=60)
    deadline = time.monotonic() + 30
    while workers_of(folder) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not workers_of(folder)
    assert list((folder / "temporary").iterdir()) == []
    options = "--trials 1 --timeout 1s --set training.epochs=150 --set name=long"
    again = command("run", "mine.toml", *options.split())
    assert again.returncode == 0, again.stderr
    status = status_of("long", capsys)
    assert "running" not in status
    assert "1 stale" in status
    assert "1 finished" in status


def _has_reported_an_epoch(database: Path) -> bool:
    if not database.exists():
        return False
    try:
        with sqlite3.connect(database) as connection:
            query = "select count(*) from trial_intermediate_values"
            return bool(connection.execute(query).fetchone()[0])
    except sqlite3.OperationalError:
        return False
