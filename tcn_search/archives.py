"""Read zip archives, such as .npz and .keras files.

Every fault of an archive is an `InputError` with a text of one line.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tcn_search.errors import InputError, first_line
from tcn_search.memory import free_memory, size_in_words

_ENCRYPTED = 0x1  # bit of an entry's flags
_ENTRY = b"PK\x01\x02"  # first bytes of an entry of the directory


@contextmanager
def open_archive(path: str | Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive and check that every entry stands where its directory says.

    Errors of the caller's `with` block are translated too, so that it can read from the archive.

    Raises:
        InputError: the archive or an entry is encrypted, damaged, compressed by an unknown method,
            or too large for the memory. The text names the file and the reason.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if entry.flag_bits & _ENCRYPTED:
                    raise RuntimeError(f"{entry.filename} is encrypted")
                # A wrong length makes the next entry part of this one.
                if _ENTRY in entry.extra + entry.comment:
                    raise zipfile.BadZipFile("its directory is damaged")
                archive.open(entry).close()  # raises BadZipFile where a flipped byte changed a name
            yield archive
    except InputError:
        raise
    except KeyError as error:
        raise InputError(f"{path} cannot be read: {error.args[0]}") from error
    except MemoryError as error:
        raise InputError(
            f"{path} cannot be read: the memory is not enough. {error}".rstrip()
        ) from error
    except RecursionError as error:
        raise InputError(f"{path} cannot be read: its content is nested too deeply.") from error
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,  # unknown compression method or zip version
        RuntimeError,  # encrypted entry
        OSError,
        ValueError,
        OverflowError,
    ) as error:
        reason = first_line(error)
        raise InputError(f"{path} cannot be read: {reason}") from error


def require_memory(path: str | Path, size: int) -> None:
    """Raise an InputError if reading `size` bytes from a file exceeds the free memory."""
    free = free_memory()
    if size > free:
        raise InputError(
            f"{path} cannot be read: it needs {size_in_words(size)} of memory, "
            f"and {size_in_words(free)} are free."
        )
