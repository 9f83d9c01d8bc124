"""A deadline moves on while it is paused."""

from __future__ import annotations

import time

from tcn_search.trainers.deadline import Deadline


def test_time_in_a_pause_does_not_count() -> None:
    deadline = Deadline(0.2)
    with deadline.paused():
        time.sleep(0.3)
    assert not deadline.is_over()
    time.sleep(0.25)
    assert deadline.is_over()
