"""Measure the seconds of a study's process, and who spends them: sampler, storage or the rest."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any
from unittest.mock import patch

import optuna

from tcn_search.search.loop import Search

_STORAGES = (
    optuna.storages.InMemoryStorage,
    optuna.storages.RDBStorage,
    optuna.storages._cached_storage._CachedStorage,
)
_METHODS = {
    "storage": [name for name in vars(optuna.storages.BaseStorage) if not name.startswith("_")],
    "sampler": [name for name in vars(optuna.samplers.BaseSampler) if not name.startswith("_")],
    "pruner": ["prune"],
    "loop": ["next_job", "keep_going", "finish"],
}


class Clock:
    """Seconds since some moment in which the calling thread ran, or waited for anything but a core.

    So other load on the machine has little effect, and disk and database server count. Where the
    system does not tell how long a thread has waited for a core, that time counts too.
    """

    def __init__(self) -> None:
        self._file: int | None = None
        if os.path.exists("/proc/thread-self/schedstat"):
            self._file = os.open("/proc/thread-self/schedstat", os.O_RDONLY)

    def __call__(self) -> float:
        now = time.perf_counter()
        if self._file is None:
            return now
        return now - int(os.pread(self._file, 96, 0).split()[1]) / 1e9


class Parts:
    """Seconds of a search by its parts: "sampler", "storage", "pruner", and the "loop" around them.

    Storage is what all others read and write.

    Args:
        clock: of the process.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.seconds = dict.fromkeys(_METHODS, 0.0)
        self._clock = clock
        self._stack: list[str] = []
        self._since = 0.0

    @contextmanager
    def measured(self, sampler: type, pruner: type) -> Iterator[None]:
        """Measure searches with classes of sampler and pruner, on any storage."""
        owners = {"storage": _STORAGES, "sampler": (sampler,), "pruner": (pruner,)}
        with ExitStack() as patches:
            for part, names in _METHODS.items():
                for owner in owners.get(part, (Search,)):
                    for name in names:
                        timed = self._timed(part, getattr(owner, name))
                        patches.enter_context(patch.object(owner, name, timed))
            yield

    def _timed(self, part: str, method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def timed(*arguments: Any, **named: Any) -> Any:
            self._turn()
            self._stack.append(part)
            try:
                return method(*arguments, **named)
            finally:
                self._turn()
                self._stack.pop()

        return timed

    def _turn(self) -> None:
        """Count the seconds since the last turn for the part that is on top."""
        now = self._clock()
        if self._stack:
            self.seconds[self._stack[-1]] += now - self._since
        self._since = now
