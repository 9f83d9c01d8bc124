"""Temporary folders that are removed even if the process that created them was killed."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

PREFIX = "tcn_search_scratch_"
_LOCK = "in-use"  # a file in each folder; a living process holds its lock


class TemporaryFolder:
    """A folder that lives as long as this process.

    Folders of processes that were killed are removed first.

    Attributes:
        path: the folder.

    Raises:
        OSError: no folder can be created.
    """

    def __init__(self) -> None:
        parent = Path(tempfile.gettempdir())
        remove_abandoned(parent)
        self.path, lock = _create_locked(parent)
        self._finalizer = weakref.finalize(self, _remove_locked, self.path, lock)

    def remove(self) -> None:
        """Remove the folder with everything in it; do nothing if that was done before."""
        self._finalizer()


def remove_abandoned(parent: Path) -> None:
    """Remove the folders in `parent` whose lock is free.

    The kernel releases the lock of a dead process.
    """
    if fcntl is None:
        return
    for folder in parent.glob(f"{PREFIX}*"):
        with suppress(OSError):  # in use, another user's, just removed, or without locks
            lock = os.open(folder / _LOCK, os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def _create_locked(parent: Path) -> tuple[Path, int]:
    """Return a new folder and its locked file descriptor.

    Try again if another process removed the folder as abandoned before it was locked.
    """
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        lock = os.open(path / _LOCK, os.O_CREAT | os.O_RDWR)
        if _acquire(lock) and (path / _LOCK).exists():
            return path, lock
        os.close(lock)


def _acquire(lock: int) -> bool:
    """Lock an open file; return False if another process holds its lock.

    Without support for locks the answer is True: then no process removes the folder either.
    """
    if fcntl is not None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True
    return True


def _remove_locked(path: Path, lock: int) -> None:
    """Remove a folder and release its lock."""
    if fcntl is None:  # Windows removes no open file
        os.close(lock)
    shutil.rmtree(path, ignore_errors=True)
    if fcntl is not None:
        os.close(lock)
