"""The lease of a study: one process at a time, on any machine, holds and renews it.

The lease is one row of the study's attributes in the storage. A process takes and renews it by
comparing and swapping that row in a single SQL statement, because Optuna's own attributes are
last-write-wins: of two processes that try at the same time, exactly one gets the lease.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import optuna
import psutil
import sqlalchemy
from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config
from sqlalchemy.exc import SQLAlchemyError

from tcn_search.errors import LeaseError, LeaseLost

KEY = "owner"
# Duration of a lease. It is renewed every 30 seconds, and a storage may be away for a minute: so
# clocks of machines that share a storage may differ by half a minute.
SECONDS = 120.0
RENEWALS = 4  # within this duration
_TAKE_ATTEMPTS = 3
_NO_HOLDER = json.dumps(None)
_HELD_TOKENS: set[str] = set()  # of the leases that this process holds
# Optuna's tables; `key` is unique for each study.
_ATTRIBUTES = sqlalchemy.table(
    "study_user_attributes",
    sqlalchemy.column("study_id"),
    sqlalchemy.column("key"),
    sqlalchemy.column("value_json"),
)
_STUDIES = sqlalchemy.table("studies", sqlalchemy.column("study_id"))


@with_config(ConfigDict(strict=True, extra="ignore"))
@dataclass(frozen=True)
class Holder:
    """The process that has a lease, as stored. Later versions may add fields; these stay.

    Attributes:
        host: name of the machine, which several containers may share.
        process: process ID.
        token: random, a new one for each lease.
        since, until: when the lease was taken and when it runs out, in seconds since 1970 (UTC).
        home: where the process ID is valid, see `_process_namespace`.
        born: when the process started, see `_start_ticks`; tells it from others with the same ID.
    """

    host: str
    process: int
    token: str
    since: float
    until: float
    home: str = ""
    born: str = ""

    def has_ended(self) -> bool:
        """Return whether the lease has run out, or its process is known to be gone.

        Only processes of this machine and namespace are looked up.
        """
        if time.time() > self.until:
            return True
        if self.host != socket.gethostname() or self.home != _process_namespace():
            return False
        if not _exists(self.process):
            return True
        started = _start_ticks(self.process)
        if started and self.born and started != self.born:
            return True  # another process has the ID now
        return self.process == os.getpid() and self.token not in _HELD_TOKENS

    def __str__(self) -> str:
        return f"process {self.process} on {self.host}, since {_utc(self.since)}"


class Lease:
    """The lease of one study, as this process holds or wants it.

    Args:
        storage: where the study is stored.
        name: the study's name.
        seconds: how long the lease lasts without renewal.
    """

    def __init__(
        self, storage: optuna.storages.RDBStorage, name: str, seconds: float = SECONDS
    ) -> None:
        self._engine = storage.engine
        self._name = name
        self._seconds = seconds
        self._study_id = storage.get_study_id_from_name(name)
        self._held: Holder | None = None
        self._held_text = ""  # `_held` as stored
        self._why_lost = ""
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def holder(self) -> Holder | None:
        """Return the stored holder of the lease, even if the lease has run out."""
        return _parsed_holder(self._read())

    def take(self) -> None:
        """Take the lease.

        Raises:
            LeaseError: another process has it; says which process, and until when.
        """
        now = time.time()
        new_holder = Holder(
            host=socket.gethostname(),
            process=os.getpid(),
            token=secrets.token_hex(8),
            since=now,
            until=now + self._seconds,
            home=_process_namespace(),
            born=_start_ticks(os.getpid()),
        )
        for _ in range(_TAKE_ATTEMPTS):
            stored_text = self._read()
            holder = _parsed_holder(stored_text)
            if holder is not None and not holder.has_ended():
                raise LeaseError(
                    f"The study {self._name!r} is in use by {holder}. Wait for it or stop it; if "
                    f"it has died, its lease ends at {_utc(holder.until)}."
                )
            if self._swap(stored_text, new_holder):
                return
        raise LeaseError(
            f"The study {self._name!r} is in use by another process, which was quicker."
        )

    def renew(self) -> None:
        """Let the lease last for its full duration from now on.

        Raises:
            LeaseLost: the lease had run out and another process has taken it, or the study was
                deleted.
        """
        with self._lock:
            if self._held is None:
                return
            renewed = replace(self._held, until=time.time() + self._seconds)
            if self._swap(self._held_text, renewed) or self._swap_unconfirmed(renewed):
                return
            self._forget()
            reason = f"The study {self._name!r} was deleted while it ran."
            if self._study_exists():
                reason = self._why_taken(self.holder())
            self._why_lost = reason
            raise LeaseLost(reason)

    def _why_taken(self, holder: Holder | None) -> str:
        away = f"this one was away for longer than its lease of {self._seconds:.0f} s"
        if holder is None:
            return (
                f"Another process has run the study {self._name!r} meanwhile: {away}. The same "
                "command continues the study."
            )
        return (
            f"Another process runs the study {self._name!r} now ({holder}): {away}. The other "
            "process takes over the trials that were in training here."
        )

    def require(self) -> None:
        """Raise LeaseLost if another process has the lease by now.

        The storage is read only once half of the lease's duration is over.
        """
        held = self._held
        if held is None:
            raise LeaseLost(self._why_lost or f"Another process runs the study {self._name!r} now.")
        if time.time() > held.until - self._seconds / 2:
            self.renew()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Renew the lease in a thread of its own, however long an epoch takes; end it at exit."""
        thread = threading.Thread(target=self._renew_regularly, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()
            self.let_go()

    def _renew_regularly(self) -> None:
        while not self._stop.wait(self._seconds / RENEWALS):
            try:
                self.renew()
            except LeaseLost:
                return
            except SQLAlchemyError:  # the search reports an unavailable storage itself
                continue

    def let_go(self) -> None:
        """End the lease if this process still has it and the storage can be written."""
        with self._lock:
            if self._held is not None:
                self._forget()
                try:
                    self._update(self._held_text, _NO_HOLDER)
                except SQLAlchemyError:
                    return  # the lease runs out by itself

    def _read(self) -> str | None:
        statement = sqlalchemy.select(_ATTRIBUTES.c.value_json).where(*self._row())
        with self._engine.connect() as connection:
            return connection.execute(statement).scalar()

    def _swap(self, stored_text: str | None, new_holder: Holder) -> bool:
        """Store a holder if the row is still as given; return whether it was."""
        new_text = json.dumps(asdict(new_holder))
        is_stored = self._update(stored_text, new_text)
        if not is_stored and stored_text is None:
            is_stored = self._insert(new_text)
        if not is_stored:
            return False
        self._held = new_holder
        self._held_text = new_text
        _HELD_TOKENS.add(new_holder.token)
        return True

    def _swap_unconfirmed(self, new_holder: Holder) -> bool:
        """Swap after an earlier renewal was written, but the connection broke before the reply."""
        stored_text = self._read()
        holder = _parsed_holder(stored_text)
        if holder is None or holder.token != new_holder.token:
            return False
        return self._swap(stored_text, new_holder)

    def _study_exists(self) -> bool:
        statement = sqlalchemy.select(_STUDIES.c.study_id).where(
            _STUDIES.c.study_id == self._study_id
        )
        with self._engine.connect() as connection:
            return connection.execute(statement).first() is not None

    def _forget(self) -> None:
        if self._held is not None:
            _HELD_TOKENS.discard(self._held.token)
        self._held = None

    def _update(self, stored_text: str | None, new_text: str) -> bool:
        unchanged = _ATTRIBUTES.c.value_json == stored_text
        statement = _ATTRIBUTES.update().where(*self._row(), unchanged).values(value_json=new_text)
        with self._engine.begin() as connection:
            return connection.execute(statement).rowcount == 1

    def _insert(self, text: str) -> bool:
        statement = _ATTRIBUTES.insert().values(study_id=self._study_id, key=KEY, value_json=text)
        try:
            with self._engine.begin() as connection:
                connection.execute(statement)
        except sqlalchemy.exc.IntegrityError:  # another process was quicker
            return False
        return True

    def _row(self) -> tuple[sqlalchemy.ColumnElement[bool], ...]:
        return _ATTRIBUTES.c.study_id == self._study_id, _ATTRIBUTES.c.key == KEY


_HOLDER = TypeAdapter(Holder)


def _parsed_holder(text: str | None) -> Holder | None:
    """Return the holder in a stored text; None if there is none or the text is damaged."""
    if text is None:
        return None
    try:
        return _HOLDER.validate_json(text)
    except ValidationError:
        return None


@cache
def _process_namespace() -> str:
    """Return the boot and the namespace in which process IDs are valid; empty if not Linux.

    psutil reads neither. On other systems containers are machines of their own.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return ""


def _exists(process: int) -> bool:
    """Return whether a process exists, or may exist where other users' processes are hidden.

    Process 1 always exists: if it cannot be seen, /proc is mounted with `hidepid`.
    """
    if psutil.pid_exists(process):
        return True
    return psutil.POSIX and not psutil.pid_exists(1)


def _start_ticks(process: int) -> str:
    """Return when a process started, in clock ticks since the boot; empty if unknown.

    Stored leases have this number, field 22 of Linux's /proc/PID/stat. psutil adds the time of
    the boot to it, which changes when the clock is set; subtracting it again leaves the ticks.
    """
    if not psutil.LINUX:
        return ""
    try:
        boot = psutil.boot_time()
        started = psutil.Process(process).create_time()
    except (psutil.Error, OSError, RuntimeError):  # RuntimeError: no time of the boot in /proc
        return ""
    return str(round((started - boot) * os.sysconf("SC_CLK_TCK")))


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(sep=" ", timespec="seconds")
