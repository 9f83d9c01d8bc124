"""Measure trials per hour, and the time to a good score.

    python benchmarks/search.py [--task seq_mnist]

Three engines run in turn: (a) an Optuna objective around keras-tcn, as one writes it by hand; (b)
KerasTuner around keras-tcn; (c) `tcn-search run`. In the first part all of them train the same
configurations, for the same epochs, on the same data: trials per hour. In the second part (a) and
(c) search with their own samplers, once for each seed: the time until (c) reaches the final score
of (a). Times are of whole commands, start included. Infeasible configurations cost nothing in any
of them. Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from tcn_search import Range, SearchSpace, Study, load_task
from tcn_search.study.study_file import read_study_file

PLAIN = Path(__file__).parent / "plain"
# No batch norm: in training it needs every time step of a network that reads only the last step.
SPACE: dict[str, Any] = {
    "nb_filters": [16, 24, 32],
    "kernel_size": [3, 8],
    "levels": [4, 9],
    "nb_stacks": [1, 2],
    "norm": ["none", "layer"],
    "dropout_rate": [0.0, 0.2],
    "learning_rate": [1e-3, 1e-2],
}
TASKS = {
    "adding": {"seq_len": 600, "train_size": 2_000},
    "seq_mnist": {"train": 2_000, "validation_size": 1_000},
}
OURS = {"tensorflow": "tcn-search, TensorFlow", "jax": "tcn-search, JAX"}
BATCH_SIZE = 32
SECONDS_BETWEEN_LOOKS = 3
Row = dict[str, float]  # a finished trial: seconds since the start, score


def our_space() -> SearchSpace:
    return SearchSpace(
        nb_filters=SPACE["nb_filters"],
        kernel_size=Range(*SPACE["kernel_size"]),
        levels=Range(*SPACE["levels"]),
        nb_stacks=SPACE["nb_stacks"],
        norm=SPACE["norm"],
        padding=["causal"],
        readout=["last"],
        dropout_rate=Range(*SPACE["dropout_rate"]),
        learning_rate=Range(*SPACE["learning_rate"], log=True),
    )


class Bench:
    """The data of a task in a folder, and the searches on it."""

    def __init__(self, folder: Path, task_name: str, epochs: int) -> None:
        task = load_task(task_name, **TASKS[task_name])
        self.folder, self.epochs, self.spec = folder, epochs, task.spec
        self.data = folder / "data.npz"
        np.savez(
            self.data,
            X_train=task.train.X,
            y_train=task.train.y,
            X_val=task.validation.X,
            y_val=task.validation.y,
        )

    def configurations(self, count: int) -> list[dict[str, Any]]:
        """Draw feasible configurations with seed 0."""
        spec = self.spec
        space = our_space().for_task(spec.kind, spec.seq_len, spec.input_channels, spec.outputs)
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        drawn = []
        for _ in range(count):
            trial = study.ask()
            space.suggest(trial)
            drawn.append(trial.params)
        return drawn

    def plain(self, script: str, given: list[dict[str, Any]], trials: int, seed: int) -> list[Row]:
        """Run one of the plain searches; return a row per trial."""
        asked = {
            "started": time.time(),
            "data": str(self.data),
            "given": given,
            "trials": trials,
            "seed": seed,
            "epochs": self.epochs,
            "batch_size": BATCH_SIZE,
            "outputs": self.spec.outputs,
            "space": SPACE,
        }
        file = self.folder / "asked.json"
        file.write_text(json.dumps(asked))
        done = self._command([sys.executable, str(PLAIN / script), str(file)], "tensorflow")
        return [json.loads(line) for line in done.splitlines() if line.startswith("{")]

    def ours(
        self,
        backend: str,
        given: list[dict[str, Any]],
        trials: int,
        seed: int,
        timeout: float = 0,
        until: float = -math.inf,
    ) -> list[Row]:
        """Run `tcn-search run`; return a row per trial.

        Given configurations are trained to their end; others may be pruned.

        Args:
            timeout: seconds after which the search ends.
            until: a score that ends the search, too.
        """
        name = f"{backend}-{seed}-{len(given)}"
        storage = f"sqlite:///{self.folder / 'studies.db'}"
        file = self.folder / f"{name}.toml"
        file.write_text(self._study_file(trials, seed, pruner="none" if given else "asha"))
        if given:
            _enqueue(file, storage, given, backend)
        command = [sys.executable, "-m", "tcn_search", "run", str(file), "--storage", storage]
        command += ["--backend", backend, "--workers", "auto"]
        command += ["--timeout", f"{timeout:.0f}s"] if timeout else []
        started = datetime.now()

        def rows() -> list[Row]:
            trials = optuna.load_study(study_name=name, storage=storage).get_trials(deepcopy=False)
            scored = [trial for trial in trials if "score" in trial.user_attrs.get("result", {})]
            found = [
                {
                    "seconds": (trial.datetime_complete - started).total_seconds(),
                    "score": trial.user_attrs["result"]["score"],
                }
                for trial in scored
                if trial.datetime_complete and trial.user_attrs["result"]["score"] is not None
            ]
            return sorted(found, key=lambda row: row["seconds"])

        def enough() -> bool:
            with suppress(KeyError):  # the study does not exist yet
                return math.isfinite(_reached(rows(), until))
            return False

        self._command(command, backend, enough if math.isfinite(until) else None)
        return rows()

    def _study_file(self, trials: int, seed: int, pruner: str) -> str:
        return f"""
