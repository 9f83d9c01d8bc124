"""The candidates of the layer benchmark: our layer, keras-tcn's, and PyTorch by hand."""

from __future__ import annotations

import os
import time
from typing import Any

from layer_cases import layer_arguments

OURS, KERAS_TCN, TORCH, FULL = (
    "tcn_search",
    "keras-tcn",
    "PyTorch, all steps",
    "tcn_search, all steps",
)


class KerasCandidate:
    """A model around one TCN layer; trained by `fit`, evaluated by `predict_on_batch`."""

    def __init__(self, layer: Any, case: dict[str, Any], read_last: bool = False) -> None:
        import keras

        inputs = keras.Input((case["steps"], case["channels"]))
        outputs = layer(inputs)
        outputs = outputs[:, -1] if read_last else outputs
        self.model = keras.Model(inputs, keras.layers.Dense(1)(outputs))
        self.model.compile("adam", "mse")
        self.layer, self.batch = layer, case["batch"]

    def train(self, x: Any, y: Any) -> list[float]:
        """Return the seconds of each training step of one `fit` except the first."""
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
    """The same network written by hand with PyTorch's dilated convolutions; computes all steps."""

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
            loss = self.torch.nn.functional.mse_loss(
                self._forward(x[first : first + batch]), wanted
            )
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
    """Return the candidates of this backend by name; with `only`, that candidate alone."""
    import keras

    from tcn_search.layers.tcn import TCN

    arguments, backend = layer_arguments(case), keras.backend.backend()
    makers: dict[str, Any] = {OURS: lambda: KerasCandidate(TCN(**arguments), case)}
    if backend == "tensorflow":
        makers[KERAS_TCN] = lambda: KerasCandidate(_keras_tcn(arguments), case)
    if backend in ("tensorflow", "torch"):
        makers[TORCH] = lambda: TorchCandidate(case)
    if backend != "tensorflow" and not arguments["return_sequences"]:
        whole = {**arguments, "return_sequences": True}
        makers[FULL] = lambda: KerasCandidate(TCN(**whole), case, read_last=True)
    return {name: make() for name, make in makers.items() if only in (None, name)}


def _keras_tcn(arguments: dict[str, Any]) -> Any:
    from tcn import TCN

    return TCN(**arguments)
