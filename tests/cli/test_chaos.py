"""Processes killed at random moments: recorded trials stay, and the study reaches its end."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from tcn_search import load_study
from tests.cli.processes import workers_of

TRIALS = 12
ROUNDS = 8
RUN = (
    "run mine.toml --workers 2 --set name=chaos --set search.sampler=random "
    f"--set training.learning_rate=0.01 --set training.epochs=15 --trials {TRIALS}"
)


def start(folder: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "TMPDIR": str(folder / "temporary")}
    program = [sys.executable, "-m", "tcn_search", *RUN.split()]
    return subprocess.Popen(
        program, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def ended_trials() -> dict[int, FrozenTrial]:
    states = (TrialState.COMPLETE, TrialState.PRUNED)
    if not Path("runs/studies.db").exists():
        return {}
    storage = "sqlite:///runs/studies.db"
    if "chaos" not in optuna.get_all_study_names(storage):
        return {}
    trials = optuna.load_study(study_name="chaos", storage=storage).get_trials()
    return {trial.number: trial for trial in trials if trial.state in states}


@pytest.mark.slow
def test_a_study_killed_at_random_moments_reaches_its_end(folder: Path) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    (folder / "temporary").mkdir()
    text = (folder / "mine.toml").read_text()
    (folder / "mine.toml").write_text(text.replace("learning_rate = [0.02]\n", ""))
    chance = random.Random(0)
    record: dict[int, FrozenTrial] = {}
    for turn in range(ROUNDS):
        main = start(folder)
        time.sleep(chance.uniform(1, 20))
        workers = workers_of(folder)
        victim = ("main", "a worker", "all")[turn % 3]
        if victim == "a worker" and workers:
            os.kill(int(chance.choice(workers)), signal.SIGKILL)
            time.sleep(chance.uniform(0, 5))
        if victim == "all":
            for worker in workers:
                os.kill(int(worker), signal.SIGKILL)
        main.kill()
        main.communicate(timeout=60)
        now = ended_trials()
        assert {number: now[number] for number in record} == record, "what was recorded has changed"
        record = now
    last = start(folder)
    _, errors = last.communicate(timeout=300)
    assert last.returncode == 0, errors.decode()
    now = ended_trials()
    assert {number: now[number] for number in record} == record
    study = load_study("chaos")
    trials = study.results.records()
    assert study.finished == TRIALS
    assert not any(trial.state in (TrialState.RUNNING, TrialState.WAITING) for trial in trials)
    for trial in trials:
        if trial.state is TrialState.FAIL and trial.suggested and trial.retry_of is None:
            again = [other for other in trials if other.retry_of == trial.number]
            assert len(again) == 1
            # A trial killed while it was sampled has only some of the enqueued parameters.
            kept = {**again[0].enqueued, **again[0].suggested}
            assert trial.suggested.items() <= kept.items()
