"""Compare the cost model with measured training steps. Run: python benchmarks/cost_model.py

Draws 20 architectures with a fixed seed from the default space, within a factor of 30 in
multiply-adds, times training steps of each, and prints predictions, times and their rank
correlation. It takes a few minutes on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import optuna
from training_cost import TrainingWork, training_cost, training_work

from tcn_search.layers.tcn import TCN
from tcn_search.models.readout import PoolOverTime
from tcn_search.planning.architecture import Architecture
from tcn_search.space.search_space import SearchSpace

CHANNELS, FACTOR = 2, 30


def drawn(count: int, seq_len: int, seed: int) -> list[Architecture]:
    """Return architectures of the default space, at most 30 times apart in multiply-adds."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = SearchSpace().for_task("regression", seq_len, CHANNELS, 1)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    found: list[Architecture] = []
    counts: list[int] = []
    while len(found) < count:
        architecture, _ = space.suggest(study.ask())
        counted = training_work(architecture, CHANNELS, seq_len).multiply_adds
        if max([*counts, counted]) <= FACTOR * min([*counts, counted]):
            counts.append(counted)
            found.append(architecture)
    return found


def built(architecture: Architecture, seq_len: int) -> keras.Model:
    described = architecture.to_dict()
    readout = described.pop("readout")
    described.pop("look_back")
    inputs = keras.Input((seq_len, CHANNELS))
    x = TCN(**described, return_sequences=readout != "last")(inputs)
    if readout != "last":
        x = PoolOverTime(readout)(x)
    model = keras.Model(inputs, keras.layers.Dense(1)(x))
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, "mse", jit_compile=False)
    return model


def step_seconds(
    architectures: list[Architecture], seq_len: int, batch_size: int, steps: int
) -> list[float]:
    """Return the time of a training step of each architecture.

    All take turns, and the lower quartile is kept, so that other load on the machine has little
    effect.
    """
    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    X = generator.normal(size=(batch_size, seq_len, CHANNELS)).astype("float32")
    y = generator.normal(size=(batch_size, 1)).astype("float32")
    models = [built(architecture, seq_len) for architecture in architectures]
    seconds: list[list[float]] = [[] for _ in models]
    for turn in range(steps + 2):
        for model, taken in zip(models, seconds, strict=True):
            started = time.perf_counter()
            model.train_on_batch(X, y)
            if turn >= 2:  # the first two compile and warm up
                taken.append(time.perf_counter() - started)
    return [sorted(taken)[len(taken) // 4] for taken in seconds]


def rank_correlation(first: list[float], second: list[float]) -> float:
    """Return Spearman's rank correlation."""
    ranks = [np.argsort(np.argsort(values)) for values in (first, second)]
    return float(np.corrcoef(*ranks)[0, 1])


def fitted(works: list[TrainingWork], seconds: list[float]) -> tuple[float, float]:
    """Return the weights of a value and a normalised value, by least squares on relative errors."""
    features = np.array(works, dtype=float) / np.array(seconds)[:, None]
    coefficients, *_ = np.linalg.lstsq(features, np.ones(len(seconds)), rcond=None)
    per_multiply_add, per_value, per_normalised = coefficients
    return 3 * per_value / per_multiply_add, 3 * per_normalised / per_multiply_add


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--architectures", type=int, default=20)
    parser.add_argument("--seq-len", type=int, default=600)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--append", type=Path, metavar="FILE", help="append the table to this markdown file too"
    )
    arguments = parser.parse_args()
    chosen = drawn(arguments.architectures, arguments.seq_len, arguments.seed)
    works = [training_work(architecture, CHANNELS, arguments.seq_len) for architecture in chosen]
    predictions = [
        float(training_cost(architecture, CHANNELS, arguments.seq_len)) for architecture in chosen
    ]
    seconds = step_seconds(chosen, arguments.seq_len, arguments.batch_size, arguments.steps)
    lines = ["multiply-adds  training cost  ms a step  architecture"]
    for architecture, work, predicted, took in zip(
        chosen, works, predictions, seconds, strict=True
    ):
        lines.append(
            f"{work.multiply_adds:>13,}  {predicted:>13,.0f}  {took * 1e3:>9.1f}  {architecture}"
        )
    counts = [float(work.multiply_adds) for work in works]
    lines.append(
        f"rank correlation of multiply-adds with time: {rank_correlation(counts, seconds):.3f}"
    )
    lines.append(
        f"rank correlation of training_cost with time: {rank_correlation(predictions, seconds):.3f}"
    )
    a_value, a_normalised = fitted(works, seconds)
    lines.append(
        f"fitted to these: a value weighs {a_value:.0f} multiply-adds, "
        f"a normalised one {a_normalised:.0f}"
    )
    text = "\n".join(lines)
    print(text)
    if arguments.append is not None:
        command = f"python benchmarks/cost_model.py --seed {arguments.seed}"
        with arguments.append.open("a") as file:
            file.write(
                f"\n## Cost model against time, seed {arguments.seed}\n\n"
                f"Written by `{command}`.\n\n"
            )
            file.write(f"```\n{text}\n```\n")


if __name__ == "__main__":
    main()
