"""The lease: one process runs a study, and one that was away for too long finds out."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest

from tcn_search.errors import InputError, LeaseError, LeaseLost
from tcn_search.storage import lease
from tcn_search.storage.connection import open_storage
from tcn_search.storage.lease import KEY, Lease


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> optuna.storages.RDBStorage:
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("database")
    made = open_storage(url, create=True)
    optuna.create_study(study_name="waves", storage=made)
    return made


def test_one_has_it_until_it_lets_go(storage: optuna.storages.RDBStorage) -> None:
    first, second = Lease(storage, "waves"), Lease(storage, "waves")
    first.take()
    with pytest.raises(LeaseError) as caught:
        second.take()
    assert not isinstance(caught.value, InputError)
    text = str(caught.value)
    assert text.startswith("The study 'waves' is in use by process ")
    assert "Wait for it or stop it; if it has died, its lease ends at " in text
    first.renew()
    first.require()
    first.let_go()
    assert first.holder() is None
    second.take()
    with pytest.raises(LeaseLost, match="Another process runs the study 'waves' now"):
        first.require()


def test_a_dead_process_of_this_machine_is_noticed_at_once(
    storage: optuna.storages.RDBStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as as_another:
        as_another.setattr("os.getpid", lambda: 4_000_000)  # above what Linux gives to a process
        Lease(storage, "waves").take()
    Lease(storage, "waves").take()


def test_a_container_of_the_same_host_name_is_another_machine(
    storage: optuna.storages.RDBStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(lease, "_process_namespace", lambda: "another namespace")
        elsewhere.setattr("os.getpid", lambda: 4_000_000)
        Lease(storage, "waves").take()
    with pytest.raises(LeaseError, match="is in use by process 4000000"):
        Lease(storage, "waves").take()


@pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="needs Linux, which tells when a process began"
)
def test_another_process_with_the_number_of_a_dead_one_does_not_keep_its_lease(
    storage: optuna.storages.RDBStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_ticks = lease._start_ticks
    for number in (os.getppid(), os.getpid()):  # both live
        with monkeypatch.context() as before:
            before.setattr("os.getpid", lambda number=number: number)
            before.setattr(lease, "_start_ticks", lambda process: "1")
            Lease(storage, "waves").take()
        with monkeypatch.context() as as_it_was:
            as_it_was.setattr(lease, "_start_ticks", start_ticks)
            Lease(storage, "waves").take()
            lease._HELD_TOKENS.clear()  # as if this process were gone, too


def test_a_renewal_that_was_written_but_not_heard_of_is_no_loss(
    storage: optuna.storages.RDBStorage,
) -> None:
    held = Lease(storage, "waves")
    held.take()
    text = held._held_text
    held.renew()
    held._held_text = text  # the connection broke before the answer came
    held.renew()
    held.require()
    assert held.holder() == held._held


def test_another_machine_is_believed_until_its_lease_runs_out(
    storage: optuna.storages.RDBStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = Lease(storage, "waves", seconds=2.0)
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr("socket.gethostname", lambda: "elsewhere")
        away.take()
    with pytest.raises(LeaseError, match="on elsewhere, since"):
        Lease(storage, "waves").take()
    time.sleep(2.1)
    here = Lease(storage, "waves")
    here.take()
    with pytest.raises(LeaseLost) as caught:
        away.require()
    assert "this one was away for longer than its lease of 2 s" in str(caught.value)
    away.let_go()
    assert here.holder() is not None
    here.require()


def test_it_is_renewed_however_long_an_epoch_takes(storage: optuna.storages.RDBStorage) -> None:
    held = Lease(storage, "waves", seconds=2.0)
    held.take()
    with held.kept():
        time.sleep(3.0)
        with pytest.raises(LeaseError, match="is in use by"):
            Lease(storage, "waves").take()
    assert held.holder() is None


def test_why_it_was_lost_is_said_later_too(tmp_path: Path) -> None:
    storage = open_storage(f"sqlite:///{tmp_path / 'studies.db'}", create=True)
    optuna.create_study(study_name="waves", storage=storage)
    held = Lease(storage, "waves", seconds=0.5)
    held.take()
    with held.kept():
        optuna.delete_study(study_name="waves", storage=storage)
        time.sleep(1.0)
        with pytest.raises(LeaseLost, match="The study 'waves' was deleted while it ran."):
            held.require()


def test_a_lease_that_was_taken_and_given_back_is_nobody_s(tmp_path: Path) -> None:
    storage = open_storage(f"sqlite:///{tmp_path / 'studies.db'}", create=True)
    optuna.create_study(study_name="waves", storage=storage)
    held = Lease(storage, "waves", seconds=0.1)
    held.take()
    time.sleep(0.2)
    other = Lease(storage, "waves")
    other.take()
    other.let_go()
    with pytest.raises(LeaseLost) as caught:
        held.renew()
    assert str(caught.value) == (
        "Another process has run the study 'waves' meanwhile: this one was away for longer than "
        "its lease of 0 s. The same command continues the study."
    )


RACE = """
import sys
from tcn_search.errors import LeaseError
from tcn_search.storage.connection import open_storage
from tcn_search.storage.lease import Lease
lease = Lease(open_storage(sys.argv[1]), "waves")
print("ready", flush=True)
sys.stdin.readline()
try:
    lease.take()
    print("got it", flush=True)
