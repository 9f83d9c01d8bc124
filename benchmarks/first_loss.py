"""Measure how trainings begin: first losses, and what the initial weights bring after some epochs.

    python benchmarks/first_loss.py [--configurations 200] [--trainings 12] [--append FILE]
                                    [--data-dir ../shared/data]

1. First losses: of configurations drawn from the default space, on 96 steps of N(0, 1), over
   the loss of the best constant prediction; with keras-tcn's initialisation and ours.
2. Trainings: configurations drawn for each of some datasets, trained from the same random draw
   with the residual branches scaled in different ways; validation loss over that of a constant
   prediction. One model is traced for each configuration, and its weights are put back.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import optuna

import tcn_search as ts
from tcn_search.models.initialisation import (
    constant_scores,
    residual_scale,
    scale_residual_branches,
)
from tcn_search.search.definition import Definition
from tcn_search.tasks.kinds import Metric
from tcn_search.trainers.fit import train

STEPS = 96
DATASETS = ("ItalyPowerDemand", "GunPoint", "SyntheticControl", "Tecator")
# Name of a way to begin: the factor of each residual branch by the number of blocks, and whether
# the head begins at a constant prediction.
BEGINNINGS: dict[str, tuple[Any, bool]] = {
    "keras-tcn": (lambda blocks: 1.0, False),
    "head at zero": (lambda blocks: 1.0, True),
    "head at zero, branches / sqrt(blocks)": (lambda blocks: blocks**-0.5, True),
    "head at zero, branches / blocks": (lambda blocks: 1 / blocks, True),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--configurations", type=int, default=200, help="of first losses")
    parser.add_argument("--trainings", type=int, default=12, help="configurations of each dataset")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=10.0, help="of trainings; then it ends")
    parser.add_argument("--data-dir", type=Path, default=Path("../shared/data"))
    parser.add_argument("--append", type=Path, metavar="FILE")
    asked = parser.parse_args()
    keras.utils.set_random_seed(0)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    lines = ["", "## How trainings begin", ""]
    if asked.configurations:
        lines += table_of_first_losses(asked.configurations)
    if asked.trainings:
        lines += table_of_trainings(asked)
    text = "\n".join([*lines, ""])
    print(text)
    if asked.append:
        with asked.append.open("a", encoding="utf-8") as file:
            file.write(text)


def table_of_first_losses(configurations: int) -> list[str]:
    """Return the lines of the first table."""
    lines = [
        f"`python benchmarks/first_loss.py --configurations {configurations}`: the first loss over "
        f"that of the best constant prediction, {configurations} configurations of the default "
        f"space for each kind, {STEPS} steps of N(0, 1).",
        "",
        "| kind | keras-tcn: median | 90% | largest | ours: smallest | largest |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for kind, task in random_tasks().items():
        ratios: dict[bool, list[float]] = {False: [], True: []}
        for architecture, settings in drawn(task, configurations):
            model = ts.build_model(architecture, task, settings)
            ratios[True].append(first_loss(model, task) / constant_loss(task))
            begin(model, architecture, task, *BEGINNINGS["keras-tcn"])
            ratios[False].append(first_loss(model, task) / constant_loss(task))
            keras.utils.clear_session(free_memory=False)
        median, most, largest = np.quantile(ratios[False], [0.5, 0.9, 1.0])
        lines.append(
            f"| {kind} | {median:.2f} | {most:.2f} | {largest:.2f} | "
            f"{min(ratios[True]):.3f} | {max(ratios[True]):.3f} |"
        )
        print(lines[-1], flush=True)
    return [*lines, ""]


def table_of_trainings(asked: argparse.Namespace) -> list[str]:
    """Return the lines of the second table."""
    lines = [
        f"The same configurations after {asked.epochs} epochs, of which the learning rate falls to "
        "0 with the last (median over configurations of the validation loss over that of a "
        "constant prediction; in brackets, in how many of them it is lower than with keras-tcn's "
        "initialisation):",
        "",
        f"| dataset | configurations | {' | '.join(BEGINNINGS)} |",
        f"| --- | --- | {' | '.join('---' for _ in BEGINNINGS)} |",
    ]
    ends = time.monotonic() + 60 * asked.minutes
    rows: dict[str, list[list[float]]] = {name: [] for name in DATASETS}
    tasks = {name: ts.load_task(asked.data_dir / f"{name}.npz") for name in DATASETS}
    draws = {name: drawn(task, asked.trainings, asked.epochs) for name, task in tasks.items()}
    for number in range(asked.trainings):
        for name, task in tasks.items():
            if time.monotonic() < ends:
                rows[name].append(trained(*draws[name][number], task, seed=number))
                print(name, *(f"{value:.3f}" for value in rows[name][-1]), flush=True)
    for name, losses in rows.items():
        if losses:
            lines.append(row_of_losses(name, np.array(losses)))
    every = np.concatenate([np.array(losses) for losses in rows.values() if losses])
    return [*lines, row_of_losses("all", every), ""]


def row_of_losses(name: str, losses: np.ndarray) -> str:
    """Return a row for losses (configurations, beginnings) over those of a constant prediction."""
    cells = []
    for column in range(losses.shape[1]):
        lower = int((losses[:, column] < losses[:, 0]).sum())
        cell = f"{np.median(losses[:, column]):.3f}"
        cells.append(cell if column == 0 else f"{cell} ({lower})")
    return f"| {name} | {len(losses)} | {' | '.join(cells)} |"


def drawn(
    task: ts.Task, count: int, epochs: int = 8
) -> list[tuple[ts.Architecture, ts.TrainingSettings]]:
    """Draw configurations at random from the default space of a task."""
    training = ts.TrainingSettings(epochs=epochs, batch_size=16, schedule="cosine", weights="last")
    definition = Definition.of(task, training=training)
    space = definition.task_space()
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    configurations = []
    for _ in range(count):
        architecture, settings = space.suggest(study.ask())
        configurations.append(
            (architecture, ts.TrainingSettings(**{**training.to_dict(), **settings}))
        )
    return configurations


def begin(
    model: keras.Model,
    architecture: ts.Architecture,
    task: ts.Task,
    factor: Any,
    constant_head: bool,
) -> None:
    """Change the initial weights that `build_model` has made."""
    blocks = len(architecture.blocks)
    tcn = model.get_layer("tcn")
    scale_residual_branches(tcn, factor(blocks) / residual_scale(architecture))
    if task.spec.vocabulary:
        model.get_layer("embedding").bias.assign(np.zeros(task.spec.outputs))
        return
    head = model.get_layer("head")
    if not constant_head:
        head.kernel.assign(keras.initializers.GlorotUniform()(head.kernel.shape))
        head.bias.assign(np.zeros(task.spec.outputs))


def first_loss(model: keras.Model, task: ts.Task) -> float:
    """Return the loss of training on the training split, dropout and batch statistics included."""
    outputs = model(task.train.X, training=True)
    y = keras.ops.convert_to_tensor(task.train.y)
    return float(model.compute_loss(y=y, y_pred=outputs))


def constant_loss(task: ts.Task) -> float:
    """Return the loss of the best constant prediction on the training split."""
    spec = task.spec
    y = task.train.y
    if spec.kind == "multi_label":
        share = y.mean(axis=0)
        return float(-(share * np.log(share) + (1 - share) * np.log(1 - share)).mean())
    if spec.task_kind.has_classes:
        shares = np.bincount(y[y >= 0].ravel(), minlength=spec.outputs) / (y >= 0).sum()
        return float(-(shares * np.log(np.maximum(shares, 1e-12))).sum())
    if (
        spec.last_value_channels
    ):  # the window's last value, which is what such a forecast begins with
        last = np.tile(
            task.train.X[:, -1, list(spec.last_value_channels)],
            (1, spec.outputs // len(spec.last_value_channels)),
        )
        return float((((y - last) / np.asarray(spec.target_std)) ** 2).mean())
    return float((((y - y.mean(axis=0)) / np.asarray(spec.target_std or 1.0)) ** 2).mean())


def random_tasks() -> dict[str, ts.Task]:
    """Return a task of each kind with inputs from N(0, 1)."""
    generator = np.random.default_rng(0)
    X = generator.normal(size=(80, STEPS, 2)).astype("float32")
    per_step = generator.integers(0, 4, (80, STEPS))
    targets = {
        "classification": generator.choice(3, 80, p=[0.6, 0.3, 0.1]),
        "multi_label": (generator.random((80, 3)) < [0.1, 0.5, 0.8]).astype(int),
        "labelling": np.where(generator.random((80, STEPS)) < 0.5, 0, per_step),
        "regression": generator.normal(5.0, 3.0, (80, 2)),
    }
    return {kind: ts.Task.from_arrays(X, y, kind=kind) for kind, y in targets.items()}


def trained(
    architecture: ts.Architecture, settings: ts.TrainingSettings, task: ts.Task, seed: int
) -> list[float]:
    """Return the last validation loss over a constant prediction's loss, for each beginning."""
    keras.utils.set_random_seed(seed)
    model = ts.build_model(architecture, task, settings)
    drawn_weights = model.get_weights()
    constant = validation_loss_of_constant(task)
    found = []
    for factor, constant_head in BEGINNINGS.values():
        keras.utils.set_random_seed(seed)
        model.set_weights(drawn_weights)
        begin(model, architecture, task, factor, constant_head)
        for variable in model.optimizer.variables:
            variable.assign(keras.ops.zeros_like(variable))
        training = train(model, task.training, settings, Metric("val_loss", "minimize"))
        loss = training.curve[-1]["val_loss"]
        found.append(loss / constant if np.isfinite(loss) else 1e9)
    keras.utils.clear_session(free_memory=False)
    return found


def validation_loss_of_constant(task: ts.Task) -> float:
    y = task.validation.y
    scores = constant_scores(task.spec, task.train)
    if task.spec.task_kind.has_classes:
        logs = scores - np.log(np.exp(scores).sum())
        return float(-logs[y].mean())
    return float(((y - y.mean()) ** 2).mean())


if __name__ == "__main__":
    main()
