"""When a trial has to be over."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Deadline:
    """A moment, which moves on while somebody else keeps a training waiting.

    Args:
        seconds: from now.
    """

    def __init__(self, seconds: float) -> None:
        self.at = time.monotonic() + seconds

    def is_over(self) -> bool:
        """Whether the moment has passed."""
        return time.monotonic() > self.at

    @contextmanager
    def held(self) -> Iterator[None]:
        """What passes meanwhile does not count."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.at += time.monotonic() - began
