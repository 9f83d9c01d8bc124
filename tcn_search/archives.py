"""Read zip archives, such as .npz and .keras files; whatever is wrong with one is an error of one line."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tcn_search.errors import InputError, first_line
from tcn_search.memory import free_memory, in_bytes

_ENCRYPTED = 0x1  # among the flags of an entry
_ENTRY = b"PK\x01\x02"  # how an entry of the directory begins


@contextmanager
def open_archive(path: str | Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive in which every entry is where the directory says, under its name.

    Raises:
        InputError: the archive, or what is read from it meanwhile, is encrypted, damaged, compressed in a way that
            is not known, or larger than the memory; names file and reason.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():  # a flipped byte may have changed a name
                if entry.flag_bits & _ENCRYPTED:
                    raise RuntimeError(f"{entry.filename} is encrypted")
                if (
                    _ENTRY in entry.extra + entry.comment
                ):  # a wrong length has swallowed the next entry
                    raise zipfile.BadZipFile("its directory is damaged")
                archive.open(entry).close()
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
        raise InputError(f"{path} cannot be read: what it holds is nested too deeply.") from error
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,  # a compression, or a version of zip
        RuntimeError,  # encrypted
        OSError,
        ValueError,
        OverflowError,
    ) as error:
        reason = first_line(error)
        raise InputError(f"{path} cannot be read: {reason}") from error


def require_memory(path: str | Path, wanted: int) -> None:
    """Raise an InputError if what shall be read from a file does not fit into the memory."""
    free = free_memory()
    if wanted > free:
        raise InputError(
            f"{path} cannot be read: it needs {in_bytes(wanted)} of memory, and {in_bytes(free)} are free."
        )
