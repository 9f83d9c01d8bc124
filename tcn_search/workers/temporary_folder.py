"""Temporary folders that are removed in the end, even if their process was killed.

A file lock says whether the process lives: the kernel releases it, whatever ends the process. A
process ID with its start time, as psutil has them, would be valid in one container only.
"""

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
_LOCK = "in-use"  # file in each folder, locked by the process that uses the folder


class TemporaryFolder:
    """Create a folder that exists as long as this process; remove abandoned ones first.

    Attributes:
        path: the folder.

    Raises:
        OSError: no folder can be created.
    """

    def __init__(self) -> None:
        parent = Path(tempfile.gettempdir())
        remove_abandoned(parent)
        self.path, lock = _create_locked(parent)
        self._finalizer = weakref.finalize(self, _remove, self.path, lock)

    def remove(self) -> None:
        """Remove the folder with everything in it."""
        self._finalizer()


def remove_abandoned(parent: Path) -> None:
    """Remove the folders in `parent` whose lock no process holds."""
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
    """Return a new folder and its open lock file.

    Another process may take a folder for abandoned before it is locked; then create another one.
    """
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        lock = os.open(path / _LOCK, os.O_CREAT | os.O_RDWR)
        if _acquire(lock) and (path / _LOCK).exists():
            return path, lock
        os.close(lock)


def _acquire(lock: int) -> bool:
    """Lock an open file; return False if another process has locked it.

    Return True where there are no locks: no process removes the folder there either.
    """
    if fcntl is None:
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _remove(path: Path, lock: int) -> None:
    """Remove a folder with its lock file."""
    if fcntl is None:  # Windows removes no open file
        os.close(lock)
    shutil.rmtree(path, ignore_errors=True)
    if fcntl is not None:
        os.close(lock)
