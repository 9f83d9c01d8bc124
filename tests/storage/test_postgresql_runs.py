"""Runs on a PostgreSQL server: several processes, and a server that goes away."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from optuna.trial import TrialState

from tcn_search import SearchSettings, Study, Task, list_studies, load_study
from tcn_search.errors import StorageError
from tcn_search.storage import servers
from tcn_search.workers.executor import Owner
from tcn_search.workers.process_executor import ProcessExecutor
from tcn_search.workers.slots import WorkerSlot
from tcn_search.workers.trial import TrialJob, TrialOutcome
from tests.conftest import waves
from tests.postgresql import Server, close_connections
from tests.storage.test_postgresql import make, passwords, run, shown
from tests.storage.test_storage import make_studies_at_once
from tests.study.synthetic import Synthetic

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_studies_that_begin_at_once_in_a_new_database_are_all_made(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TCN_SEARCH_STORAGE", database)
    names = list("abcdefgh")
    make_studies_at_once(names)
    assert list_studies() == names


class Stopping(Synthetic):
    """Stops the server in the third trial, after its first epoch, and may start it again."""

    def __init__(self, server: Server, seconds: float | None) -> None:
        super().__init__()
        self._server = server
        self._seconds = seconds
        self._is_stopped = False

    def _train(self, job: TrialJob, owner: Owner) -> TrialOutcome:
        if len(self.jobs) == 3 and not self._is_stopped:
            self._is_stopped = True
            self._server.stop()
            if self._seconds is not None:
                threading.Timer(self._seconds, self._server.start).start()
        return super()._train(job, owner)


@pytest.fixture
def restarted(postgresql: Server) -> Iterator[Server]:
    """The server, which runs again after the test."""
    yield postgresql
    deadline = time.monotonic() + 10
    while not postgresql.is_running() and time.monotonic() < deadline:
        time.sleep(0.1)
    if not postgresql.is_running():
        postgresql.start()


def test_a_run_waits_while_the_server_restarts(
    restarted: Server, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    nothing_pruned = SearchSettings(pruner="none")
    study = Study("waves", Task.from_arrays(*waves(24)), search=nothing_pruned, storage=database)
    run(study, 6, Stopping(restarted, seconds=1.5))
    assert "The study storage cannot be reached; trying again for 60 seconds." in caplog.messages
    records = study.results.records()
    assert [record.status for record in records] == ["complete"] * 6


def test_a_server_that_stays_away_ends_the_run_and_the_same_call_continues(
    restarted: Server, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "RECONNECT_SECONDS", 0.5)
    study = make(database)
    with pytest.raises(StorageError) as caught:
        run(study, 6, Stopping(restarted, seconds=None))
    text = str(caught.value)
    assert text.startswith(f"The study storage {shown(database)} cannot be used: ")
    assert text.endswith(
        "What was finished is kept; when the storage works again, the same command continues."
    )
    assert passwords(text, database) == []
    assert caught.value.__suppress_context__
    restarted.start()
    close_connections()  # as the end of the process would
    again = make(database)
    assert again.finished == 2
    run(again, 6)
    trials = again.results.records()
    assert again.finished == 6
    assert sum(trial.state is TrialState.FAIL for trial in trials) == 1  # the one in training
    assert not any(trial.state in (TrialState.RUNNING, TrialState.WAITING) for trial in trials)


INSTANT = """
import sys, types
if "tcn_search.workers.worker_main" in sys.orig_argv:
    from tcn_search.trial_status import TrialStatus
    from tcn_search.workers.trial import EpochReport, TrialOutcome
    def run_trial(job, data, on_epoch):
        with open("trained.txt", "a") as file:
            file.write(f"{job.number}\\n")
        score = 1 / (1 + job.number)
        on_epoch(EpochReport(job.number, 1, score, {"val_loss": score}))
        curve = [{"val_loss": score, "loss": 0.5, "seconds": 0.01}]
        return TrialOutcome(job.number, TrialStatus.COMPLETE, score=score, best_epoch=1, curve=curve)
    training = types.ModuleType("tcn_search.workers.trial_training")
    training.run_trial = run_trial
    sys.modules[training.__name__] = training
    sys.modules["keras"] = types.ModuleType("keras")  # which the worker imports
"""


def test_of_200_instant_trials_of_8_workers_none_is_lost_and_none_is_stored_twice(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(INSTANT)  # which every Python imports at its start
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    task = Task.from_arrays(*waves(24))
    search = SearchSettings(sampler="random", pruner="none", warm_start=False)
    study = Study("waves", task, search=search, storage=database)
    executor = ProcessExecutor(study.training_data, [WorkerSlot()] * 8, trials_per_process=60)
    study.run(200, executor=executor, on_progress=lambda progress: None)
    records = load_study("waves", database).results.records()
    trained = [record for record in records if record.status == "complete"]
    assert len(trained) == 200
    assert [record.number for record in records] == list(range(len(records)))
    assert all(record.score == 1 / (1 + record.number) for record in trained)
    numbers = sorted(map(int, (tmp_path / "trained.txt").read_text().split()))
    assert numbers == [record.number for record in trained]
