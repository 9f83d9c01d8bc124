"""Measure the overhead of the search loop over Optuna's own. Run: python benchmarks/engine.py

Trials whose training takes no time run on SQLite, once through a study's search and once through
bare Optuna, which asks and tells the same space with the same sampler, pruner and reports. Both
keep as many trials open at a time as there would be workers. They take turns on parts of the
trials, so that a busy moment of the machine affects both.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import optuna

from tcn_search import SearchSettings, Study, Task, TrainingSettings
from tcn_search.search.loop import Search
from tcn_search.search.pruners import make_pruner
from tcn_search.search.samplers import make_sampler
from tcn_search.storage.connection import open_storage
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.trial import EpochReport, TrialJob, TrialOutcome

EPOCHS = 10


def score(learning_rate: float, filters: int, epoch: int) -> float:
    """Return a made-up loss that falls with the epochs and depends mostly on the learning rate."""
    return abs(np.log10(learning_rate / 2e-3)) + 1 / filters + 1 / epoch


class Instant:
    """An executor whose trainings take no time; it keeps `workers` of them open at once."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def run(self, owner: Search) -> None:
        running: list[Iterator[bool]] = []
        while True:
            while len(running) < self.workers and (job := owner.next_job()) is not None:
                running.append(self._train(job, owner))
            if not running:
                return
            running = [training for training in running if next(training)]

    def _train(self, job: TrialJob, owner: Search) -> Iterator[bool]:
        curve: list[dict[str, float]] = []
        filters = job.architecture.level_filters[0]
        status = TrialStatus.COMPLETE
        for epoch in range(1, EPOCHS + 1):
            value = score(job.settings.learning_rate, filters, epoch)
            curve.append({"loss": value, "val_loss": value, "seconds": 0.0})
            if not owner.keep_going(EpochReport(job.number, epoch, value, curve[-1])):
                status = TrialStatus.PRUNED
                break
            yield True
        owner.finish(TrialOutcome(job.number, status, curve[-1]["val_loss"], len(curve), curve))
        yield False

    def close(self) -> None:
        """Nothing is held."""


class Ours:
    """Search with a study of tcn_search."""

    def __init__(self, folder: Path, workers: int) -> None:
        generator = np.random.default_rng(0)
        task = Task.from_arrays(generator.normal(size=(20, 64, 1)), np.arange(20) % 2)
        settings = SearchSettings(warm_start=False)
        training = TrainingSettings(epochs=EPOCHS)
        url = f"sqlite:///{folder / f'ours-{workers}.db'}"
        self.study = Study("ours", task, training=training, search=settings, storage=url)
        self.workers = workers

    def __call__(self, trials: int) -> None:
        self.study.run(trials, executor=Instant(self.workers), on_progress=lambda progress: None)


class Bare:
    """Search with Optuna alone, for the same parameters."""

    def __init__(self, folder: Path, workers: int, ours: Ours) -> None:
        definition = ours.study.definition
        self.space, self.workers = definition.task_space(), workers
        self.study = optuna.create_study(
            study_name="bare",
            storage=open_storage(f"sqlite:///{folder / f'bare-{workers}.db'}", create=True),
            sampler=make_sampler(definition.search.sampler, 0),
            pruner=make_pruner(definition.search.pruner, EPOCHS),
        )
        self.finished = 0

    def __call__(self, trials: int) -> None:
        running: list[Iterator[bool]] = []
        while self.finished < trials or running:
            while len(running) < self.workers and self.finished + len(running) < trials:
                running.append(self._train(self.study.ask()))
            running = [training for training in running if next(training)]

    def _train(self, trial: optuna.Trial) -> Iterator[bool]:
        architecture, settings = self.space.suggest(trial)
        filters = architecture.level_filters[0]
        for epoch in range(1, EPOCHS + 1):
            value = score(settings["learning_rate"], filters, epoch)
            trial.report(value, epoch)
            if trial.should_prune():
                self.study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                break
            yield True
        else:
            self.study.tell(trial, value)
        self.finished += 1
        yield False


def milliseconds(search: Callable[[int], None], trials: int, parts: int) -> Iterator[float]:
    """Yield the milliseconds per trial of each part of the trials."""
    for part in range(1, parts + 1):
        started = time.perf_counter()
        search(trials * part // parts)
        yield 1e3 * (time.perf_counter() - started) / (trials / parts)


def row(workers: int, trials: int, parts: int) -> str:
    with tempfile.TemporaryDirectory() as name:
        ours = Ours(Path(name), workers)
        bare = Bare(Path(name), workers, ours)
        pairs = list(
            zip(milliseconds(ours, trials, parts), milliseconds(bare, trials, parts), strict=True)
        )
    ours_mean, bare_mean = (statistics.fmean(pair[side] for pair in pairs) for side in (0, 1))
    ratio = statistics.median(one / other for one, other in pairs)
    return f"| {workers} | {ours_mean:.1f} | {bare_mean:.1f} | {ratio:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=1_000)
    parser.add_argument("--parts", type=int, default=10, help="in which the two take turns")
    parser.add_argument("--append", metavar="FILE", help="add the table to this file")
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    lines = [
        "",
        "## The engine's own cost",
        "",
        f"`python benchmarks/engine.py --trials {arguments.trials}`: {arguments.trials:,} trials "
        f"of up to {EPOCHS} epochs that take no time to train, TPE and ASHA on SQLite, "
        f"optuna {version('optuna')}. Milliseconds per trial; the ratio is the median over parts "
        "of the trials, taken in turn.",
        "",
        "| trials at a time | tcn_search | bare Optuna | ratio |",
        "| --- | --- | --- | --- |",
        *(row(workers, arguments.trials, arguments.parts) for workers in (1, 4)),
        "",
    ]
    print("\n".join(lines))
    if arguments.append:
        with open(arguments.append, "a", encoding="utf-8") as opened:
            opened.write("\n".join(lines))


if __name__ == "__main__":
    main()
