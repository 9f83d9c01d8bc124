"""Training step, inference and memory of the TCN layer, against keras-tcn and PyTorch by hand.

    python benchmarks/layer.py                      # TensorFlow, then JAX; prints the tables
    python benchmarks/layer.py --write docs/benchmarks.md
    KERAS_BACKEND=jax python benchmarks/layer.py --backend jax     # one backend, on a GPU where there is one

Each backend and case runs in a process of its own. There, the candidates take turns within one run, the Keras
layers with the same weights; each number is a median. Only ratios within a case are comparable.
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

CASES: dict[str, dict[str, Any]] = {
    "adding": {"batch": 128, "steps": 600, "channels": 2, "kernel_size": 8, "levels": 7, "nb_filters": 24},
    "sequential MNIST": {
        "batch": 64,
        "steps": 784,
        "channels": 1,
        "kernel_size": 6,
        "levels": 8,
        "nb_filters": 20,
    },
    "long": {"batch": 32, "steps": 4096, "channels": 1, "kernel_size": 3, "levels": 11, "nb_filters": 32},
    "copy memory": {
        "batch": 128,
        "steps": 600,
        "channels": 1,
        "kernel_size": 8,
        "levels": 8,
        "nb_filters": 10,
        "return_sequences": True,
    },
}
OURS, KERAS_TCN, TORCH, FULL = "tcn_search", "keras-tcn", "PyTorch, all steps", "tcn_search, all steps"
BATCHES = 4  # of one fit; its first step is left out


def layer_arguments(case: dict[str, Any]) -> dict[str, Any]:
    return {
        "nb_filters": case["nb_filters"],
        "kernel_size": case["kernel_size"],
        "dilations": [2**level for level in range(case["levels"])],
        "return_sequences": case.get("return_sequences", False),
    }


def data(case: dict[str, Any]) -> tuple[Any, Any]:
    import numpy as np

    draw = np.random.default_rng(0)
    shape = (case["batch"] * BATCHES, case["steps"])
    x = draw.normal(size=(*shape, case["channels"])).astype("float32")
    return x, draw.normal(size=(*(shape if case.get("return_sequences") else shape[:1]), 1)).astype("float32")


class KerasCandidate:
    """A model around one TCN layer: steps through `fit`, inference through `predict_on_batch`."""

    def __init__(self, layer: Any, case: dict[str, Any], read_last: bool = False) -> None:
        import keras

        inputs = keras.Input((case["steps"], case["channels"]))
        outputs = layer(inputs)
        outputs = outputs[:, -1] if read_last else outputs
        self.model = keras.Model(inputs, keras.layers.Dense(1)(outputs))
        self.model.compile("adam", "mse")
        self.layer, self.batch = layer, case["batch"]

    def train(self, x: Any, y: Any) -> list[float]:
        """Seconds of each training step of one `fit`, but the first."""
        import keras

        begun: list[float] = []
        callback = keras.callbacks.LambdaCallback(
            on_train_batch_begin=lambda batch, logs=None: begun.append(time.perf_counter()),
            on_train_batch_end=lambda batch, logs=None: begun.append(time.perf_counter()),
        )
        # Reading the loss at the end of each batch waits until the step is done.
        self.model.fit(x, y, batch_size=self.batch, verbose=0, shuffle=False, callbacks=[callback])
        return [end - start for start, end in zip(begun[2::2], begun[3::2], strict=True)]

    def infer(self, x: Any) -> float:
        start = time.perf_counter()
        self.model.predict_on_batch(x[: self.batch])
        return time.perf_counter() - start


class TorchCandidate:
    """PyTorch's own dilated convolutions, the same network by hand, all steps."""

    def __init__(self, case: dict[str, Any]) -> None:
        import torch

        torch.set_num_threads(os.cpu_count() or 1)
        self.torch, self.case = torch, case
        self.network = dilated_network(torch, case)
        self.optimiser = torch.optim.Adam(self.network.parameters())

    def _forward(self, x: Any) -> Any:
        x = self.torch.from_numpy(x).transpose(1, 2)
        return self.network(x)

    def train(self, x: Any, y: Any) -> list[float]:
        batch, found = self.case["batch"], []
        for first in range(0, len(x), batch):
            start = time.perf_counter()
            self.optimiser.zero_grad()
            wanted = self.torch.from_numpy(y[first : first + batch])
            loss = self.torch.nn.functional.mse_loss(self._forward(x[first : first + batch]), wanted)
            loss.backward()
            self.optimiser.step()
            found.append(time.perf_counter() - start)
        return found[1:]

    def infer(self, x: Any) -> float:
        start = time.perf_counter()
        with self.torch.no_grad():
            self._forward(x[: self.case["batch"]])
        return time.perf_counter() - start


def dilated_network(torch: Any, case: dict[str, Any]) -> Any:
    nn, filters, taps = torch.nn, case["nb_filters"], case["kernel_size"]

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.ModuleList(), nn.ModuleList()
            for level in range(case["levels"]):
                into = case["channels"] if level == 0 else filters
                self.first.append(nn.Conv1d(into, filters, taps, dilation=2**level))
                self.second.append(nn.Conv1d(filters, filters, taps, dilation=2**level))
            self.match = nn.Conv1d(case["channels"], filters, 1)
            self.head = nn.Linear(filters, 1)

        def forward(self, x: Any) -> Any:
            total = 0.0
            for level, (first, second) in enumerate(zip(self.first, self.second, strict=True)):
                zeros = ((taps - 1) * 2**level, 0)
                skip = torch.relu(first(nn.functional.pad(x, zeros)))
                skip = torch.relu(second(nn.functional.pad(skip, zeros)))
                total = total + skip
                x = torch.relu((self.match(x) if level == 0 else x) + skip)
            total = total.transpose(1, 2)
            return self.head(total if case.get("return_sequences") else total[:, -1])

    return Network()


