"""Set up the process of a command that trains or predicts."""

from __future__ import annotations

import signal


def stop_on_sigterm() -> None:
    """Let SIGTERM, with which the scheduler of a cluster stops a job, do the same as Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
