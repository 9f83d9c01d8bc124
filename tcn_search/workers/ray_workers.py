"""Train trials by workers on a Ray cluster: the executor of one run."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcn_search.errors import ClusterError, InputError
from tcn_search.logs import LOGGER
from tcn_search.text import counted
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.executor import Owner
from tcn_search.workers.model_files import write_model
from tcn_search.workers.process_executor import TRIALS_PER_PROCESS
from tcn_search.workers.ray_cluster import RayCluster, within
from tcn_search.workers.ray_plan import RayPlan, machines_in_words, resources_in_words
from tcn_search.workers.ray_worker import RayWorker
from tcn_search.workers.time_limits import GRACE_SECONDS, time_limits_paused
from tcn_search.workers.trial import EpochReport, TrialJob, TrialOutcome

if TYPE_CHECKING:
    from tcn_search.tasks.training_data import TrainingData

_LOOK_SECONDS = 5.0  # between two looks at the machines of the cluster
_PATIENCE_SECONDS = 30.0  # without a worker, after which a message says what is waited for
_REMINDER_SECONDS = 600.0  # between two such messages
_KILL_SECONDS = 5.0  # in which all workers are killed at the end of a run
_MOST_FAILED_STARTS = 10  # of workers, one after the other


class RayWorkers:
    """The executor of one run on a Ray cluster, with a Ray actor for each worker slot.

    A job is handed out only when a worker is ready for it, so that no trial waits for a machine.
    The number of slots follows the cluster. A worker that dies, by itself or with its machine, ends
    its trial as stale and is replaced.

    Args:
        cluster: a connection in use, which `close` releases.
        data: training and validation split, put into Ray's object store once.
        plan: of the workers.

    Raises:
        InputError: a local cluster can train no trial at all, or the data cannot be stored.
    """

    def __init__(self, cluster: RayCluster, data: TrainingData, plan: RayPlan) -> None:
        import ray

        machines = cluster.machines()
        if cluster.is_local and not any(map(plan.resources.trials_on, machines)):
            raise InputError(
                f"A trial takes {plan.resources}: too much for {machines_in_words(machines)}. Ask "
                "for less, or give the address of a larger cluster."
            )
        self._plan = plan
        self._cluster: RayCluster | None = cluster
        self._actor_class = ray.remote(RayWorker).options(
            num_cpus=plan.resources.cpus, num_gpus=plan.resources.gpus, max_restarts=0
        )
        try:  # what all workers get is kept once on each machine
            self._arguments = [ray.put(data), dict(plan.environment), ray.put(dict(plan.files))]
        except ray.exceptions.RayError as error:
            raise InputError(
                f"The data do not fit into Ray's object store: {_reason(error)}"
            ) from error
        self.slots = plan.slots_on(machines)
        self._workers: list[_Worker] = []
        self._look_at = 0.0  # when the cluster is looked at next, in the seconds of time.monotonic
        self._failed_starts = 0
        self._remind_at = math.inf  # when to say what the run waits for
        backend = plan.environment["KERAS_BACKEND"]
        LOGGER.info(
            "%s, backend %s, on a Ray cluster of %s", self, backend, machines_in_words(machines)
        )

    def __str__(self) -> str:
        text = f"{counted(self.slots, 'worker')}, {self._plan.resources}"
        return f"{text} each" if self.slots > 1 else text

    def run(self, owner: Owner) -> None:
        self._look_at = 0.0
        while True:
            with time_limits_paused(self._workers):
                self._follow_cluster(owner)
                may_have_jobs = self._hand_out_jobs(owner)
            busy = [worker for worker in self._workers if worker.job is not None]
            if not busy and not may_have_jobs:
                return
            self._remind_of_waiting()
            for worker in self._wait():
                with time_limits_paused(self._workers):
                    self._receive(worker, owner)
            for worker in busy:
                if worker.kill_at <= time.monotonic() and not worker.has_answer:
                    with time_limits_paused(self._workers):
                        self._kill_overdue(worker, owner)

    def _hand_out_jobs(self, owner: Owner) -> bool:
        """Give every worker that is ready a job; return False if the owner has no more for now."""
        for worker in [worker for worker in self._workers if worker.is_idle]:
            if worker.must_be_replaced or worker.trials >= TRIALS_PER_PROCESS:
                self._remove(worker)
                self._look_at = 0.0
                continue
            job = owner.next_job()
            if job is None:
                return False
            worker.train(job)
        return owner.needs_executor

    def _follow_cluster(self, owner: Owner) -> None:
        """From time to time, adapt the number of workers to the machines that are there."""
        assert self._cluster is not None
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + _LOOK_SECONDS
        if not self._cluster.head_answers():
            return
        machines = self._cluster.machines()
        slots = self._plan.slots_on(machines)
        if slots != self.slots:
            self.slots = slots
            LOGGER.info("%s now; the Ray cluster has %s", self, machines_in_words(machines))
        waiting = [worker for worker in self._workers if worker.is_starting]
        for worker in waiting[: max(0, len(self._workers) - slots)]:
            self._remove(worker)
        self._start_workers(owner)

    def _start_workers(self, owner: Owner) -> None:
        """Fill the slots, if the owner has something to do for them."""
        while len(self._workers) < self.slots and owner.needs_executor:
            actor = self._actor_class.remote(*self._arguments)
            self._workers.append(_Worker(actor, self._plan.versions))

    def _wait(self) -> list[_Worker]:
        """Return the workers that have answered, after waiting for the first of them."""
        import ray

        waited_for = {
            worker.answer: worker for worker in self._workers if worker.answer is not None
        }
        wake_at = min([self._look_at, *(worker.kill_at for worker in self._workers)])
        seconds = max(0.0, wake_at - time.monotonic())
        if not waited_for:
            time.sleep(seconds)
            return []
        answers = [*waited_for]
        ray.wait(answers, timeout=seconds)
        ready, _ = ray.wait(answers, num_returns=len(answers), timeout=0)
        return [waited_for[answer] for answer in ready]

    def _receive(self, worker: _Worker, owner: Owner) -> None:
        """Pass a message to the owner; end the trial if the worker has died."""
        import ray

        try:
            message: dict[str, Any] = ray.get(worker.answer)
        except ray.exceptions.RayError as error:
            self._remove(worker)
            self._finish_dead(worker, error, owner)
            return
        if "problem" in message:
            if message["problem"]:
                raise ClusterError(
                    f"A machine of the Ray cluster cannot train: {message['problem']}. Install "
                    "the same versions on all machines."
                )
            self._failed_starts = 0
            worker.answer = None
        elif "epoch" in message:
            worker.send({"keep_going": owner.keep_going(EpochReport(**message["epoch"]))})
        else:
            outcome = _with_saved_model(
                TrialOutcome.from_dict(message["outcome"]), message["model"], worker.job
            )
            # The process may still hold the memory that the next trial needs, and after some errors
            # of CUDA no further operation works.
            worker.must_be_replaced = outcome.status in (
                TrialStatus.OUT_OF_MEMORY,
                TrialStatus.FAILED,
            )
            worker.finish()
            owner.finish(outcome)

    def _finish_dead(self, worker: _Worker, error: Exception, owner: Owner) -> None:
        """Finish the trial of a worker that has died. A look at the cluster starts another one."""
        reason = _reason(error)
        if worker.job is not None:
            status = TrialStatus.STALE
            if "low on memory" in str(error):  # Ray has killed it for that
                status = TrialStatus.OUT_OF_MEMORY
            reason = f"its worker has died: {reason}"
            owner.finish(TrialOutcome(worker.job.number, status, reason=reason))
            self._look_at = 0.0
            return
        if "references to the actor were removed" in reason:  # which this process has not done
            raise ClusterError(
                "The machines of the Ray cluster cannot reach the study's process. Ray's token "
                "authentication may be on here and off there, or the other way round: set "
                "RAY_AUTH_MODE to the same value, token or disabled, for `ray start` and for this "
                "command."
            )
        self._failed_starts += 1  # others are started with the next look at the cluster
        is_error_of_code = getattr(error, "actor_init_failed", False)
        if is_error_of_code or self._failed_starts >= max(_MOST_FAILED_STARTS, 2 * self.slots):
            raise ClusterError(
                f"Workers cannot be started on the Ray cluster: {reason}. Install tcn-search and "
                "its packages in the same versions on all machines."
            )

    def _kill_overdue(self, worker: _Worker, owner: Owner) -> None:
        """Kill a worker whose trial did not stop in time, and finish the trial as timed out."""
        assert worker.job is not None
        limit = worker.job.time_limit
        reason = f"the limit is {limit:g} s; it did not stop, so its process was killed"
        self._remove(worker)
        owner.finish(TrialOutcome(worker.job.number, TrialStatus.TIMED_OUT, reason=reason))
        self._look_at = 0.0

    def _remind_of_waiting(self) -> None:
        """Say what the run waits for if there has been no worker for a while."""
        assert self._cluster is not None
        now = time.monotonic()
        if not all(worker.is_starting for worker in self._workers):
            self._remind_at = math.inf
        elif self._remind_at == math.inf:
            self._remind_at = now + _PATIENCE_SECONDS
        elif now >= self._remind_at and self._cluster.head_answers():
            self._remind_at = now + _REMINDER_SECONDS
            LOGGER.warning(
                "No worker is ready yet: each takes %s, and of %s of the Ray cluster, %s are free. "
                "The run waits; Ctrl-C stops it.",
                self._plan.resources,
                machines_in_words(self._cluster.machines()),
                resources_in_words(self._cluster.free()),
            )

    def _remove(self, worker: _Worker) -> None:
        worker.kill()
        self._workers.remove(worker)

    def close(self) -> None:
        if self._cluster is None:
            return
        if not self._cluster.is_lost:
            with suppress(TimeoutError):  # Ray waits for the head before it kills a new worker
                within(_KILL_SECONDS, partial(_kill, [*self._workers]))
        self._workers.clear()
        self._arguments.clear()
        self._cluster.release()
        self._cluster = None


class _Worker:
    """One actor, seen from the study's process.

    Attributes:
        answer: Ray's reference to its next message; None while it waits for a job.
        job: the job that it trains, or None.
        kill_at: when to kill it, in the seconds of `time.monotonic`; infinite without a time limit.
        trials: number of jobs that it was given.
        must_be_replaced: whether it can train no further job.
    """

    def __init__(self, actor: Any, versions: Mapping[str, str]) -> None:
        self._actor = actor
        self.answer: Any = None
        self.job: TrialJob | None = None
        self.kill_at = math.inf
        self.trials = 0
        self.must_be_replaced = False
        self.send({"versions": dict(versions)})

    @property
    def is_starting(self) -> bool:
        return self.job is None and self.answer is not None

    @property
    def is_idle(self) -> bool:
        return self.answer is None

    @property
    def has_answer(self) -> bool:
        """Whether a message has arrived, which may be the trial's outcome."""
        import ray

        ready, _ = ray.wait([self.answer], timeout=0)
        return bool(ready)

    def train(self, job: TrialJob) -> None:
        """Give the worker a job."""
        self.job = job
        self.trials += 1
        if job.time_limit is not None:
            self.kill_at = time.monotonic() + job.time_limit + GRACE_SECONDS
        self.send({"job": job.to_dict()})

    def send(self, message: dict[str, Any]) -> None:
        """Send a message; its answer will be the next one of the worker."""
        self.answer = self._actor.exchange.remote(message)

    def finish(self) -> None:
        """Note that the job has ended."""
        self.job = None
        self.answer = None
        self.kill_at = math.inf

    def kill(self) -> None:
        """End the process at once."""
        import ray

        self.kill_at = math.inf
        ray.kill(self._actor)


def _kill(workers: Sequence[_Worker]) -> None:
    for worker in workers:
        worker.kill()


def _with_saved_model(
    outcome: TrialOutcome, model: bytes | None, job: TrialJob | None
) -> TrialOutcome:
    """Write the model that a worker has sent to a file of its job; return the outcome.

    As for a worker that saves it itself, a job whose model cannot be saved has failed.
    """
    if model is None or job is None:
        return outcome
    try:
        write_model(model, [Path(file) for file in job.model_files])
    except InputError as error:
        reason = f"{type(error).__name__}: {error}"
        return replace(outcome, status=TrialStatus.FAILED, reason=reason)
    return outcome


def _reason(error: Exception) -> str:
    """Return the line of one of Ray's errors that says what happened."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if line.startswith("The actor is dead because")]
    line = (told or lines[-1:] or [type(error).__name__])[0]
    return line.partition(" Worker exit detail:")[0][:300]
