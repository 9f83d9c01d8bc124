"""Standard output for commands that train: what they found must not be lost because nobody reads it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import IO, Any


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
