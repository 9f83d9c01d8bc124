"""Time a study of sequential MNIST on a GPU, with 1, 2 and 4 processes on it.

    python benchmarks/gpu_study.py

The study file is the same as on a CPU; only the device and the number of processes differ. Without
a GPU, the numbers are those of as many workers on the CPU. The script needs mnist.npz where
`tcn-search run` finds it, or --data-dir.
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

import optuna

from tcn_search import load_study
from tcn_search.workers.resources import this_machine

STUDY = Path(__file__).parents[1] / "studies" / "seq_mnist.toml"


def measure(folder: Path, processes: int, arguments: argparse.Namespace) -> str:
    """Time the whole command, start included; return a line of the table."""
    name = f"{processes}-processes"
    storage = f"sqlite:///{folder / 'studies.db'}"
    changes = [
        f"name={name}",
        f"task.train={arguments.images}",
        f"training.epochs={arguments.epochs}",
    ]
    changes += [
        f"search.{setting}" for setting in ("sampler=random", "pruner=none", "warm_start=false")
    ]
    changes += [f"task.data_dir={arguments.data_dir.resolve()}"] if arguments.data_dir else []
    command = [sys.executable, "-m", "tcn_search", "run", str(STUDY), "--storage", storage]
    command += ["--backend", arguments.backend, "--trials", str(arguments.trials)]
    command += [
        "--workers",
        str(processes * max(1, len(this_machine().gpus))),  # workers are spread over the GPUs
    ]
    command += [part for change in changes for part in ("--set", change)]
    started = time.perf_counter()
    # Keep JAX from finding programs that an earlier run compiled.
    environment = {**os.environ, "JAX_COMPILATION_CACHE_DIR": str(folder / f"compiled-{name}")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    spent = time.perf_counter() - started
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    rows = load_study(name, storage).trials()
    compiling, training = rows["seconds_compile"].sum(), rows["seconds_training"].sum()
    best = rows["score"].max()
    where = rows["machine"].dropna().iloc[0].partition(", ")[2]
    print(f"{processes}: {spent:.0f} s on {where}", flush=True)
    return (
        f"| {processes} | {spent:.0f} | {3600 * arguments.trials / spent:.0f} | {compiling:.0f} "
        f"| {training:.0f} | {best:.4f} | {where} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backend", default="jax")
    parser.add_argument("--processes", default="1,2,4", help="on each GPU")
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--images", type=int, default=55_000, help="training images")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--append", metavar="FILE", help="add the table to this file")
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        counts = [int(count) for count in arguments.processes.split(",")]
        lines = [measure(Path(folder), count, arguments) for count in counts]
    given = (
        f"--trials {arguments.trials} --epochs {arguments.epochs} --images {arguments.images} "
        f"--backend {arguments.backend} --processes {arguments.processes}"
    )
    text = "\n".join(
        [
            "",
            "## A study on a device: sequential MNIST",
            "",
            f"`python benchmarks/gpu_study.py {given}`; {os.cpu_count()} cores, "
            f"keras {version('keras')}.",
            "Seconds in compilation and training are sums over trials.",
            "",
            "| processes | seconds | trials an hour | compiling, s | training, s "
            "| best val_accuracy | on |",
            "| --- | --- | --- | --- | --- | --- | --- |",
            *lines,
            "",
        ]
    )
    print(text)
    if arguments.append:
        with open(arguments.append, "a", encoding="utf-8") as opened:
            opened.write(text)


if __name__ == "__main__":
    main()
