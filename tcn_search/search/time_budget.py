"""The time of a run: when it is over, and which trials in training may finish then."""

from __future__ import annotations

import time

GRACE_SHARE = 0.05  # of the time of the run
LEAST_GRACE = 5.0  # seconds


class TimeBudget:
    """The time of a run, from now on.

    When it is over, a trial in training may finish within a grace: a twentieth of the time, at
    least 5 seconds.

    Args:
        seconds: of the run; None: no limit.
    """

    def __init__(self, seconds: float | None) -> None:
        self._started = time.monotonic()
        self._seconds = seconds

    @property
    def spent(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._started

    @property
    def left(self) -> float | None:
        """Seconds until the time is over, negative after it; None without a limit."""
        return None if self._seconds is None else self._seconds - self.spent

    @property
    def is_over(self) -> bool:
        """Whether no further trial is to start."""
        return self.left is not None and self.left <= 0

    @property
    def left_with_grace(self) -> float | None:
        """Seconds until the last trial is ended; None without a limit."""
        if self._seconds is None:
            return None
        return self._seconds + max(LEAST_GRACE, GRACE_SHARE * self._seconds) - self.spent
