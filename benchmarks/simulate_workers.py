"""Simulate studies on 1 to 256 workers: wall time, quality, and what limits them.

    python benchmarks/simulate_workers.py [--storages memory sqlite postgresql://USER@HOST/DATABASE]

Trainings are not executed. They take virtual time, by the cost model, and have made-up losses
(virtual_trainings.py). The study is real: its search, sampler, pruner and storage take their real
time, during which the workers wait for each other (virtual_workers.py). The time of the study's
process is measured without waiting for a core (owner_time.py), so that the machine may be busy.

A run is one study: a storage, a sampler, a number of workers and a seed. Its trainings of all
epochs take a minute on average; what the same trials take with shorter and longer ones follows from
the measured seconds. "memory" is Optuna's storage without a database, which leaves the sampler's
share. Each run is a file in benchmarks/simulation_results, which is not run again; --only-report
draws the figure and prints the table of the files that are there.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from owner_time import Clock, Parts
from simulation_report import draw, tables
from virtual_trainings import CHANNELS, CLASSES, SEQ_LEN, final_loss, trainings
from virtual_workers import Trace, VirtualWorkers, replayed

from tcn_search import SearchSettings, Study, Task, TrainingSettings
from tcn_search.search.definition import Definition
from tcn_search.search.loop import Search
from tcn_search.search.progress import Progress
from tcn_search.search.pruners import make_pruner
from tcn_search.search.samplers import make_sampler

RESULTS = Path(__file__).parent / "simulation_results"
FIGURE = Path(__file__).parents[1] / "docs" / "images" / "many_workers.png"
WORKERS = (1, 4, 16, 64, 256)
SAMPLERS = ("tpe", "random")
SECONDS = 60.0  # of a training of all epochs, on average
LENGTHS = (1.0, 10.0, 60.0, 600.0)  # seconds of trainings for which the time is computed
AFTER = (50, 100, 200, 500, 1_000)  # trials after which the best ones are looked at
BEST = 10  # one of these is what `best` chooses, after training them again


def simulate(storage: str, sampler: str, workers: int, seed: int, trials: int) -> dict[str, Any]:
    """Run one study and return its numbers."""
    generator = np.random.default_rng(0)
    task = Task.from_arrays(generator.normal(size=(60, SEQ_LEN, CHANNELS)), np.arange(60) % CLASSES)
    search = SearchSettings(sampler=sampler, seed=seed, warm_start=False)
    training = TrainingSettings()
    definition = Definition.of(task, training=training, search=search)
    clock = Clock()
    parts = Parts(clock)
    executor = VirtualWorkers(workers, trainings(definition.task_space(), SECONDS), clock)
    policies = (
        make_sampler(sampler, seed),
        make_pruner(search.pruner, training.epochs),
    )
    with tempfile.TemporaryDirectory() as folder, parts.measured(*map(type, policies)):
        if storage == "memory":
            in_memory = optuna.create_study(sampler=policies[0], pruner=policies[1])
            executor.run(Search(in_memory, definition, [], trials))
        else:
            url = storage
            if storage == "sqlite":
                url = f"sqlite:///{folder}/studies.db"
            name = f"{sampler}-{workers}-{seed}"
            study = Study(name, task, training=training, search=search, storage=url)
            study.run(trials, executor=executor, on_progress=_ignore)
    return {
        "storage": storage.partition(":")[0],
        "sampler": sampler,
        "workers": workers,
        "seed": seed,
        "trials": len(executor.traces),
        "optuna": version("optuna"),
        "epochs": sum(trace.epochs for trace in executor.traces),
        "milliseconds_a_trial": {
            part: round(1e3 * seconds / len(executor.traces), 2)
            for part, seconds in parts.seconds.items()
        },
        "milliseconds_a_call": _milliseconds_a_call(executor.traces),
        "wall": {f"{seconds:g}": _wall(executor.traces, workers, seconds) for seconds in LENGTHS},
        "loss_after": {str(count): _loss_of_best(executor.traces[:count]) for count in AFTER},
        "lowest_loss": min(
            final_loss(trace.job.architecture, trace.job.settings) for trace in executor.traces
        ),
    }


def _ignore(progress: Progress) -> None:
    """Show no progress, which is prepared all the same."""


def _milliseconds_a_call(traces: list[Trace]) -> dict[str, float]:
    """Return the mean milliseconds of asking for a job, of an epoch, and of an outcome.

    For a job also those of the first and of the last tenth of the trials.
    """
    jobs = [trace.costs[0] for trace in traces]
    tenth = max(1, len(jobs) // 10)
    calls = {
        "job": jobs,
        "job_first_tenth": jobs[:tenth],
        "job_last_tenth": jobs[-tenth:],
        "epoch": [cost for trace in traces for cost in trace.costs[1:-1]],
        "outcome": [trace.costs[-1] for trace in traces],
    }
    return {name: round(1e3 * float(np.mean(costs)), 2) for name, costs in calls.items()}


def _wall(traces: list[Trace], workers: int, seconds: float) -> dict[str, float]:
    """Return what the trials take where trainings of all epochs take `seconds` on average."""
    run = replayed(traces, workers, seconds / SECONDS)
    return {
        "seconds": round(run.seconds, 2),
        "owner_busy": round(run.busy / run.seconds, 4),
        "workers_busy": round(run.training_seconds / (workers * run.seconds), 4),
    }


def _loss_of_best(traces: list[Trace]) -> float | None:
    """Return the mean loss, without noise, of the ten complete trials with the best scores."""
    scores = [(trace.score, trace.job) for trace in traces if trace.score is not None]
    best = sorted(scores, key=lambda pair: pair[0])[:BEST]
    if not best:
        return None
    losses = [final_loss(job.architecture, job.settings) for _, job in best]
    return round(float(np.mean(losses)), 5)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--storages", nargs="+", default=["memory", "sqlite"])
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=list(SAMPLERS))
    parser.add_argument("--workers", nargs="+", type=int, default=list(WORKERS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--trials", type=int, default=1_000)
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the runs' files")
    parser.add_argument("--only-report", action="store_true", help="run nothing")
    parser.add_argument("--append", type=Path, metavar="FILE", help="append the table to this file")
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    arguments.results.mkdir(parents=True, exist_ok=True)
    runs = product(arguments.seeds, arguments.storages, arguments.workers, arguments.samplers)
    for seed, storage, workers, sampler in runs:
        kind = storage.partition(":")[0]
        file = arguments.results / f"{kind}-{sampler}-{workers}-{seed}.json"
        if arguments.only_report or file.exists():
            continue
        result = simulate(storage, sampler, workers, seed, arguments.trials)
        file.write_text(json.dumps(result, indent=1) + "\n")
        print(file.name, result["milliseconds_a_trial"], result["loss_after"], flush=True)
    results = [json.loads(file.read_text()) for file in sorted(arguments.results.glob("*.json"))]
    draw(results, FIGURE)
    lines = [
        "",
        "## Many workers",
        "",
        f"`python benchmarks/simulate_workers.py`: studies of {arguments.trials:,} trials whose "
        f"trainings take virtual time; optuna {version('optuna')}, SQLite, TPE. Milliseconds of "
        "the study's process per trial, and the loss without noise of the ten trials with the best "
        "scores (median of the seeds, without a database); then the wall time by the duration of a "
        "training of all epochs, and the share of it in which the study's process is busy.",
        "",
        *tables(results),
        "",
    ]
    print("\n".join(lines))
    if arguments.append is not None:
        with arguments.append.open("a", encoding="utf-8") as file:
            file.write("\n".join(lines))


if __name__ == "__main__":
    main()
