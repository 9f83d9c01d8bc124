"""Measure the cost of norms and dropout in a training step, ours and keras-tcn's in turn.

    python benchmarks/norms.py [--filters 16] [--append docs/benchmarks.md]

The training step computes all time steps. TensorFlow runs with one thread, as in a worker of a
search; the network has 7 levels and kernel 3, and averages the outputs of all steps. A batch has 32
sequences of 600 steps.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from threads import use_one_thread

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

CASES: dict[str, dict[str, Any]] = {
    "none": {},
    "dropout": {"dropout_rate": 0.1},
    "batch norm": {"use_batch_norm": True},
    "layer norm": {"use_layer_norm": True},
    "layer norm, dropout": {"use_layer_norm": True, "dropout_rate": 0.1},
    "none, XLA": {"jit_compile": True},
    "batch norm, XLA": {"use_batch_norm": True, "jit_compile": True},
    "layer norm, XLA": {"use_layer_norm": True, "jit_compile": True},
    "layer norm, dropout, XLA": {"use_layer_norm": True, "dropout_rate": 0.1, "jit_compile": True},
}
STEPS, CHANNELS, BATCH, BATCHES = 600, 2, 32, 6


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--filters", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=7, help="turns of each, with 6 steps")
    parser.add_argument("--append", type=Path, metavar="FILE")
    asked = parser.parse_args()
    use_one_thread()
    lines = [
        "",
        "## Norms and dropout",
        "",
        f"`python benchmarks/norms.py --filters {asked.filters}`: a training step in ms; "
        "all steps of 32 sequences of 600, 7 levels, kernel 3.\n"
        f"One thread, keras {version('keras')}, "
        f"tensorflow {version('tensorflow')}, keras-tcn {version('keras-tcn')}.",
        "",
        "| network | keras-tcn | tcn_search | times |",
        "| --- | --- | --- | --- |",
    ]
    for name, arguments in CASES.items():
        theirs, ours = measure(arguments, asked.filters, asked.rounds)
        lines.append(f"| {name} | {1e3 * theirs:.1f} | {1e3 * ours:.1f} | {theirs / ours:.2f} |")
        print(lines[-1], flush=True)
    lines += [
        "",
        "A norm alone, forward and backward, on (32, 600, channels), in ms:",
        "",
        "| norm | channels | Keras | tcn_search | times |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name in ("batch", "layer"):
        for channels in (16, 32, 64):
            theirs, ours = measure_norm(name, channels, asked.rounds)
            lines.append(
                f"| {name} | {channels} | {1e3 * theirs:.2f} | {1e3 * ours:.2f} | "
                f"{theirs / ours:.2f} |"
            )
            print(lines[-1], flush=True)
    text = "\n".join([*lines, ""])
    print(text)
    if asked.append:
        with asked.append.open("a", encoding="utf-8") as file:
            file.write(text)


def measure(arguments: dict[str, Any], filters: int, rounds: int) -> tuple[float, float]:
    """Return the median seconds of a training step: keras-tcn's, ours."""
    from tcn import TCN as KerasTCN  # noqa: N811

    from tcn_search import TCN

    fits = [trainer(layer, arguments, filters) for layer in (KerasTCN, TCN)]
    seconds: list[list[float]] = [[], []]
    for fit in fits:
        fit()  # traces
    for _ in range(rounds):
        for fit, times in zip(fits, seconds, strict=True):
            times += fit()
    theirs, ours = map(statistics.median, seconds)
    return theirs, ours


def trainer(layer: Any, arguments: dict[str, Any], filters: int) -> Any:
    """Return a function that trains a network around the layer for one epoch.

    It returns the seconds of each batch except the first.
    """
    import keras
    import numpy as np
    import tensorflow as tf

    compiled, draw = arguments.get("jit_compile", False), np.random.default_rng(0)
    arguments = {name: value for name, value in arguments.items() if name != "jit_compile"}
    x = draw.normal(size=(BATCHES * BATCH, STEPS, CHANNELS)).astype("float32")
    batches = (
        tf.data.Dataset.from_tensor_slices((x, x[:, 0, :1]))
        .batch(BATCH, drop_remainder=True)
        .cache()
    )
    tcn = layer(
        filters, 3, dilations=[2**level for level in range(7)], return_sequences=True, **arguments
    )
    inputs = keras.Input((STEPS, CHANNELS), batch_size=BATCH)
    features = keras.layers.GlobalAveragePooling1D()(tcn(inputs))
    model = keras.Model(inputs, keras.layers.Dense(1)(features))
    model.compile("adam", "mse", jit_compile=compiled)

    def fit() -> list[float]:
        ends: list[float] = []
        clock = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: ends.append(time.perf_counter())
        )
        model.fit(batches, epochs=1, verbose=0, callbacks=[clock])
        return [end - start for start, end in itertools.pairwise(ends)]

    return fit


def measure_norm(name: str, channels: int, rounds: int) -> tuple[float, float]:
    """Return the median seconds of a norm with its gradients: Keras', ours."""
    import keras
    import tensorflow as tf

    from tcn_search.layers.normalization import batch_norm_in_training, layer_norm

    x, upstream = tf.random.normal((2, BATCH, STEPS, channels))
    norm = (
        keras.layers.BatchNormalization() if name == "batch" else keras.layers.LayerNormalization()
    )
    norm.build(x.shape)
    weights = [norm.gamma.value, norm.beta.value]

    def gradients(function: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = function()
        return tape.gradient(outputs, [x, *weights], upstream)

    ours = batch_norm_in_training if name == "batch" else layer_norm
    functions = [
        tf.function(
            lambda: gradients(lambda: norm(x, training=True) if name == "batch" else norm(x))
        ),
        tf.function(lambda: gradients(lambda: ours(x, norm))),
    ]
    seconds: list[list[float]] = [[], []]
    for function in functions:
        function()
    for _ in range(5 * rounds):
        for function, times in zip(functions, seconds, strict=True):
            start = time.perf_counter()
            function()
            times.append(time.perf_counter() - start)
    theirs, mine = map(statistics.median, seconds)
    return theirs, mine


if __name__ == "__main__":
    main()
