"""Replace files atomically: write to a temporary file in the same folder, then rename it.

A full disk or a killed process leaves the earlier file intact.
"""

from __future__ import annotations

import errno
import glob
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tcn_search.errors import InputError, first_line

_PREFIX = ".tcn_search-"
_ABANDONED_AFTER = 24 * 3600.0  # seconds since the last write; no write takes that long


@contextmanager
def replacing(path: str | Path, failure: str = "") -> Iterator[Path]:
    """Yield a temporary path in the same folder; the file there replaces `path` at the end.

    After an error the temporary file is removed, and `path` is unchanged. A device or a pipe is
    written directly. A symbolic link stays a link, and permissions are kept.

    Args:
        failure: first words of the error text; default "`path` cannot be written".

    Raises:
        InputError: the file cannot be written; the text names the file and the reason.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "numbers.csv"
    >>> with replacing(file) as part:
    ...     _ = part.write_text("1, 2")
    >>> file.read_text()
    '1, 2'
    """
    target = Path(os.path.realpath(path))  # behind a symbolic link
    # The last characters keep the suffix, by which libraries choose a format, and are short enough.
    ending = target.name[-24:]
    part = target.with_name(f"{_PREFIX}{os.getpid()}-{uuid.uuid4().hex[:12]}-{ending}")
    try:
        if target.exists() and not target.is_file() and not target.is_dir():
            yield target
            return
        _require_replaceable(target)
        _remove_abandoned(target.parent, ending)
        yield part
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)
    except OSError as error:
        raise InputError(f"{failure or f'{path} cannot be written'}: {reason_of(error)}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def reason_of(error: OSError) -> str:
    """Return the system's text for an error in one line, without the name of a temporary file.

    >>> reason_of(OSError(28, "No space left on device", "/runs/.part"))
    'No space left on device'
    """
    return error.strerror or first_line(error)


def _require_replaceable(target: Path) -> None:
    """Raise the OSError that opening the file for writing would raise.

    A rename needs permission to write to the folder only, so a read-only file would be replaced.
    """
    folder = target.parent
    if not folder.exists():
        raise FileNotFoundError(errno.ENOENT, f"there is no folder {folder}")
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, f"{folder} is no folder")
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    if not os.access(folder, os.W_OK):
        raise PermissionError(errno.EACCES, f"the folder {folder} is read-only")
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "it is read-only")


def _remove_abandoned(folder: Path, ending: str) -> None:
    """Remove temporary files of the same target that killed processes of any machine left."""
    for leftover in folder.glob(f"{_PREFIX}*-{glob.escape(ending)}"):
        with suppress(OSError):
            if time.time() - leftover.stat().st_mtime > _ABANDONED_AFTER:
                leftover.unlink()
