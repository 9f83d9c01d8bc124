"""Temporary folders that are removed in the end, whoever was killed before."""

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
_LOCK = "in-use"  # a file in each; whoever holds its lock lives


class TemporaryFolder:
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
    """Remove the folders in `parent` whose lock nobody holds: the kernel lets go of a dead process's."""
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


def _make(parent: Path) -> tuple[Path, int]:
    """A new folder, and its lock. Another one where a process took the first for abandoned before it was locked."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        lock = os.open(path / _LOCK, os.O_CREAT | os.O_RDWR)
        if _holds(lock) and (path / _LOCK).exists():
            return path, lock
        os.close(lock)


def _holds(lock: int) -> bool:
    """Lock an open file; False if another process has. Where there are no locks, nobody removes the folder either."""
    if fcntl is not None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True
    return True


def _remove(path: Path, lock: int) -> None:
    if fcntl is None:  # Windows removes no open file
        os.close(lock)
    shutil.rmtree(path, ignore_errors=True)
    if fcntl is not None:
        os.close(lock)