except LeaseError:
    print("refused", flush=True)
sys.stdin.readline()
"""


def test_of_two_processes_that_reach_for_it_at_once_one_gets_it(
    storage: optuna.storages.RDBStorage,
) -> None:
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, storage.url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for run in runs:
        assert run.stdout is not None
        assert run.stdout.readline() == "ready\n"
    for run in runs:
        assert run.stdin is not None
        run.stdin.write("go\n")
        run.stdin.flush()
    said = [run.stdout.readline().strip() for run in runs if run.stdout]
    for run in runs:
        run.communicate("end\n")
    assert sorted(said) == ["got it", "refused", "refused"]


def stored_by_another_version(storage: optuna.storages.RDBStorage, process: int) -> None:
    """Store the lease of a process as versions did that read /proc themselves."""
    born = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[19].decode()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    holder = {
        "host": socket.gethostname(),
        "process": process,
        "token": "0123456789abcdef",
        "since": time.time(),
        "until": time.time() + 100,
        "home": f"{boot} {os.stat('/proc/self/ns/pid').st_ino}",
        "born": born,
    }
    study_id = storage.get_study_id_from_name("waves")
    storage.set_study_user_attr(study_id, KEY, holder)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux")
def test_the_lease_of_another_versions_process_counts_while_that_lives(
    storage: optuna.storages.RDBStorage,
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        stored_by_another_version(storage, other.pid)
        with pytest.raises(LeaseError, match=f"is in use by process {other.pid} on "):
            Lease(storage, "waves").take()
        other.communicate(b"\n")
    Lease(storage, "waves").take()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux")
def test_this_process_without_another_versions_lease_does_not_keep_it(
    storage: optuna.storages.RDBStorage,
) -> None:
    stored_by_another_version(storage, os.getpid())
    Lease(storage, "waves").take()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux")
def test_the_start_of_a_process_is_stored_in_ticks_since_the_boot() -> None:
    for process in (os.getpid(), os.getppid(), 1):
        stat = Path(f"/proc/{process}/stat").read_bytes()
        assert lease._start_ticks(process) == stat.rpartition(b")")[2].split()[19].decode()
    assert lease._start_ticks(4_000_000) == ""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a process 1")
def test_where_processes_of_others_are_hidden_the_lease_is_believed(
    storage: optuna.storages.RDBStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as as_another:
        as_another.setattr("os.getpid", lambda: 4_000_000)
        Lease(storage, "waves").take()
    monkeypatch.setattr("psutil.pid_exists", lambda process: False)
    with pytest.raises(LeaseError, match="is in use by process 4000000"):
        Lease(storage, "waves").take()
