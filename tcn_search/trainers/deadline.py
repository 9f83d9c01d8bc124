"""The time limit of a trial."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Deadline:
    """A moment in time, which moves on while a training has to wait for the search.

    Args:
        seconds: from now to the deadline.
    """

    def __init__(self, seconds: float) -> None:
        self.at = time.monotonic() + seconds

    def is_over(self) -> bool:
        """Return whether the deadline has passed."""
        return time.monotonic() > self.at

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Put the deadline off by the time that the block takes."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.at += time.monotonic() - started
