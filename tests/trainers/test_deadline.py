"""A deadline moves on while somebody else keeps a training waiting."""

from __future__ import annotations

import time

from tcn_search.trainers.deadline import Deadline


def test_time_that_somebody_else_takes_does_not_count() -> None:
    deadline = Deadline(0.2)
    with deadline.paused():
        time.sleep(0.3)
    assert not deadline.is_over()
    time.sleep(0.25)
    assert deadline.is_over()
