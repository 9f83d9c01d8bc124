"""Name the current step of a command that reads many trials."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer

_SLOW = 1.0  # seconds


@contextmanager
def slow_steps(after: float = _SLOW) -> Iterator[Callable[[str], None]]:
    """Yield a function that begins the next step, named on standard error if it is slow.

    With few trials every step is over before that, and nothing is printed.

    Args:
        after: seconds after which a step is slow.
    """
    timer = Timer(after, _print_step)  # a placeholder, never started

    def begin(step: str) -> None:
        nonlocal timer
        timer.cancel()
        timer = Timer(after, _print_step, [step])
        timer.daemon = True
        timer.start()

    try:
        yield begin
    finally:
        timer.cancel()


def _print_step(step: str) -> None:
    print(f"{step} ...", file=sys.stderr, flush=True)
