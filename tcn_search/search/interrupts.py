"""Ctrl-C that is not lost where Python swallows the exception of a signal handler."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def interrupts_heard() -> Iterator[Callable[[], None]]:
    """Give a function that raises KeyboardInterrupt if a signal handler has raised one before.

    To be called now and then: Python ignores what a handler raises while a `__del__` or the callback of
    a weak reference runs, and after each epoch the storage's library runs many of them.
    """
    interrupted = False

    def recording(
        handler: Callable[[int, FrameType | None], Any],
    ) -> Callable[[int, FrameType | None], None]:
        def handle(number: int, frame: FrameType | None) -> None:
            nonlocal interrupted
            try:
                handler(number, frame)
            except KeyboardInterrupt:
                interrupted = True
                raise

        return handle

    def check() -> None:
        if interrupted:
            raise KeyboardInterrupt

    before = {}
    if threading.current_thread() is threading.main_thread():  # elsewhere no signal arrives
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for number, handler in before.items():
            if callable(handler):
                signal.signal(number, recording(handler))
        yield check
    finally:
        for number, handler in before.items():
            if callable(handler):
                signal.signal(number, handler)
