"""Train trials in worker processes.

A process is replaced after some trials, because Keras leaks memory.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from tcn_search.atomic_files import reason_of
from tcn_search.errors import InputError
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.executor import Owner
from tcn_search.workers.failures import last_error_line, oom_kills, status_of_exit
from tcn_search.workers.shared_data import write_training_data
from tcn_search.workers.slots import WorkerSlot
from tcn_search.workers.temporary_folder import TemporaryFolder
from tcn_search.workers.time_limits import GRACE_SECONDS, time_limits_paused
from tcn_search.workers.trial import EpochReport, TrialJob, TrialOutcome

if TYPE_CHECKING:
    from tcn_search.tasks.training_data import TrainingData

# Keras leaks some 6 MiB a trial, so this is well under a quarter of a gigabyte.
TRIALS_PER_PROCESS = 25


class ProcessExecutor:
    """Several worker processes, each with its own Python and its own tensor library.

    They are started as `python -m tcn_search.workers.worker_main`, not forked and not through
    `multiprocessing`: a script that calls `study.run()` needs no `if __name__ == "__main__"`.

    Args:
        data: training and validation split, written once to a temporary folder that all workers
            map.
        slots: one for each worker that trains at the same time; see `slots.plan_workers`.
        trials_per_process: trials after which a process is replaced.

    Raises:
        InputError: on Windows, or if the data cannot be written.
    """

    def __init__(
        self,
        data: TrainingData,
        slots: Sequence[WorkerSlot] = (WorkerSlot(),),
        trials_per_process: int = TRIALS_PER_PROCESS,
    ) -> None:
        if sys.platform == "win32":
            raise InputError(
                "Worker processes need Linux or macOS. On Windows run this in WSL 2, or train in "
                "this process: study.run(executor="
                "tcn_search.workers.executor.InProcessExecutor(study.training_data))"
            )
        self._folder: TemporaryFolder | None = None
        try:
            self._folder = TemporaryFolder()
            write_training_data(data, self._folder.path)
        except OSError as error:
            self._remove_folder()
            raise InputError(
                "The data for the workers cannot be written to a temporary folder: "
                f"{error.strerror or error}. Make room there, or name another folder with TMPDIR."
            ) from error
        self._trials_per_process = trials_per_process
        self._slots = tuple(slots)
        self._workers: list[_Worker] = []

    def run(self, owner: Owner) -> None:
        from multiprocessing.connection import wait

        while True:
            with time_limits_paused(self._workers):
                self._hand_out_jobs(owner)
            busy = {worker.output: worker for worker in self._workers if worker.job is not None}
            if not busy:
                return
            ready = wait([*busy], _seconds_to_next_kill(busy.values()))  # type: ignore[list-item]
            with time_limits_paused(self._workers):
                for output in ready:
                    busy[output].read_messages(owner)  # type: ignore[index]
            for worker in busy.values():
                if worker.kill_at > time.monotonic():
                    continue
                if wait([worker.output], 0):  # type: ignore[list-item]
                    continue  # the unread message may be the trial's outcome
                with time_limits_paused(self._workers):
                    worker.kill_overdue(owner)

    def _hand_out_jobs(self, owner: Owner) -> None:
        """Give every free slot a job, as long as the owner has jobs."""
        running = [worker for worker in self._workers if worker.job is not None]
        while len(running) < len(self._slots):
            job = owner.next_job()
            if job is None:
                return
            worker = self._idle_worker()
            worker.start(job)
            running.append(worker)

    def _idle_worker(self) -> _Worker:
        """Return a worker without a job, and replace a worker that can train no further job."""
        for worker in [worker for worker in self._workers if worker.job is None]:
            if (
                worker.is_alive()
                and not worker.must_be_replaced
                and worker.trials < self._trials_per_process
            ):
                return worker
            worker.close()
            self._workers.remove(worker)
        taken = {worker.slot_number for worker in self._workers}
        free = next(number for number in range(len(self._slots)) if number not in taken)
        assert self._folder is not None
        worker = _Worker(str(self._folder.path), self._slots[free], free)
        self._workers.append(worker)
        return worker

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
    """One worker process, seen from the main process.

    Attributes:
        slot_number: index of its slot.
        job: the job that it trains, or None.
        kill_at: when to kill it, in the seconds of `time.monotonic`; infinite without a time limit.
        trials: number of jobs that it was given.
        must_be_replaced: whether it can train no further job.
    """

    def __init__(self, folder: str, slot: WorkerSlot, slot_number: int) -> None:
        self.slot_number = slot_number
        with ExitStack() as opened:  # is closed if the process cannot be started
            try:
                self._errors = opened.enter_context(tempfile.TemporaryFile())
                self._process = _start_process(folder, slot, self._errors)
            except OSError as error:
                raise InputError(
                    f"A worker process cannot be started: {reason_of(error)}. Fewer workers need "
                    "less: --workers 1 (workers=1)."
                ) from error
            opened.pop_all()
        # Workers that share cores slow each other down.
        if slot.cores and hasattr(os, "sched_setaffinity"):
            with suppress(OSError):  # a container may have lost these cores meanwhile
                os.sched_setaffinity(self._process.pid, slot.cores)
        weakref.finalize(self, self._process.kill)
        self._oom_kills_before = 0
        self._incomplete_line = b""
        self.job: TrialJob | None = None
        self.kill_at = math.inf
        self.trials = 0
        self.must_be_replaced = False

    @property
    def output(self) -> IO[bytes]:
        """The pipe that messages of the worker arrive in."""
        assert self._process.stdout is not None
        return self._process.stdout

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def start(self, job: TrialJob) -> None:
        """Send a job to the worker."""
        self.job = job
        self.trials += 1
        self._oom_kills_before = oom_kills()
        self._send(job.to_dict())

    def read_messages(self, owner: Owner) -> None:
        """Pass messages that have arrived to the owner; end the trial if the worker has died."""
        data = os.read(self.output.fileno(), 1 << 20)
        if not data:
            self._finish_dead(owner)
            return
        *lines, self._incomplete_line = (self._incomplete_line + data).split(b"\n")
        for line in lines:
            self._handle(json.loads(line), owner)

    def _handle(self, message: dict[str, Any], owner: Owner) -> None:
        if "started" in message:
            assert self.job is not None
            if self.job.time_limit is not None:
                self.kill_at = time.monotonic() + self.job.time_limit + GRACE_SECONDS
        elif "epoch" in message:
            self._send({"keep_going": owner.keep_going(EpochReport(**message["epoch"]))})
        else:
            outcome = TrialOutcome.from_dict(message["outcome"])
            # The process may still hold the memory that the next trial needs, and after some errors
            # of CUDA no further operation works.
            self.must_be_replaced = outcome.status in (
                TrialStatus.OUT_OF_MEMORY,
                TrialStatus.FAILED,
            )
            self._finish(owner, outcome)

    def kill_overdue(self, owner: Owner) -> None:
        """Kill a process whose trial did not stop in time, and finish the trial as timed out."""
        assert self.job is not None
        self._process.kill()
        self._process.wait()
        reason = (
            f"the limit is {self.job.time_limit:g} s; it did not stop, so its process was killed"
        )
        self._finish(owner, TrialOutcome(self.job.number, TrialStatus.TIMED_OUT, reason=reason))

    def _finish_dead(self, owner: Owner) -> None:
        """Finish the trial of a process that has died."""
        assert self.job is not None
        code = self._process.wait()
        error_line = self._last_error_line()
        status = status_of_exit(code, error_line, oom_kills() - self._oom_kills_before)
        reason = f"its process ended with code {code}. {error_line}"
        self._finish(owner, TrialOutcome(self.job.number, status, reason=reason))

    def _finish(self, owner: Owner, outcome: TrialOutcome) -> None:
        self.job = None
        self.kill_at = math.inf
        owner.finish(outcome)

    def _last_error_line(self) -> str:
        """Return the last line on standard error that says something about the trial."""
        self._errors.seek(0)
        return last_error_line(self._errors.read().decode(errors="replace"))

    def _send(self, values: dict[str, Any]) -> None:
        """Write one message to the worker's standard input."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has died, which the end of its output will show
            self._process.stdin.write(json.dumps(values).encode() + b"\n")
            self._process.stdin.flush()

    def close(self) -> None:
        """Kill the process and close its pipes."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            if pipe is not None:
                with suppress(BrokenPipeError):  # from a message that was not sent yet
                    pipe.close()


def _seconds_to_next_kill(workers: Iterable[_Worker]) -> float | None:
    """Return the seconds until the first process is to be killed; None without time limits."""
    kill_at = min(worker.kill_at for worker in workers)
    return None if kill_at == math.inf else max(0.0, kill_at - time.monotonic())


def _start_process(folder: str, slot: WorkerSlot, errors: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*new_interpreter(), "tcn_search.workers.worker_main", folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        env={
            "TF_CPP_MIN_LOG_LEVEL": "2",
            **os.environ,
            "PYTHONPATH": import_path(),
            **slot.environment,
        },
        start_new_session=True,  # Ctrl-C reaches the main process only
    )


def new_interpreter() -> list[str]:
    """Return a command that runs a module of the package; the module's name must follow.

    With -P, a file in the current folder does not hide a module of Python with the same name.
    """
    return [sys.executable, "-P", "-m"]


def import_path() -> str:
    """Return a PYTHONPATH by which a new process finds the package where this one found it."""
    import tcn_search

    root = str(Path(tcn_search.__file__).parent.parent)
    inherited = os.environ.get("PYTHONPATH")
    return os.pathsep.join([root, inherited]) if inherited else root
