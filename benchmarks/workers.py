"""Measure trials per hour: one worker with all cores against one worker per core.

    python benchmarks/workers.py

Both train the same trials on the adding problem. They take turns with their processes kept alive;
the first turn, in which processes start, is not counted. Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

from tcn_search.planning.architecture import Architecture
from tcn_search.settings import TrainingSettings
from tcn_search.tasks.registry import load_task
from tcn_search.workers.backends import resolve_backend
from tcn_search.workers.process_executor import ProcessExecutor
from tcn_search.workers.resources import this_machine
from tcn_search.workers.slots import plan_workers
from tcn_search.workers.trial import EpochReport, TrialJob, TrialOutcome

ARCHITECTURES = [
    Architecture(
        nb_filters=filters, kernel_size=kernel, dilations=tuple(2**level for level in range(levels))
    )
    for filters, kernel, levels in ((16, 8, 6), (24, 6, 7), (32, 4, 8), (24, 8, 6))
]


class Jobs:
    """The owner of a fixed number of jobs, none of which is pruned."""

    def __init__(self, trials: int, epochs: int) -> None:
        settings = TrainingSettings(epochs=epochs, batch_size=64)
        self.waiting = [
            TrialJob(
                number,
                ARCHITECTURES[number % len(ARCHITECTURES)],
                settings,
                "val_loss",
                "minimize",
                number,
            )
            for number in range(trials)
        ]

    def next_job(self) -> TrialJob | None:
        return self.waiting.pop() if self.waiting else None

    def keep_going(self, report: EpochReport) -> bool:
        return True

    def finish(self, outcome: TrialOutcome) -> None:
        if outcome.status != "complete":
            raise RuntimeError(f"trial {outcome.number} ended {outcome.status}: {outcome.reason}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=8, help="per turn")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seq-len", type=int, default=600)
    parser.add_argument("--train-size", type=int, default=2_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--backend", default="auto")
    parser.add_argument(
        "--append", type=Path, metavar="FILE", help="append the table to this markdown file too"
    )
    arguments = parser.parse_args()
    data = load_task("adding", seq_len=arguments.seq_len, train_size=arguments.train_size).training
    machine, backend = this_machine(), resolve_backend(arguments.backend)
    plans = [plan_workers(machine, backend, workers=workers) for workers in (1, len(machine.cores))]
    executors = [ProcessExecutor(data, plan.slots, trials_per_process=10**6) for plan in plans]
    rates: list[list[float]] = [[] for _ in plans]
    try:
        for turn in range(arguments.turns + 1):
            for executor, taken in zip(executors, rates, strict=True):
                started = time.perf_counter()
                executor.run(Jobs(arguments.trials, arguments.epochs))
                if turn:
                    taken.append(3600 * arguments.trials / (time.perf_counter() - started))
    finally:
        for executor in executors:
            executor.close()
    medians = [statistics.median(taken) for taken in rates]
    lines = [
        f"{plan!s:<60} {rate:>8,.0f} trials an hour  {rate / medians[0]:.2f}"
        for plan, rate in zip(plans, medians, strict=True)
    ]
    text = "\n".join(lines)
    print(text)
    if arguments.append is not None:
        with arguments.append.open("a") as file:
            file.write(
                "\n## Workers\n\nWritten by `python benchmarks/workers.py`: "
                f"{arguments.trials} trials per turn, {arguments.epochs} epochs, adding, "
                f"T = {arguments.seq_len}, {arguments.train_size:,} sequences; "
                f"median of {arguments.turns} turns.\n\n```\n{text}\n```\n"
            )


if __name__ == "__main__":
    main()
