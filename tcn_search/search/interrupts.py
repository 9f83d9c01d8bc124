"""Ctrl-C, heard even where Python swallows it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def interrupts_heard() -> Iterator[Callable[[], None]]:
    """Gives a function that raises KeyboardInterrupt if a signal's handler has raised one inside.

    For the work to call now and then: Python ignores what a handler raises while a `__del__` or the callback of a
    weak reference runs, and after each epoch the storage's library runs many of them.
    """
    heard = False

    def listening(
        handler: Callable[[int, FrameType | None], Any],
    ) -> Callable[[int, FrameType | None], None]:
        def handle(number: int, frame: FrameType | None) -> None:
            nonlocal heard
            try:
                handler(number, frame)
            except KeyboardInterrupt:
                heard = True
                raise

        return handle

    def check() -> None:
        if heard:
            raise KeyboardInterrupt

    before = {}
    if threading.current_thread() is threading.main_thread():  # elsewhere no signal arrives
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for number, handler in before.items():
            if callable(handler):
                signal.signal(number, listening(handler))
        yield check
    finally:
        for number, handler in before.items():
            if callable(handler):
                signal.signal(number, handler)
