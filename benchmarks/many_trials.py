"""Time the commands that read a study of many trials. Run: python benchmarks/many_trials.py

Creates a study whose trainings take no time, of up to 30 epochs each, in a temporary folder, which
takes some minutes. Then times each command there once, in a process of its own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import optuna

from tcn_search import SearchSettings, SearchSpace, Study, Task, TrainingSettings
from tcn_search.search.loop import Search
from tcn_search.storage.connection import open_storage
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.executor import Owner
from tcn_search.workers.trial import EpochReport, TrialJob, TrialOutcome

NAME, EPOCHS = "many", 30
COMMANDS = (["status"], ["status", NAME], ["report", NAME])


class Drawn:
    """An executor that draws the status of trials: a third complete, most others pruned."""

    def __init__(self) -> None:
        self._generator = np.random.default_rng(0)

    def run(self, owner: Owner) -> None:
        while (job := owner.next_job()) is not None:
            owner.finish(self._outcome(job, owner))

    def _outcome(self, job: TrialJob, owner: Owner) -> TrialOutcome:
        ended = str(self._generator.choice(["complete", "pruned", "diverged"], p=[0.35, 0.6, 0.05]))
        epochs = EPOCHS if ended == "complete" else int(self._generator.integers(1, EPOCHS))
        floor = (
            abs(np.log10(job.settings.learning_rate / 2e-3)) + 1 / job.architecture.level_filters[0]
        )
        losses = (
            floor + np.arange(1, epochs + 1) ** -0.5 + self._generator.exponential(0.05, epochs)
        )
        curve = []
        for epoch, loss in enumerate(losses.tolist(), 1):
            curve.append(
                {
                    "loss": loss * 0.9,
                    "accuracy": 0.9,
                    "val_loss": loss,
                    "val_accuracy": 0.8,
                    "seconds": 0.5,
                }
            )
            owner.keep_going(
                EpochReport(job.number, epoch, min(losses[:epoch].tolist()), curve[-1])
            )
        best = int(losses.argmin())
        return TrialOutcome(
            number=job.number,
            status=TrialStatus(ended),
            score=None if ended == "diverged" else curve[best]["val_loss"],
            best_epoch=best + 1,
            curve=curve,
            seconds={
                "build": 0.3,
                "compile": 1.1,
                "training": 10.0,
                "validation": 1.0,
                "total": 13.0,
            },
            machine="benchmark, CPU, tensorflow",
        )

    def close(self) -> None:
        """Nothing is held."""


def make_study(trials: int, url: str) -> None:
    """Search in memory and copy the trials to the storage, which is faster than writing epochs."""
    generator = np.random.default_rng(0)
    task = Task.from_arrays(generator.normal(size=(20, 400, 1)), np.arange(20) % 2)
    definition = Study(
        NAME,
        task,
        SearchSpace(nb_filters=[8, 16, 32, 64], nb_stacks=[1, 2, 3]),
        training=TrainingSettings(epochs=EPOCHS),
        search=SearchSettings(sampler="random", pruner="none", warm_start=False),
        storage=url,
    ).definition
    in_memory = optuna.create_study(
        sampler=optuna.samplers.RandomSampler(seed=0), pruner=optuna.pruners.NopPruner()
    )
    Drawn().run(Search(in_memory, definition, [], trials))
    stored = optuna.load_study(study_name=NAME, storage=open_storage(url))
    stored.add_trials(in_memory.get_trials(deepcopy=False))


def cost(command: list[str], folder: Path) -> tuple[float, float, float]:
    """Return wall time, processor time and peak memory (MiB) of a command.

    Its output is dropped.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "tcn_search", *command],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=5_000)
    parser.add_argument(
        "--append", type=Path, metavar="FILE", help="append the table to this file too"
    )
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_study(arguments.trials, f"sqlite:///{folder / 'runs' / 'studies.db'}")
        rows = [(" ".join(command), *cost(command, folder)) for command in COMMANDS]
        page = (folder / "runs" / NAME / "report.html").stat().st_size
    lines = [
        "",
        "## A study of many trials",
        "",
        f"`python benchmarks/many_trials.py --trials {arguments.trials}`: {arguments.trials:,} "
        f"trials of up to {EPOCHS} epochs on SQLite, optuna {version('optuna')}, "
        f"{os.cpu_count()} cores. Each command ran once, in a process of its own; "
        f"report.html has {page / 1e6:.1f} MB.",
        "",
        "| command | seconds | of processor time | peak memory, MiB |",
        "| --- | --- | --- | --- |",
        *(
            f"| `tcn-search {command}` | {wall:.1f} | {processor:.1f} | {memory:.0f} |"
            for command, wall, processor, memory in rows
        ),
        "",
    ]
    print("\n".join(lines))
    if arguments.append:
        with arguments.append.open("a", encoding="utf-8") as opened:
            opened.write("\n".join(lines))


if __name__ == "__main__":
    main()
