"""Temporary folders live as long as their process, or until the next process if it was killed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tcn_search.errors import InputError
from tcn_search.workers import process_executor, temporary_folder
from tcn_search.workers.process_executor import ProcessExecutor
from tcn_search.workers.temporary_folder import PREFIX, TemporaryFolder, remove_abandoned
from tests.workers.test_executors import TASK

OWNER = """
import sys, time
from tcn_search.workers.temporary_folder import TemporaryFolder
folder = TemporaryFolder()
(folder.path / "data").write_text("0" * 1000)
print(folder.path, flush=True)
sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def test_the_folder_is_gone_after_remove_or_with_its_last_reference(temporary: Path) -> None:
    first, second = TemporaryFolder(), TemporaryFolder()
    assert sorted(temporary.iterdir()) == sorted([first.path, second.path])
    first.remove()
    first.remove()
    assert list(temporary.iterdir()) == [second.path]
    del second
    assert not list(temporary.iterdir())


def test_the_folder_of_a_killed_process_is_removed_by_the_next_one(temporary: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    theirs = Path(owner.stdout.readline().strip())
    ours = TemporaryFolder()
    assert theirs.exists()  # it lives
    owner.kill()
    owner.communicate()
    assert theirs.exists()
    ours = TemporaryFolder()
    assert list(temporary.iterdir()) == [ours.path]


def test_folders_without_our_lock_file_are_left_alone(temporary: Path) -> None:
    """Folders of a similar name stay, however old; one with a free lock is removed."""
    for name in ("tcn_search_results", f"{PREFIX}results", f"{PREFIX}killed"):
        (temporary / name).mkdir()
        os.utime(temporary / name, (0, 0))
    (temporary / f"{PREFIX}killed" / "in-use").touch()
    remove_abandoned(temporary)
    assert sorted(path.name for path in temporary.iterdir()) == [
        "tcn_search_results",
        f"{PREFIX}results",
    ]


def test_a_folder_that_was_removed_before_it_was_locked_is_created_again(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int] = []

    def open_and_lose(*given: Any) -> int:
        opened.append(real(*given))
        if len(opened) == 1:
            remove_abandoned(temporary)
        return opened[-1]

    real = os.open
    monkeypatch.setattr(temporary_folder.os, "open", open_and_lose)
    folder = TemporaryFolder()
    monkeypatch.undo()
    assert (folder.path / "in-use").exists()
    folder.remove()


def test_a_folder_is_created_even_if_files_cannot_be_locked(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*given: Any) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(temporary_folder.fcntl, "flock", unsupported)
    first = TemporaryFolder()
    second = TemporaryFolder()
    assert first.path.exists()
    assert second.path.exists()


def test_an_error_names_the_missing_temporary_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*given: object, **named: object) -> str:
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    with pytest.raises(InputError) as error:
        ProcessExecutor(TASK.training)
    assert str(error.value) == (
        "The data for the workers cannot be written to a temporary folder: No usable temporary directory found in "
        "['/tmp']. Make room there, or name another folder with TMPDIR."
    )


def test_a_full_disk_leaves_nothing_behind(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(process_executor, "write_training_data", full)
    with pytest.raises(InputError, match="No space left on device. Make room there"):
        ProcessExecutor(TASK.training)
    assert not list(temporary.iterdir())


def test_worker_processes_are_refused_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(
        InputError, match="Worker processes need Linux or macOS. On Windows run this in WSL 2"
    ):
        ProcessExecutor(TASK.training)
