"""A connection to a Ray cluster, or to a local one that is started for it."""

from __future__ import annotations

import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import Any, TypeVar

from tcn_search.errors import ClusterError, InputError, first_line
from tcn_search.workers.resources import this_machine

_ANSWER_SECONDS = 5.0  # in which the head must accept a connection
# Ray ends the process of a driver that has had no connection to the head for 60 seconds, unless it
# is shut down before.
LOST_SECONDS = 20.0
_SHUTDOWN_SECONDS = 30.0  # without the head it takes about 7

_T = TypeVar("_T")


class RayCluster:
    """A connection to Ray, and the local cluster itself if it was started for it.

    It is shared by several executors: each calls `use` first, and `release` in the end.

    Args:
        address: "auto" for the cluster of this machine, HOST:PORT, or None to start a local one.
        cpus: cores of a local cluster; None: those that this process may use.

    Raises:
        ClusterError: there is no such cluster, or its versions of Python and Ray are others.
        InputError: Ray is not installed.
    """

    def __init__(self, address: str | None, cpus: int | None = None) -> None:
        require_ray()
        import ray

        self.is_local = address is None
        self._users = 0
        self._is_lost = False
        self._shuts_down = not ray.is_initialized()  # else the user connected, and goes on with it
        if self._shuts_down:
            self._connect(address, cpus)
        self._head = ray.get_runtime_context().gcs_address
        self._silent_since: float | None = None

    def _connect(self, address: str | None, cpus: int | None) -> None:
        import ray

        options: dict[str, Any] = {"address": address}
        if address is None:
            options = {
                "address": "local",
                "num_cpus": cpus or _usable_cpus(),
                "include_dashboard": False,
            }
        elif address != "auto" and not _accepts_connections(address):
            raise ClusterError(
                f"There is no Ray cluster at {address}. Start one there with `ray start --head`, "
                "or correct the address."
            )
        try:
            with _signal_handlers_kept():
                ray.init(**options, log_to_driver=False, logging_level=logging.ERROR)
        except Exception as error:  # Ray raises many kinds, a plain Exception among them
            if address is None:
                where = "A local Ray cluster cannot be started"
            else:
                where = f"The Ray cluster at {address} cannot be used from this machine"
            reason = first_line(error)
            if reason.startswith("Failed to connect"):  # though something listens there
                reason += (
                    ". Its token authentication must be that of this command: set RAY_AUTH_MODE to "
                    "the same value, token or disabled, for `ray start` and here."
                )
            raise ClusterError(f"{where}: {reason}") from error

    def use(self) -> None:
        """Count a user of the connection."""
        self._users += 1

    def release(self) -> None:
        """Disconnect after the last user, and end a cluster that was started here."""
        import ray

        self._users -= 1
        if self._users == 0 and self._shuts_down:
            with suppress(TimeoutError):
                within(_SHUTDOWN_SECONDS, ray.shutdown)

    @property
    def is_open(self) -> bool:
        """Whether the connection can be used."""
        import ray

        if self._shuts_down and not self._users:
            return False
        return ray.is_initialized() and not self._is_lost

    @property
    def is_lost(self) -> bool:
        """Whether the head did not answer for so long that it can be asked nothing any more."""
        return self._is_lost

    def head_answers(self) -> bool:
        """Return whether the head of the cluster accepts a connection now.

        Raises:
            ClusterError: it has not answered for `LOST_SECONDS`.
        """
        asked = time.monotonic()
        if _accepts_connections(self._head):
            self._silent_since = None
            return True
        if self._silent_since is None:
            self._silent_since = asked
        if time.monotonic() - self._silent_since > LOST_SECONDS:
            raise self._lost()
        return False

    def machines(self) -> list[dict[str, float]]:
        """Return the resources of each machine of the cluster that is alive.

        Raises:
            ClusterError: the head has not answered for `LOST_SECONDS`.
        """
        import ray

        return [node["Resources"] for node in self._ask(ray.nodes) if node["Alive"]]

    def free(self) -> dict[str, float]:
        """Return the resources of the whole cluster that nothing uses.

        Raises:
            ClusterError: the head has not answered for `LOST_SECONDS`.
        """
        import ray

        return self._ask(ray.available_resources)

    def _ask(self, question: Callable[[], _T]) -> _T:
        """Return the head's answer, for which Ray itself would wait until it ends the process."""
        try:
            return within(LOST_SECONDS, question)
        except TimeoutError:
            raise self._lost() from None

    def _lost(self) -> ClusterError:
        self._is_lost = True
        return ClusterError(
            f"The head of the Ray cluster, {self._head}, has not answered for "
            f"{LOST_SECONDS:.0f} seconds. The study is kept: once a cluster runs again, the "
            "same command continues it, as it does on one machine without --executor ray."
        )


def require_ray() -> None:
    """Raise an InputError if Ray is not installed."""
    if find_spec("ray") is None:
        raise InputError("Training on a cluster needs Ray: pip install 'tcn-search[ray]'")


def within(seconds: float, function: Callable[[], _T]) -> _T:
    """Call a function in a thread of its own.

    Raises:
        TimeoutError: it has not returned within so many seconds; the thread goes on.
    """
    result: Future[_T] = Future()

    def call() -> None:
        try:
            result.set_result(function())
        except Exception as error:
            result.set_exception(error)

    threading.Thread(target=call, daemon=True).start()
    return result.result(timeout=seconds)


def _usable_cpus() -> int:
    machine = this_machine()
    return min(len(machine.cores), machine.quota or len(machine.cores))


def _accepts_connections(address: str) -> bool:
    """Return whether a process accepts connections at HOST:PORT."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_SECONDS):
            return True
    except (OSError, ValueError, OverflowError):
        return False


@contextmanager
def _signal_handlers_kept() -> Iterator[None]:
    """Restore the handlers of signals: `ray.init` replaces that of SIGTERM."""
    handlers = {}
    if threading.current_thread() is threading.main_thread():
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            with suppress(TypeError):  # it was set outside of Python
                signal.signal(number, handler)