def candidates(case: dict[str, Any], only: str | None) -> dict[str, Any]:
    """Those of this backend, by name; `only` one of them where memory is measured."""
    import keras

    from tcn_search.layers.tcn import TCN

    arguments, on_tensorflow = layer_arguments(case), keras.backend.backend() == "tensorflow"
    makers: dict[str, Any] = {OURS: lambda: KerasCandidate(TCN(**arguments), case)}
    if on_tensorflow:
        makers[KERAS_TCN] = lambda: KerasCandidate(_keras_tcn(arguments), case)
        makers[TORCH] = lambda: TorchCandidate(case)
    elif not arguments["return_sequences"]:
        whole = {**arguments, "return_sequences": True}
        makers[FULL] = lambda: KerasCandidate(TCN(**whole), case, read_last=True)
    return {name: make() for name, make in makers.items() if only in (None, name)}


def _keras_tcn(arguments: dict[str, Any]) -> Any:
    from tcn import TCN

    return TCN(**arguments)


def matrix_product_rate() -> float:
    """Multiply-adds a second of a float32 matrix product of this backend."""
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
    """One case on this process's backend: medians in seconds by candidate, and the limit."""
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


def training_multiply_adds(case: dict[str, Any]) -> float:
    """Of one training step of the plan: forward, and twice as many for the two gradients."""
    from tcn_search.planning.architecture import Architecture
    from tcn_search.planning.last_step import full_plan, last_step_plan

    arguments = layer_arguments(case)
    make = full_plan if arguments.pop("return_sequences") else last_step_plan
    plan = make(Architecture(**arguments), case["steps"])
    return 3.0 * case["batch"] * plan.multiply_adds(case["channels"])


def device() -> str:
    import keras

    if keras.backend.backend() == "jax":
        import jax

        return str(jax.devices()[0].device_kind)
    return "cpu"


def memory(name: str, only: str) -> dict[str, Any]:
    """Peak memory that three training steps add to what the imports take, in MiB."""
    import resource

    case = CASES[name]
    x, y = data(case)
    candidate = candidates(case, only)[only]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    candidate.train(x, y)
    return {"added": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024}


def streaming(rounds: int) -> dict[str, Any]:
    """Time of one further step after histories of different lengths, in seconds: it should be flat."""
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
    """What this script prints as JSON, run in a process of its own on that backend."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def versions(backend: str) -> str:
    names = ["keras", "tensorflow", "keras-tcn", "torch"] if backend == "tensorflow" else ["keras", "jax"]
    found = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    return f"Python {platform.python_version()}, {found}; {os.cpu_count()} cores, {platform.machine()}"


def backend_report(backend: str, rounds: int, cases: list[str]) -> list[str]:
    """The markdown lines of one backend."""
    lines, device_name = [], ""
    for name in cases:
        found = in_process(backend, "--measure", name, "--rounds", str(rounds))
        device_name = found["device"]
        for key, seconds in found["step"].items():
            added = in_process(backend, "--memory", name, "--only", key)["added"]
            lines.append(
                f"| {name} | {key} | {1e3 * seconds:.1f} | {seconds / found['step'][OURS]:.2f} | "
                f"{1e3 * found['inference'][key]:.1f} | {added:.0f} | {found['first'][key]:.1f} | "
                f"{1e3 * found['limit']:.1f} |"
            )
        print("\n".join(lines[-len(found["step"]) :]), file=sys.stderr, flush=True)
    header = [
        f"## {backend}, {device_name}",
        "",
        versions(backend),
        "",
        "| case | | step, ms | times ours | inference, ms | memory, MiB | first step, s | limit, ms |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    return [*header, *lines, ""]


def report(backends: list[str], rounds: int, cases: list[str], command: str) -> str:
    lines = [
        "# Benchmarks",
        "",
        f"Written by `{command}`.",
        "A training step is one batch of `model.fit` with Adam. The candidates take turns in one process,",
        "the Keras layers with the same weights; numbers are medians, and only ratios within a case mean",
        "something on another machine. Memory is the peak that training adds to the process. The limit is",
        "the multiply-adds of the plan's training step over the rate of a matrix product in that run.",
        "",
    ]
    for backend in backends:
        lines += backend_report(backend, rounds, cases)
    history = in_process(backends[0], "--streaming", "--rounds", "5")["history"]
    lines += ["## Streaming", "", f"One further step ({backends[0]}), adding's network, one row.", ""]
    lines += ["| steps so far | ms a step |", "| --- | --- |"]
    lines += [f"| {count} | {1e3 * seconds:.2f} |" for count, seconds in history.items()]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--backend", choices=["tensorflow", "jax"], help="one backend instead of both")
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
        backends = [options.backend] if options.backend else ["tensorflow", "jax"]
        command = " ".join(["python", "benchmarks/layer.py", *sys.argv[1:]])
        text = report(backends, options.rounds, options.cases, command)
        print(text)
        if options.write:
            options.write.write_text(text)


if __name__ == "__main__":
    main()