[task]
name = "{self.data}"
standardise = false

[space]
nb_filters = {SPACE["nb_filters"]}
kernel_size = {_range("kernel_size")}
levels = {_range("levels")}
nb_stacks = {SPACE["nb_stacks"]}
norm = {json.dumps(SPACE["norm"])}
padding = ["causal"]
readout = ["last"]
dropout_rate = {_range("dropout_rate")}
learning_rate = {_range("learning_rate", ", log = true")}

[training]
epochs = {self.epochs}
batch_size = {BATCH_SIZE}

[search]
trials = {trials}
seed = {seed}
pruner = "{pruner}"
warm_start = {"true" if pruner == "asha" else "false"}
"""

    def _command(
        self, command: list[str], backend: str, enough: Callable[[], bool] | None = None
    ) -> str:
        """Run a command and return its output; stop it as soon as `enough()` is true."""
        environment = {
            **os.environ,
            "KERAS_BACKEND": backend,
            "TF_CPP_MIN_LOG_LEVEL": "3",
            # Keep JAX from finding programs that an earlier command compiled.
            "JAX_COMPILATION_CACHE_DIR": tempfile.mkdtemp(prefix="compiled-", dir=self.folder),
        }
        out, err = self.folder / "stdout", self.folder / "stderr"
        with out.open("w") as said, err.open("w") as complained:
            running = subprocess.Popen(
                command, env=environment, cwd=self.folder, stdout=said, stderr=complained
            )
        stopped = False
        while enough is not None and not stopped and running.poll() is None:
            time.sleep(SECONDS_BETWEEN_LOOKS)
            if stopped := enough():
                running.terminate()
        if running.wait() != 0 and not stopped:
            sys.exit(
                f"{' '.join(command)} ended with code {running.returncode}:\n"
                f"{err.read_text()[-2000:]}"
            )
        return out.read_text()


def _range(name: str, more: str = "") -> str:
    low, high = SPACE[name]
    return f"{{ low = {low}, high = {high}{more} }}"


def _enqueue(file: Path, storage: str, given: list[dict[str, Any]], backend: str) -> None:
    asked = read_study_file(file)
    task = asked.load_task()
    Study(
        asked.name,
        task,
        asked.space,
        asked.constraints,
        asked.training_settings(task),
        asked.search,
        backend=backend,
        storage=storage,
    )
    study = optuna.load_study(study_name=asked.name, storage=storage)
    for parameters in given:
        study.enqueue_trial(parameters)


def throughput(bench: Bench, trials: int, backends: list[str], keras_tuner: bool) -> list[str]:
    """Train the same configurations to their end in every engine; return lines of a table."""
    given = bench.configurations(trials)
    plain = {"Optuna": "optuna_keras_tcn.py", "KerasTuner": "keras_tuner_keras_tcn.py"}
    if not keras_tuner:
        del plain["KerasTuner"]
    engines: dict[str, Callable[[], list[Row]]] = {
        **{
            f"{name} around keras-tcn": partial(bench.plain, file, given, trials, 0)
            for name, file in plain.items()
        },
        **{OURS[name]: partial(bench.ours, name, given, trials, 0) for name in backends},
    }
    spent: dict[str, float] = {}
    best: dict[str, float] = {}
    for name, engine in engines.items():
        started = time.perf_counter()
        rows = engine()
        spent[name] = time.perf_counter() - started
        if len(rows) != trials:
            sys.exit(f"{name} finished {len(rows)} of {trials} trials")
        best[name] = min(row["score"] for row in rows)
        print(f"{name}: {spent[name]:.0f} s", flush=True)
    first = spent["Optuna around keras-tcn"]
    return [
        "| engine | trials | seconds | trials an hour | against the first | best val_loss |",
        "| --- | --- | --- | --- | --- | --- |",
        *(
            f"| {name} | {trials} | {seconds:.0f} | {3600 * trials / seconds:.0f} "
            f"| {first / seconds:.1f} × | {best[name]:.3g} |"
            for name, seconds in spent.items()
        ),
    ]


def time_to_score(
    bench: Bench, trials: int, seeds: int, backends: list[str], target: float | None
) -> list[str]:
    """Measure how long (c) takes to the score of (a), and both to `target`; return a table."""
    lines = [
        "| seed | engine | seconds | best val_loss | seconds to (a)'s score | ratio "
        "| to the fixed score |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    ratios: dict[str, list[float]] = {name: [] for name in backends}
    fixed: dict[str, list[float]] = {name: [] for name in backends}
    for seed in range(seeds):
        plain = bench.plain("optuna_keras_tcn.py", [], trials, seed)
        last, score = plain[-1]["seconds"], min(row["score"] for row in plain)
        reached = _reached(plain, score)
        lines.append(_line(seed, "Optuna around keras-tcn", plain, reached, 1.0, target))
        print(lines[-1], flush=True)
        for name in backends:
            until = score if target is None else min(score, target)
            rows = bench.ours(name, [], 100 * trials, seed, timeout=last, until=until)
            ours = _reached(rows, score)
            ratios[name].append(ours / reached)
            if target is not None:  # if (a) never reaches it, its whole time is the lower bound
                fixed[name].append(_reached(rows, target) / min(last, _reached(plain, target)))
            lines.append(_line(seed, OURS[name], rows, ours, ours / reached, target))
            print(lines[-1], flush=True)
    medians = (
        f"Median ratio of times to (a)'s score over {seeds} sampler seeds: {_medians(ratios)}."
    )
    if target is not None:
        medians += f" To {target:g}: {_medians(fixed)}."
    return [*lines, "", medians]


def _medians(ratios: dict[str, list[float]]) -> str:
    return ", ".join(
        f"{OURS[name]} {statistics.median(found):.2f}" for name, found in ratios.items()
    )


def _line(
    seed: int, name: str, rows: list[Row], reached: float, ratio: float, target: float | None
) -> str:
    fixed = "" if target is None else f"{_reached(rows, target):.0f}"
    best = min((row["score"] for row in rows), default=math.inf)
    last = rows[-1]["seconds"] if rows else math.inf
    return f"| {seed} | {name} | {last:.0f} | {best:.3g} | {reached:.0f} | {ratio:.2f} | {fixed} |"


def _reached(rows: list[Row], score: float) -> float:
    """Return the seconds until a trial reached the score; infinity if none did."""
    return min((row["seconds"] for row in rows if row["score"] <= score), default=math.inf)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--task", choices=TASKS, default="adding")
    parser.add_argument("--trials", type=int, default=8, help="of the first part; 0 leaves it out")
    parser.add_argument(
        "--score-trials", type=int, help="of the first engine in the second part; default: --trials"
    )
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument(
        "--seeds", type=int, default=5, help="sampler seeds of the second part; 0 leaves it out"
    )
    parser.add_argument(
        "--target", type=float, help="a val_loss fixed beforehand, for the last column"
    )
    parser.add_argument("--backends", default="tensorflow,jax")
    parser.add_argument(
        "--keras-tuner",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="KerasTuner in the first part",
    )
    parser.add_argument("--stacks", default="1,2", help="nb_stacks of the space")
    parser.add_argument("--norms", default="none,layer", help="norm of the space")
    parser.add_argument("--append", metavar="FILE", help="add the tables to this file")
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    SPACE["nb_stacks"] = [int(count) for count in arguments.stacks.split(",")]
    SPACE["norm"] = arguments.norms.split(",")
    backends = arguments.backends.split(",")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), arguments.task, arguments.epochs)
        lines: list[str] = []
        if arguments.trials:
            lines = throughput(bench, arguments.trials, backends, arguments.keras_tuner)
        print("\n".join(lines), flush=True)
        if arguments.seeds:
            trials = arguments.score_trials or arguments.trials
            lines += [
                "",
                *time_to_score(bench, trials, arguments.seeds, backends, arguments.target),
            ]
    command = f"python benchmarks/search.py {' '.join(sys.argv[1:])}".strip()
    versions = ", ".join(
        f"{name} {version(name)}" for name in ("keras", "tensorflow", "jax", "keras-tcn", "optuna")
    )
    title = f"## The search, {arguments.task}: 2,000 sequences, {arguments.epochs} epochs a trial"
    text = "\n".join(
        ["", title, "", f"`{command}`; {os.cpu_count()} cores, {versions}.", "", *lines, ""]
    )
    print(text)
    if arguments.append:
        with open(arguments.append, "a", encoding="utf-8") as opened:
            opened.write(text)


if __name__ == "__main__":
    main()
