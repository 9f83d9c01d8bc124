"""Temporary folders that are removed in the end, whoever was killed before."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import weakref
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

PREFIX = "tcn_search_"
_LOCK = "in-use"
_SECONDS_TO_LOCK = 60.0  # a folder without a lock is older than this if nobody is about to lock it


class ScratchFolder:
    """A folder for as long as this process lives; first those are removed whose process has been killed.

    Attributes:
        path: where it is.

    Raises:
        OSError: no folder can be made.
    """

    def __init__(self) -> None:
        parent = Path(tempfile.gettempdir())
        remove_abandoned(parent)
        self.path, lock = _make(parent)
        self._finalizer = weakref.finalize(self, _remove, self.path, lock)

    def remove(self) -> None:
        """Remove it with all that is in it."""
        self._finalizer()


def remove_abandoned(parent: Path) -> None:
    """Remove the folders in `parent` that nobody holds a lock on: the kernel lets go of a dead process's."""
    for folder in parent.glob(f"{PREFIX}*"):
        with suppress(OSError):  # another user's, or just removed by its owner
            if _is_abandoned(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _is_abandoned(folder: Path) -> bool:
    if fcntl is None or folder.stat().st_uid != os.getuid():
        return False
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return time.time() - folder.stat().st_mtime > _SECONDS_TO_LOCK
    try:
        return _locked(lock)
    finally:
        os.close(lock)


def _make(parent: Path) -> tuple[Path, int]:
    """A new folder and its lock, which is tried for again where another process took the folder for abandoned."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        lock = os.open(path / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
        if _locked(lock) and (path / _LOCK).exists():
            return path, lock
        os.close(lock)


def _locked(file: int) -> bool:
    """Lock an open file; False if another process has."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove(path: Path, lock: int) -> None:
    shutil.rmtree(path, ignore_errors=True)
    os.close(lock)
