"""Notice a Ctrl-C although Python swallowed the exception of the signal handler."""

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

    Call the function from time to time: Python ignores what a handler raises while a `__del__` or
    the callback of a weak reference runs, and the storage's library runs many of them after each
    epoch.
    """
    interrupted = False

    def recording(
        handler: Callable[[int, FrameType | None], Any],
    ) -> Callable[[int, FrameType | None], None]:
        """Wrap a signal handler so that a KeyboardInterrupt it raises is remembered."""

        def handle(number: int, frame: FrameType | None) -> None:
            nonlocal interrupted
            try:
                handler(number, frame)
            except KeyboardInterrupt:
                interrupted = True
                raise

        return handle

    def raise_if_interrupted() -> None:
        if interrupted:
            raise KeyboardInterrupt

    handlers = {}
    if threading.current_thread() is threading.main_thread():  # signals arrive only there
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for number, handler in handlers.items():
            if callable(handler):
                signal.signal(number, recording(handler))
        yield raise_if_interrupted
    finally:
        for number, handler in handlers.items():
            if callable(handler):
                signal.signal(number, handler)
