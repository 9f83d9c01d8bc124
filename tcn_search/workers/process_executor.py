"""Trains trials in processes of their own, which are replaced after some trials because Keras leaks memory."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from tcn_search.errors import InputError
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.executor import Owner
from tcn_search.workers.failures import oom_kills, status_of_process
from tcn_search.workers.shared_data import write_training_data
from tcn_search.workers.slots import WorkerSlot
from tcn_search.workers.temporary_folder import TemporaryFolder
from tcn_search.workers.trial import EpochReport, TrialJob, TrialOutcome

if TYPE_CHECKING:
    from tcn_search.tasks.training_data import TrainingData

GRACE_SECONDS = 10.0  # beyond a trial's time limit for it to end by itself, between two batches
TRIALS_PER_PROCESS = (
    25  # at some 6 MiB a trial that stays behind, well under a quarter of a gigabyte
)


class ProcessExecutor:
    """Several worker processes, each with its own Python and its own tensor library.

    They are started as `python -m tcn_search.workers.worker_main`, not forked and not through
    `multiprocessing`: a script that calls `study.run()` needs no `if __name__ == "__main__"`.

    Args:
        data: written once to a temporary folder that all workers map.
        slots: one worker each, trials at the same time; see `slots.plan_workers`.
    """

    def __init__(
        self,
        data: TrainingData,
        slots: Sequence[WorkerSlot] = (WorkerSlot(),),
        trials_per_process: int = TRIALS_PER_PROCESS,
    ) -> None:
        if sys.platform == "win32":
            raise InputError(
                "Worker processes need Linux or macOS. On Windows run this in WSL 2, or train in this process: "
                "study.run(executor=tcn_search.workers.executor.InProcessExecutor(study.training_data))"
            )
        self._folder: TemporaryFolder | None = None
        try:
            self._folder = TemporaryFolder()
            write_training_data(data, self._folder.path)
        except OSError as error:
            self._remove_folder()
            raise InputError(
                f"The data for the workers cannot be written to a temporary folder: {error.strerror or error}. Make "
                "room there, or name another folder with TMPDIR."
            ) from error
        self._trials_per_process = trials_per_process
        self._slots = tuple(slots)
        self._workers: list[_Worker] = []

    def run(self, owner: Owner) -> None:
        from multiprocessing.connection import wait

        while True:
            with self._owner_at_work():
                self._hand_out(owner)
            busy = {worker.output: worker for worker in self._workers if worker.job is not None}
            if not busy:
                return
            ready = wait([*busy], _seconds_left(busy.values()))  # type: ignore[list-item]
            with self._owner_at_work():
                for output in ready:
                    busy[output].listen(owner)  # type: ignore[index]
            for worker in busy.values():
                # Where there is something to read, it may be the trial's end.
                if worker.kill_at <= time.monotonic() and not wait([worker.output], 0):  # type: ignore[list-item]
                    worker.end_overdue(owner)

    @contextmanager
    def _owner_at_work(self) -> Iterator[None]:
        """Its storage or sampler may be slow; workers that wait for an answer meanwhile lose no time of theirs."""
        busy = [worker for worker in self._workers if worker.job is not None]
        began = time.monotonic()
        yield
        for worker in busy:
            worker.kill_at += time.monotonic() - began

    def _hand_out(self, owner: Owner) -> None:
        """Give every free place a job, as long as the owner has some."""
        running = [worker for worker in self._workers if worker.job is not None]
        while len(running) < len(self._slots):
            job = owner.next_job()
            if job is None:
                return
            worker = self._free_worker()
            worker.start(job)
            running.append(worker)

    def _free_worker(self) -> _Worker:
        for worker in [worker for worker in self._workers if worker.job is None]:
            if worker.is_alive() and not worker.spent and worker.trials < self._trials_per_process:
                return worker
            worker.close()
            self._workers.remove(worker)
        taken = {worker.slot_number for worker in self._workers}
        number = next(number for number in range(len(self._slots)) if number not in taken)
        assert self._folder is not None
        worker = _Worker(str(self._folder.path), self._slots[number], number)
        self._workers.append(worker)
        return worker

    def process_ids(self) -> list[int]:
        """The worker processes that are there now."""
        return [worker.process_id for worker in self._workers]

    def close(self) -> None:
        for worker in self._workers:
            worker.close()
        self._workers.clear()
        self._remove_folder()

    def _remove_folder(self) -> None:
        if self._folder is not None:
            self._folder.remove()
            self._folder = None


class _Worker:
    """The owner's end of one worker process."""

    def __init__(self, folder: str, slot: WorkerSlot, number: int) -> None:
        self.slot_number = number
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tcn_search.workers.worker_main", folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={
                "TF_CPP_MIN_LOG_LEVEL": "2",
                **os.environ,
                "PYTHONPATH": import_path(),
                **slot.environment,
            },
            start_new_session=True,  # Ctrl-C reaches the owner only
        )
        if slot.cores and hasattr(
            os, "sched_setaffinity"
        ):  # workers side by side get in each other's way
            with suppress(OSError):  # a container may have lost these cores meanwhile
                os.sched_setaffinity(self._process.pid, slot.cores)
        weakref.finalize(self, self._process.kill)
        self._oom_kills = 0
        self.job: TrialJob | None = None
        self.kill_at = math.inf
        self.trials = 0
        self.spent = False
        self._unread = b""

    @property
    def output(self) -> IO[bytes]:
        """What to wait for."""
        assert self._process.stdout is not None
        return self._process.stdout

    @property
    def process_id(self) -> int:
        return self._process.pid

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def start(self, job: TrialJob) -> None:
        self.job = job
        self.trials += 1
        self._oom_kills = oom_kills()
        self._say(job.to_dict())

    def listen(self, owner: Owner) -> None:
        """Read what is there and pass it on. A worker that has died has lost its trial."""
        data = os.read(self.output.fileno(), 1 << 20)
        if not data:
            self._lose(owner)
            return
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._take(json.loads(line), owner)

    def _take(self, message: dict[str, Any], owner: Owner) -> None:
        if "started" in message:
            assert self.job is not None
            if self.job.time_limit is not None:
                self.kill_at = time.monotonic() + self.job.time_limit + GRACE_SECONDS
        elif "epoch" in message:
            self._say({"keep_going": owner.keep_going(EpochReport(**message["epoch"]))})
        else:
            outcome = TrialOutcome.from_dict(message["outcome"])
            # What it still holds is missing next time, and after some errors of CUDA nothing works any more.
            self.spent = outcome.status in (TrialStatus.OUT_OF_MEMORY, TrialStatus.FAILED)
            self._end(owner, outcome)

    def end_overdue(self, owner: Owner) -> None:
        """Kill a trial that does not end by itself; its process goes with it."""
        assert self.job is not None
        self._process.kill()
        self._process.wait()
        reason = (
            f"the limit is {self.job.time_limit:g} s; it did not stop, so its process was killed"
        )
        self._end(owner, TrialOutcome(self.job.number, TrialStatus.TIMED_OUT, reason=reason))

    def _lose(self, owner: Owner) -> None:
        assert self.job is not None
        code = self._process.wait()
        words = self._last_words()
        status = status_of_process(code, words, oom_kills() - self._oom_kills)
        reason = f"its process ended with code {code}. {words}"
        self._end(owner, TrialOutcome(self.job.number, status, reason=reason))

    def _end(self, owner: Owner, outcome: TrialOutcome) -> None:
        self.job = None
        self.kill_at = math.inf
        owner.finish(outcome)

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else ""

    def _say(self, values: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has died; the end of its output will say so
            self._process.stdin.write(json.dumps(values).encode() + b"\n")
            self._process.stdin.flush()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            if pipe is not None:
                with suppress(BrokenPipeError):  # what was left to send has nobody to read it
                    pipe.close()


def _seconds_left(workers: Iterable[_Worker]) -> float | None:
    """Until the first of the running trials is to be killed; None if none has a time limit."""
    kill_at = min(worker.kill_at for worker in workers)
    return None if kill_at == math.inf else max(0.0, kill_at - time.monotonic())


def import_path() -> str:
    """PYTHONPATH with the folder where this process found the package, however it found it."""
    import tcn_search

    here = str(Path(tcn_search.__file__).parent.parent)
    return os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
