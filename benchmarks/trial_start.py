"""Measure the first seconds of a trial: build, first calls, and a later step.

    python benchmarks/trial_start.py [--append docs/benchmarks.md]

First calls include tracing and compilation. One process per backend; 8 levels of 20 filters, kernel
3, dropout, sequences of 600 steps, batches of 32. Each process runs two trials; the first meets a
library that has not run yet.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

TRAIN = """
import keras
import numpy as np
from tcn_search import Architecture, Task, TrainingSettings
from tcn_search.workers.trial import TrialJob
from tcn_search.workers.trial_training import run_trial

generator = np.random.default_rng(0)
X = generator.normal(size=(400, 600, 2)).astype("float32")
y = generator.normal(size=400).astype("float32")
task = Task.from_arrays(X, y)
settings = TrainingSettings(epochs=2, batch_size=32, dropout_rate=0.1)
dilations = tuple(2**level for level in range(8))
architecture = Architecture(nb_filters=20, kernel_size=3, dilations=dilations)
steps = settings.epochs * -(-len(task.train) // settings.batch_size) - 1
for number in range(2):
    job = TrialJob(number, architecture, settings, "val_loss", "minimize", number)
    seconds = run_trial(job, task.training, lambda report: True).seconds
    step = 1000 * seconds["training"] / steps
    print("RESULT", keras.backend.backend(), number, seconds["build"], seconds["compile"], step)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--append", type=Path, metavar="FILE")
    append = parser.parse_args().append
    lines = [
        "",
        "## Start of a trial",
        "",
        "`python benchmarks/trial_start.py`: 8 levels of 20 filters, dropout, 600 steps, batches",
        "of 32. First calls: the first training step and the first batch of the validation split,",
        "tracing and compilation included.",
        "",
        "| backend | trial | build, s | first calls, s | step after that, ms |",
        "| --- | --- | --- | --- | --- |",
    ]
    for backend in ("tensorflow", "jax", "torch"):
        environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
        done = subprocess.run(
            [sys.executable, "-c", TRAIN], env=environment, capture_output=True, text=True
        )
        if done.returncode:
            sys.exit(f"{backend}: {done.stderr.strip().splitlines()[-1]}")
        for line in done.stdout.splitlines():
            if line.startswith("RESULT"):
                _, name, number, build, compiling, step = line.split()
                order = ("first", "second")[int(number)]
                numbers = f"{float(build):.2f} | {float(compiling):.2f} | {float(step):.0f}"
                lines.append(f"| {name} | {order} | {numbers} |")
    text = "\n".join(lines) + "\n"
    print(text)
    if append:
        with append.open("a", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()
