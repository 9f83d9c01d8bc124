"""What a command is doing, for those that read many trials."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer

_SOON = 1.0  # seconds


@contextmanager
def slow_steps(after: float = _SOON) -> Iterator[Callable[[str], None]]:
    """Yield a function that names the next step, on standard error once that step takes `after` seconds.

    With few trials every step is over before, and nothing is printed.
    """
    timer = Timer(after, _say)  # not started before there is a step

    def begin(step: str) -> None:
        nonlocal timer
        timer.cancel()
        timer = Timer(after, _say, [step])
        timer.daemon = True
        timer.start()

    try:
        yield begin
    finally:
        timer.cancel()


def _say(step: str) -> None:
    print(f"{step} ...", file=sys.stderr, flush=True)
