"""Measure batch norm over all steps and over the evaluated ones, on sequential MNIST's network.

    python benchmarks/batch_norm.py [--append docs/benchmarks.md]
    python benchmarks/batch_norm.py --learning FILE [--data-dir DIR] [--append docs/benchmarks.md]

The first times training steps of each norm, all in turn. The second trains on 6,000 images with
both statistics, 3 epochs, seed after seed; every training is a line of FILE, and trainings that are
there already are not repeated. One thread, as in a worker of a search; times are processor time,
which other load on the machine changes little.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from threads import use_one_thread

import tcn_search as ts
from tcn_search.settings import TrainingSettings
from tcn_search.tasks.kinds import Metric
from tcn_search.trainers.fit import train

CASES = {
    "batch norm, all steps": ("batch", "all"),
    "batch norm, evaluated steps": ("batch", "evaluated"),
    "layer norm": ("layer", "evaluated"),
    "no norm": ("none", "evaluated"),
}
SEQ_LEN, BATCH, IMAGES, EPOCHS = 784, 64, 6_000, 3


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15, help="training steps of each norm")
    parser.add_argument("--learning", type=Path, metavar="FILE", help="train, do not time")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data-dir", help="folder of mnist.npz")
    parser.add_argument("--append", type=Path, metavar="FILE")
    asked = parser.parse_args()
    use_one_thread()
    if asked.learning is None:
        text = timed(asked.rounds)
    else:
        text = learned(asked.learning, asked.seeds, asked.data_dir)
    print(text)
    if asked.append:
        with asked.append.open("a", encoding="utf-8") as file:
            file.write(text)


def network(norm: str) -> ts.Architecture:
    return ts.Architecture(
        nb_filters=20, kernel_size=6, dilations=[2**level for level in range(8)], norm=norm
    )


def timed(rounds: int) -> str:
    """Return a section with the time of a training step of each norm; all take turns."""
    draw = np.random.default_rng(0)
    X = draw.normal(size=(BATCH, SEQ_LEN, 1)).astype("float32")
    y = np.arange(BATCH) % 10
    task = ts.Task.from_arrays(X, y, X_validation=X, y_validation=y)
    models = {}
    for name, (norm, steps) in CASES.items():
        settings = TrainingSettings(batch_norm_statistics=steps)
        models[name] = ts.build_model(network(norm), task, settings)
    seconds: dict[str, list[float]] = {name: [] for name in models}
    for turn in range(rounds + 2):
        for name, model in models.items():
            started = time.process_time()
            model.train_on_batch(X, y)
            if turn >= 2:  # the first two compile and warm up
                seconds[name].append(time.process_time() - started)
    least = statistics.median(seconds["layer norm"])
    lines = [
        "",
        "## Batch norm over the evaluated steps",
        "",
        f"`python benchmarks/batch_norm.py`: a training step of sequential MNIST's shape "
        f"({BATCH} sequences of {SEQ_LEN} steps, 8 levels,",
        f"kernel 6, 20 filters, last step read), one thread; median of {rounds} in turn, "
        "processor time.",
        "",
        "| norm | ms a step | times layer norm |",
        "| --- | --- | --- |",
    ]
    for name, taken in seconds.items():
        median = statistics.median(taken)
        lines.append(f"| {name} | {1e3 * median:.1f} | {median / least:.2f} |")
    return "\n".join([*lines, ""])


def learned(file: Path, seeds: int, data_dir: str | None) -> str:
    """Train what is missing in `file`, and return a section with the validation accuracies."""
    done = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    task = ts.load_task("seq_mnist", train=IMAGES, data_dir=data_dir)
    for seed in range(seeds):
        for steps in ("evaluated", "all"):
            if any(run["seed"] == seed and run["statistics"] == steps for run in done):
                continue
            done.append(trained(task, steps, seed))
            print(json.dumps(done[-1]), flush=True)
            with file.open("a") as opened:
                opened.write(json.dumps(done[-1]) + "\n")
    lines = [
        "",
        "Validation accuracy of both ways to train the same networks, "
        "`python benchmarks/batch_norm.py --learning FILE`:",
        f"{IMAGES:,} images, {EPOCHS} epochs, learning rate 2e-3, momentum 0.9.",
        "",
        "| statistics | seed | " + " | ".join(f"epoch {n + 1}" for n in range(EPOCHS)) + " |",
        "| --- " * (EPOCHS + 2) + "|",
    ]
    for steps in ("all", "evaluated"):
        runs = [run for run in done if run["statistics"] == steps]
        for run in runs:
            cells = " | ".join(f"{value:.4f}" for value in run["val_accuracy"])
            lines.append(f"| {steps} | {run['seed']} | {cells} |")
        means = np.mean([run["val_accuracy"] for run in runs], axis=0)
        lines.append(f"| {steps} | mean | " + " | ".join(f"{mean:.4f}" for mean in means) + " |")
    return "\n".join([*lines, ""])


def trained(task: ts.Task, steps: str, seed: int) -> dict[str, Any]:
    """Return the validation accuracy after each epoch of one training, and its seconds."""
    keras.utils.set_random_seed(seed)
    settings = TrainingSettings(
        epochs=EPOCHS, batch_size=BATCH, learning_rate=2e-3, batch_norm_statistics=steps
    )
    model = ts.build_model(network("batch"), task, settings)
    started = time.process_time()
    training = train(model, task.training, settings, Metric("val_accuracy", "maximize"))
    return {
        "statistics": steps,
        "seed": seed,
        "val_accuracy": [epoch["val_accuracy"] for epoch in training.curve],
        "seconds": round(time.process_time() - started, 1),
    }


if __name__ == "__main__":
    main()
