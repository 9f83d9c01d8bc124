"""Text that commands print, and checks of the numbers that they are given."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import IO, Any

from tcn_search.arguments import received
from tcn_search.errors import InputError
from tcn_search.limits import most

_LONGEST_SHOWN = 300


def printable(text: object) -> str:
    r"""Return text on one line, without control characters that would move a terminal's cursor.

    >>> printable("two\nlines\x1b[2J")
    'two\\nlines\\x1b[2J'
    """
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in str(text)
    )


def shortened(text: str) -> str:
    """Return a text, cut after 300 characters."""
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def require_option(name: str, value: int) -> None:
    """Raise an InputError if the number of an option is below 1 or above `limits.most(name)`."""
    option = f"--{name.replace('_', '-')}"
    if value < 1:
        raise InputError(f"{option} must be at least 1. Received: {received(value)}")
    if value > most(name):
        raise InputError(f"{option} must be at most {most(name):,}. Received: {received(value)}")


def read_workers(text: str) -> int | str:
    """Return the number of workers of --workers, or "auto"."""
    if text == "auto":
        return text
    if not text.isdecimal() or not text.strip("0"):
        raise InputError(f"--workers must be auto or at least 1. Received: {shortened(text)}")
    if len(text) > 4300:  # Python reads no integer with more digits
        raise InputError(
            f"--workers must be at most {most('workers'):,}. Received: {len(text):,} digits"
        )
    require_option("workers", int(text))
    return int(text)


@contextmanager
def ignore_broken_output() -> Iterator[None]:
    """Drop what is printed once standard output is broken, so that a training goes on.

    It is broken if its reader has gone (`tcn-search run ... | head`) or its disk is full.
    """
    if sys.stdout is None:  # closed from the beginning; print() does nothing then
        yield
        return
    with redirect_stdout(_UnbreakableStream(sys.stdout)):
        yield


class _UnbreakableStream:
    """A stream that drops its text when it cannot be written."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            self._redirect_to_null()
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            self._redirect_to_null()

    def _redirect_to_null(self) -> None:
        """Send the file descriptor to the null device, with what the stream has buffered."""
        # A stream without a file descriptor raises a ValueError.
        with open(os.devnull, "w") as null, suppress(OSError, ValueError):
            os.dup2(null.fileno(), self._stream.fileno())
            self._stream.flush()
