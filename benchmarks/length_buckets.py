"""Measure an epoch of batches cut to few lengths against one of batches as long as the longest row.

    python benchmarks/length_buckets.py RECORDINGS [--front log_mel] [--append docs/benchmarks.md]

RECORDINGS is the folder of the Free Spoken Digit Dataset's WAV files. Two models with equal weights
are trained in turn, an epoch each, with one thread. The first epochs, with their tracing, are
listed apart. No validation split is evaluated.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from threads import use_one_thread

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
FRONTS: dict[str, dict[str, Any]] = {
    "log_mel": {"front": "log_mel"},
    "fold": {"front": "fold", "downsample": 32},
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--front", choices=FRONTS, default="log_mel")
    parser.add_argument("--norm", default="layer")
    parser.add_argument("--rounds", type=int, default=5, help="epochs of each, after the first")
    parser.add_argument("--append", type=Path, metavar="FILE")
    asked = parser.parse_args()
    use_one_thread()
    import keras

    import tcn_search as ts
    from tcn_search.settings import TrainingSettings
    from tcn_search.trainers.batches import fit_arguments
    from tcn_search.trainers.length_batches import accept_lengths, batch_lengths

    task = ts.load_task(
        "spoken_digits", folder=asked.recordings, validation="random", **FRONTS[asked.front]
    )
    architecture = ts.Architecture(
        nb_filters=64,
        kernel_size=5,
        dilations=(1, 2, 4),
        padding="same",
        norm=asked.norm,
        readout="average",
    )
    settings = TrainingSettings(epochs=20, batch_size=32)
    seconds: dict[str, list[float]] = {"one length": [], "few lengths": []}
    models = {}
    for name in seconds:
        keras.utils.set_random_seed(0)
        models[name] = ts.build_model(architecture, task, settings)
    lengths = batch_lengths(models["few lengths"], task.training, settings.epochs)
    accept_lengths(models["few lengths"])
    batches = {
        "one length": fit_arguments(task.training, settings.batch_size)["x"],
        "few lengths": fit_arguments(task.training, settings.batch_size, lengths)["x"],
    }
    for _ in range(asked.rounds + 1):
        for name, model in models.items():
            start = time.perf_counter()
            model.fit(batches[name], shuffle=False, verbose=0)
            seconds[name].append(time.perf_counter() - start)
    pairs = list(zip(*seconds.values(), strict=True))
    ratio = statistics.median(one / few for one, few in pairs[1:])
    backend = keras.backend.backend()
    lines = [
        "",
        f"`python benchmarks/length_buckets.py RECORDINGS --front {asked.front} "
        f"--norm {asked.norm}`: an epoch of {len(task.train):,} clips, 64 filters, kernel 5, "
        f"3 levels, batches of {settings.batch_size}, one thread; keras {version('keras')}, "
        f"{backend}. Steps of a batch: {task.seq_len}, or one of "
        f"{', '.join(map(str, lengths))}.",
        "",
        "| batches | first epoch, s | epoch, s | times |",
        "| --- | --- | --- | --- |",
    ]
    for name, times in seconds.items():
        faster = 1.0
        if name == "few lengths":
            faster = ratio
        lines.append(
            f"| {name} | {times[0]:.1f} | {statistics.median(times[1:]):.2f} | {faster:.2f} |"
        )
    text = "\n".join(lines) + "\n"
    print(text)
    if asked.append:
        with asked.append.open("a", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()
