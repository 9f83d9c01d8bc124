"""When to kill workers whose trials do not stop at their time limit."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tcn_search.workers.trial import TrialJob

# A trial ends itself between two batches after its time limit; if it does not within these seconds,
# its process is killed.
GRACE_SECONDS = 10.0


class LimitedWorker(Protocol):
    """A worker that is killed at some time.

    Attributes:
        job: the job that it trains, or None.
        kill_at: when to kill it, in the seconds of `time.monotonic`.
    """

    job: TrialJob | None
    kill_at: float


@contextmanager
def time_limits_paused(workers: Sequence[LimitedWorker]) -> Iterator[None]:
    """Do not count time that the owner takes, such as for a slow storage, against trials."""
    busy = [worker for worker in workers if worker.job is not None]
    started = time.monotonic()
    yield
    for worker in busy:
        worker.kill_at += time.monotonic() - started
