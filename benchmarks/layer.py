"""Measure training step, inference and memory of the TCN layer.

The TCN layer is compared with keras-tcn and a hand-written PyTorch network.

    python benchmarks/layer.py                      # TensorFlow, JAX and torch; prints the tables
    python benchmarks/layer.py --write docs/benchmarks.md
    python benchmarks/layer.py --backend torch --cases adding      # one backend, one case
    KERAS_BACKEND=jax python benchmarks/layer.py --backend jax     # on a GPU, with jax[cuda12]

Each backend and case runs in a process of its own. Within it the candidates take turns, the Keras
layers have the same weights, and each number is a median. Only ratios within a case are
comparable.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from layer_candidates import KERAS_TCN, OURS, KerasCandidate, candidates
from layer_cases import CASES, data, layer_arguments, training_multiply_adds

BACKENDS = {
    "tensorflow": ["keras", "tensorflow", "keras-tcn", "torch"],
    "jax": ["keras", "jax"],
    "torch": ["keras", "torch"],
}  # the packages whose versions are reported for each backend
TRIED = Path(__file__).with_name("layer_tried.md")
GPU_COMMAND = "KERAS_BACKEND=jax python benchmarks/layer.py --backend jax"


def matrix_product_rate() -> float:
    """Return the multiply-adds per second of a float32 matrix product on this backend."""
    import keras
    import numpy as np

    size = 2048
    a = keras.ops.convert_to_tensor(np.ones((size, size), "float32"))
    times = []
    for _ in range(7):
        start = time.perf_counter()
        keras.ops.convert_to_numpy(keras.ops.matmul(a, a)[:1])
        times.append(time.perf_counter() - start)
    return size**3 / sorted(times)[3]


def measure(name: str, rounds: int) -> dict[str, Any]:
    """Measure one case on the backend of this process.

    Returns:
        medians in seconds by candidate, and the limit in seconds.
    """
    import numpy as np

    case = CASES[name]
    found = candidates(case, None)
    weights = found[OURS].layer.get_weights()
    for candidate in found.values():
        if isinstance(candidate, KerasCandidate):
            candidate.layer.set_weights(weights)
    x, y = data(case)
    steps: dict[str, list[float]] = {key: [] for key in found}
    inference: dict[str, list[float]] = {key: [] for key in found}
    first, rates = {}, []
    for key, candidate in found.items():
        start = time.perf_counter()
        candidate.train(x[: case["batch"]], y[: case["batch"]])
        first[key] = time.perf_counter() - start
        candidate.infer(x)
    for _ in range(rounds):
        rates.append(matrix_product_rate())
        for key, candidate in found.items():
            steps[key] += candidate.train(x, y)
            inference[key].append(candidate.infer(x))
    median = {key: float(np.median(times)) for key, times in steps.items()}
    return {
        "step": median,
        "inference": {key: float(np.median(times)) for key, times in inference.items()},
        "first": first,
        "limit": training_multiply_adds(case) / float(np.median(rates)),
        "device": device(),
    }


def device() -> str:
    import keras

    if keras.backend.backend() == "jax":
        import jax

        return str(jax.devices()[0].device_kind)
    return "cpu"


def memory(name: str, only: str) -> dict[str, Any]:
    """Return the peak memory in MiB that training steps add to that of the imports."""
    import resource

    case = CASES[name]
    x, y = data(case)
    candidate = candidates(case, only)[only]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    candidate.train(x, y)
    return {"added": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024}


def streaming(rounds: int) -> dict[str, Any]:
    """Measure one further step, in seconds, after histories of different lengths."""
    import keras
    import numpy as np

    from tcn_search.layers.tcn import TCN

    arguments = {**layer_arguments(CASES["adding"]), "return_sequences": True}
    layer = TCN(**arguments, return_state=True)
    layer.build((1, None, 2))
    shapes = [(1, *shape) for shape in layer.state_shapes(2)]
    inputs = keras.Input((1, 2), batch_size=1)
    before = [keras.Input(shape[1:], batch_size=1) for shape in shapes]
    model = keras.Model([inputs, *before], layer(inputs, initial_state=before))
    states = [np.zeros(shape, "float32") for shape in shapes]
    step = np.ones((1, 1, 2), "float32")
    times: dict[int, float] = {}
    taken: list[float] = []
    for count in range(1, 100 * 2**rounds + 1):
        start = time.perf_counter()
        _, *states = model.predict_on_batch([step, *states])
        taken.append(time.perf_counter() - start)
        if count >= 100 and count % 100 == 0 and (count // 100).bit_count() == 1:
            times[count] = float(np.median(taken[-50:]))
    return {"history": times}


def in_process(backend: str, *arguments: str) -> dict[str, Any]:
    """Run this script in a process of its own on a backend; return the JSON that it prints."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def versions(backend: str) -> str:
    found = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in BACKENDS[backend])
    return (
        f"Python {platform.python_version()}, {found}; {os.cpu_count()} cores, {platform.machine()}"
    )


