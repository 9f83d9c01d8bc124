"""Who runs a study: one process at a time, on whatever machine, for as long as it renews its lease.

The lease is one row of the study's attributes in the storage. It is taken and renewed by comparing and swapping
that row in a single SQL statement, because Optuna's own attributes are last-write-wins: of two processes that
reach for it at once, one gets it.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import optuna
import sqlalchemy
from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config
from sqlalchemy.exc import SQLAlchemyError

from tcn_search.errors import InputError

KEY = "owner"
SECONDS = 120.0  # that a lease lasts; clocks of machines that share a storage must agree to within some of it
RENEWALS = 4  # in that time
_NOBODY = json.dumps(None)
_OURS: set[str] = set()  # tokens of the leases that this process has not let go of
# As Optuna lays its tables out; `key` has a unique row for each study.
_ATTRIBUTES = sqlalchemy.table(
    "study_user_attributes",
    sqlalchemy.column("study_id"),
    sqlalchemy.column("key"),
    sqlalchemy.column("value_json"),
)
_STUDIES = sqlalchemy.table("studies", sqlalchemy.column("study_id"))


class LeaseLost(InputError):
    """Another process runs the study now, or it has been deleted."""


@with_config(ConfigDict(strict=True, extra="ignore"))
@dataclass(frozen=True)
class Holder:
    """What the storage knows of a lease. Times are seconds since 1970 in UTC.

    Later versions may add fields; those of now stay.

    `host` may be the name of several containers; `home` is where the process has its number, see `_home`, and `born`
    tells it from others that had the number before or after.
    """

    host: str
    process: int
    token: str
    since: float
    until: float
    home: str = ""
    born: str = ""

    def has_ended(self) -> bool:
        """Whether the lease has run out, or its process is one of those that can be seen from here, and is no more."""
        if time.time() > self.until:
            return True
        if self.host != socket.gethostname() or self.home != _home():
            return False
        if self.process == os.getpid() and self.born == _born(self.process):
            return self.token not in _OURS
        return not _is_alive(self.process) or _born(self.process) not in ("", self.born)

    def __str__(self) -> str:
        return f"process {self.process} on {self.host}, since {_clock(self.since)}"


class Lease:
    """This process's lease on one study.

    Args:
        storage, name: where the study is.
        seconds: how long it lasts without renewal.
    """

    def __init__(
        self, storage: optuna.storages.RDBStorage, name: str, seconds: float = SECONDS
    ) -> None:
        self._engine = storage.engine
        self._name = name
        self._seconds = seconds
        self._study_id = storage.get_study_id_from_name(name)
        self._text = ""
        self._held: Holder | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def holder(self) -> Holder | None:
        """Who has the lease now, run out or not."""
        return _holder_in(self._read())

    def take(self) -> None:
        """Get the lease.

        Raises:
            InputError: another process has it; says which, and until when.
        """
        now = time.time()
        mine = Holder(
            socket.gethostname(),
            os.getpid(),
            secrets.token_hex(8),
            since=now,
            until=now + self._seconds,
            home=_home(),
            born=_born(os.getpid()),
        )
        for _ in range(3):
            there = self._read()
            holder = _holder_in(there)
            if holder is not None and not holder.has_ended():
                raise InputError(
                    f"The study {self._name!r} is being run by {holder}. Wait for it or stop it; if it has died, its "
                    f"lease ends at {_clock(holder.until)}."
                )
            if self._swap(there, mine):
                return
        raise InputError(
            f"The study {self._name!r} is being run by another process, which was quicker."
        )

    def renew(self) -> None:
        """Make the lease last from now on.

        Raises:
            LeaseLost: it had run out, and another process has taken it.
        """
        with self._lock:
            if self._held is None:
                return
            longer = replace(self._held, until=time.time() + self._seconds)
            if not self._swap(self._text, longer) and not self._swap_own(longer):
                self._give_up()
                if not self._exists():
                    raise LeaseLost(f"The study {self._name!r} was deleted while it ran.")
                raise LeaseLost(
                    f"Another process runs the study {self._name!r} now ({self.holder()}): this one was away for "
                    f"longer than its lease of {self._seconds:.0f} s. What it was training is in that one's hands."
                )

    def require(self) -> None:
        """Raise LeaseLost if the lease is another's by now; asks the storage only when it may be."""
        held = self._held
        if held is None:
            raise LeaseLost(f"Another process runs the study {self._name!r} now.")
        if time.time() > held.until - self._seconds / 2:
            self.renew()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Renew in a thread of its own, however long an epoch takes; let go at the end."""
        thread = threading.Thread(target=self._keep, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()
            self.let_go()

    def _keep(self) -> None:
        while not self._stop.wait(self._seconds / RENEWALS):
            try:
                self.renew()
            except LeaseLost:
                return
            except SQLAlchemyError:  # the storage is away for now; the search meets that itself
                continue

    def let_go(self) -> None:
        """End the lease, if it is still ours and the storage can be written."""
        with self._lock:
            if self._held is not None:
                self._give_up()
                try:
                    self._update(self._text, _NOBODY)
                except SQLAlchemyError:
                    return  # it runs out by itself

    def _read(self) -> str | None:
        statement = sqlalchemy.select(_ATTRIBUTES.c.value_json).where(*self._here())
        with self._engine.connect() as connection:
            return connection.execute(statement).scalar()

    def _swap(self, there: str | None, mine: Holder) -> bool:
        text = json.dumps(asdict(mine))
        done = self._update(there, text) or (there is None and self._insert(text))
        if done:
            self._held = mine
            self._text = text
            _OURS.add(mine.token)
        return done

    def _swap_own(self, mine: Holder) -> bool:
        """The same where an earlier renewal was written, but the connection broke before it was heard of."""
        there = self._read()
        holder = _holder_in(there)
        return holder is not None and holder.token == mine.token and self._swap(there, mine)

    def _exists(self) -> bool:
        """Whether the study is still in the storage."""
        statement = sqlalchemy.select(_STUDIES.c.study_id).where(
            _STUDIES.c.study_id == self._study_id
        )
        with self._engine.connect() as connection:
            return connection.execute(statement).first() is not None

    def _give_up(self) -> None:
        if self._held is not None:
            _OURS.discard(self._held.token)
        self._held = None

    def _update(self, there: str | None, text: str) -> bool:
        statement = _ATTRIBUTES.update().where(*self._here(), _ATTRIBUTES.c.value_json == there)
        with self._engine.begin() as connection:
            return connection.execute(statement.values(value_json=text)).rowcount == 1

    def _insert(self, text: str) -> bool:
        statement = _ATTRIBUTES.insert().values(study_id=self._study_id, key=KEY, value_json=text)
        try:
            with self._engine.begin() as connection:
                connection.execute(statement)
        except sqlalchemy.exc.IntegrityError:  # another process was quicker
            return False
        return True

    def _here(self) -> tuple[sqlalchemy.ColumnElement[bool], ...]:
        return _ATTRIBUTES.c.study_id == self._study_id, _ATTRIBUTES.c.key == KEY


_HOLDER = TypeAdapter(Holder)


def _holder_in(text: str | None) -> Holder | None:
    """Read a lease; what is damaged is nobody's."""
    try:
        return None if text is None else _HOLDER.validate_json(text)
    except ValidationError:
        return None


@cache
def _home() -> str:
    """The boot of the machine and the namespace in which a process has its number; empty where they cannot be told."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:  # not Linux, where containers are machines of their own
        return ""


def _born(process: int) -> str:
    """When a process began, in ticks since the boot; empty where that cannot be told."""
    try:
        return Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[19].decode()
    except OSError:
        return ""


def _is_alive(process: int) -> bool:
    if sys.platform == "win32":  # there signal 0 is no question
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(sep=" ", timespec="seconds")
