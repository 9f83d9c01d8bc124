"""What commands print, and checks of what they are given. What was found is not lost if nobody reads it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import IO, Any

from tcn_search.arguments import received
from tcn_search.errors import InputError
from tcn_search.limits import most

_LONGEST = 300


def printable(text: object) -> str:
    r"""Text without control characters, which would move a terminal's cursor, and on one line.

    >>> printable("two\nlines\x1b[2J")
    'two\\nlines\\x1b[2J'
    """
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in str(text))


def shortened(text: str) -> str:
    """The beginning of a text that is longer than anybody reads."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def require_option(name: str, value: int) -> None:
    """Raise an InputError if the option's number is below 1, or above what its argument takes."""
    option = f"--{name.replace('_', '-')}"
    if value < 1:
        raise InputError(f"{option} must be at least 1. Received: {received(value)}")
    if value > most(name):
        raise InputError(f"{option} must be at most {most(name):,}. Received: {received(value)}")


@contextmanager
def patient_output() -> Iterator[None]:
    """Once nobody reads standard output any more (`| head`), or its disk is full, what is printed is dropped."""
    if sys.stdout is None:  # closed from the beginning, which print() knows
        yield
        return
    with redirect_stdout(_Patient(sys.stdout)):  # type: ignore[type-var]
        yield


class _Patient:
    """A stream whose writing never fails."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            self._drop()
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            self._drop()

    def _drop(self) -> None:
        """From here on to nowhere, what still stands in the stream's buffer, too."""
        with open(os.devnull, "w") as nowhere, suppress(OSError, ValueError):  # it may have no file
            os.dup2(nowhere.fileno(), self._stream.fileno())
            self._stream.flush()