def measure_backend(backend: str, rounds: int, cases: list[str]) -> dict[str, dict[str, Any]]:
    """Measure each case, and the memory of each candidate, in processes of their own."""
    everything = {}
    for name in cases:
        found = in_process(backend, "--measure", name, "--rounds", str(rounds))
        found["memory"] = {
            key: in_process(backend, "--memory", name, "--only", key)["added"]
            for key in found["step"]
        }
        everything[name] = found
        print("\n".join(case_lines(name, found)), file=sys.stderr, flush=True)
    return everything


def case_lines(name: str, found: dict[str, Any]) -> list[str]:
    return [
        f"| {name} | {key} | {1e3 * seconds:.1f} | {seconds / found['step'][OURS]:.2f} | "
        f"{1e3 * found['inference'][key]:.1f} | {found['memory'][key]:.0f} | "
        f"{found['first'][key]:.1f} | {1e3 * found['limit']:.1f} |"
        for key, seconds in found["step"].items()
    ]


def backend_lines(backend: str, measured: dict[str, dict[str, Any]]) -> list[str]:
    """Return the lines of the section of one backend."""
    device_name = next(iter(measured.values()))["device"]
    lines = [
        f"## {backend}, {device_name}",
        "",
        versions(backend),
        "",
        "| case | | step, ms | times ours | inference, ms | memory, MiB | first step, s | "
        "limit, ms |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, found in measured.items():
        lines += case_lines(name, found)
    lines.append("")
    if backend == "jax" and device_name == "cpu":
        lines += [f"Not run on a GPU: there was none. Where there is one: `{GPU_COMMAND}`.", ""]
    return lines


def best_lines(measured: dict[str, dict[str, dict[str, Any]]]) -> list[str]:
    """Return the ratio of keras-tcn's step to ours, on TensorFlow and on the fastest backend."""
    lines = [
        "## Against keras-tcn",
        "",
        "Steps in ms. The TensorFlow ratio is taken within one process; the other backends ran "
        "after it.",
        "",
        f"| case | keras-tcn | {' | '.join(measured)} | times, tensorflow | times, best backend |",
        f"| --- | --- | {'--- | ' * len(measured)}--- | --- |",
    ]
    for name, on_tensorflow in measured["tensorflow"].items():
        theirs = on_tensorflow["step"][KERAS_TCN]
        ours = {backend: found[name]["step"][OURS] for backend, found in measured.items()}
        best = min(ours, key=ours.__getitem__)
        steps = " | ".join(f"{1e3 * seconds:.1f}" for seconds in ours.values())
        lines.append(
            f"| {name} | {1e3 * theirs:.1f} | {steps} | {theirs / ours['tensorflow']:.2f} | "
            f"{theirs / ours[best]:.2f}, {best} |"
        )
    return [*lines, ""]


def report(backends: list[str], rounds: int, cases: list[str], command: str) -> str:
    lines = [
        "# Benchmarks",
        "",
        f"Written by `{command}`.",
        "A training step is one batch of `model.fit` with Adam. The candidates take turns in one",
        "process, and the Keras layers have the same weights. Numbers are medians; only ratios",
        "within a case carry over to another machine. Memory is the peak that training adds to the",
        "process. The limit is the multiply-adds of the plan's training step over the rate of a",
        "matrix product in that run.",
        "",
    ]
    measured = {backend: measure_backend(backend, rounds, cases) for backend in backends}
    if "tensorflow" in measured:
        lines += best_lines(measured)
    for backend, found in measured.items():
        lines += backend_lines(backend, found)
    history = in_process(backends[0], "--streaming", "--rounds", "5")["history"]
    lines += [
        "## Streaming",
        "",
        f"One further step ({backends[0]}), adding's network, one row.",
        "",
    ]
    lines += ["| steps so far | ms a step |", "| --- | --- |"]
    lines += [f"| {count} | {1e3 * seconds:.2f} |" for count, seconds in history.items()]
    return "\n".join(lines) + "\n\n" + TRIED.read_text()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--backend", choices=BACKENDS, help="one backend instead of all")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each candidate")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--write", type=Path, help="write the tables to this markdown file")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--memory", help=argparse.SUPPRESS)
    parser.add_argument("--only", help=argparse.SUPPRESS)
    parser.add_argument("--streaming", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.rounds)))
    elif options.memory:
        print(json.dumps(memory(options.memory, options.only)))
    elif options.streaming:
        print(json.dumps(streaming(options.rounds)))
    else:
        backends = [options.backend] if options.backend else list(BACKENDS)
        command = " ".join(["python", "benchmarks/layer.py", *sys.argv[1:]])
        text = report(backends, options.rounds, options.cases, command)
        print(text)
        if options.write:
            options.write.write_text(text)


if __name__ == "__main__":
    main()
