"""Measure what a trial costs on a Ray cluster of this machine more than in a worker process.

    python benchmarks/executors.py

One worker of each kind takes turns with the other, trial by trial: with trials that end at once,
because their network cannot be built, and with small trainings that report many epochs. The first
turns, in which workers start, are not counted.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from tcn_search import Architecture, RayExecutor, Task, TrainingSettings
from tcn_search.workers.backends import resolve_backend
from tcn_search.workers.executor import Executor
from tcn_search.workers.process_executor import ProcessExecutor
from tcn_search.workers.slots import WorkerSlot, thread_variables
from tcn_search.workers.trial import EpochReport, TrialJob, TrialOutcome

SMALL = Architecture(nb_filters=4, kernel_size=2, dilations=(1, 2))
UNBUILDABLE = replace(SMALL, activation="nothing")


class OneJob:
    """The owner of one job."""

    def __init__(self, job: TrialJob) -> None:
        self.job: TrialJob | None = job

    @property
    def needs_executor(self) -> bool:
        return self.job is not None

    def next_job(self) -> TrialJob | None:
        job, self.job = self.job, None
        return job

    def keep_going(self, report: EpochReport) -> bool:
        return True

    def finish(self, outcome: TrialOutcome) -> None:
        if outcome.status not in ("complete", "unbuildable"):
            raise RuntimeError(f"a trial ended as {outcome.status}: {outcome.reason}")


def row(title: str, executors: Mapping[str, Executor], job: TrialJob, turns: int) -> str:
    seconds: dict[str, list[float]] = {name: [] for name in executors}
    for turn in range(turns + 3):
        for name, executor in executors.items():
            started = time.perf_counter()
            executor.run(OneJob(job))
            if turn >= 3:
                seconds[name].append(time.perf_counter() - started)
    process, ray = (1e3 * statistics.median(taken) for taken in seconds.values())
    pairs = zip(*seconds.values(), strict=True)
    more = 1e3 * statistics.median(on_ray - in_process for in_process, on_ray in pairs)
    return f"| {title} | {process:,.1f} | {ray:,.1f} | {more:+,.1f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=50, help="of the small trainings")
    parser.add_argument("--append", type=Path, metavar="FILE", help="append the table to this file")
    arguments = parser.parse_args()
    generator = np.random.default_rng(0)
    task = Task.from_arrays(generator.normal(size=(64, 16, 1)), np.arange(64) % 2)
    backend = resolve_backend("auto")
    slot = WorkerSlot(threads=1, environment={"KERAS_BACKEND": backend, **thread_variables(1)})
    executors: dict[str, Executor] = {
        "process": ProcessExecutor(task.training, [slot], trials_per_process=10**6),
        "ray": RayExecutor(workers=1).workers_for(task.training, backend),
    }
    job = TrialJob(
        number=0,
        architecture=SMALL,
        settings=TrainingSettings(epochs=arguments.epochs, batch_size=64),
        objective="val_loss",
        direction="minimize",
        seed=0,
    )
    try:
        rows = [
            row("ends at once", executors, replace(job, architecture=UNBUILDABLE), arguments.turns),
            row(f"{arguments.epochs} epochs", executors, job, arguments.turns),
        ]
    finally:
        for executor in executors.values():
            executor.close()
    lines = [
        "",
        "## Trials on a Ray cluster",
        "",
        f"`python benchmarks/executors.py --turns {arguments.turns}`: milliseconds a trial, "
        f"{backend}, one worker each, which take turns; medians, and the median difference.",
        "",
        "| trial | worker process | Ray | difference |",
        "| --- | --- | --- | --- |",
        *rows,
        "",
    ]
    print("\n".join(lines))
    if arguments.append is not None:
        with arguments.append.open("a", encoding="utf-8") as file:
            file.write("\n".join(lines))


if __name__ == "__main__":
    main()
