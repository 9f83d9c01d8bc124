"""Run exported files in their own runtimes, and write metadata into them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

# TensorFlow leaves this folder of a SavedModel to its users.
METADATA_IN_FOLDER = Path("assets.extra") / "metadata.json"


def run_onnx(file: Path, X: np.ndarray) -> np.ndarray:
    """Return the outputs of an ONNX file by ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: X})[0])


def write_onnx_metadata(file: Path, metadata: dict[str, Any]) -> None:
    """Write each entry as a property of an ONNX model, whose value is JSON."""
    import onnx

    model = onnx.load(str(file))
    properties = {name: json.dumps(value) for name, value in metadata.items()}
    onnx.helper.set_model_props(model, properties)
    onnx.save(model, str(file))


def run_litert(file: Path, X: np.ndarray) -> np.ndarray:
    """Return the outputs of a LiteRT file."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(file))
    inputs = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(inputs, X.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(inputs, X)
    interpreter.invoke()
    return np.asarray(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))


def run_saved_model(folder: Path, X: np.ndarray) -> np.ndarray:
    """Return the outputs of the signature `serve` of a SavedModel."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(folder))  # its variables live as long as it does
    return np.asarray(loaded.serve(X))


def last_step_outputs(folder: Path, X: np.ndarray, state_size: int) -> np.ndarray:
    """Return the outputs (n, K) after the last step, by the signature `step` of a SavedModel."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(folder))
    outputs = {"state": np.zeros((len(X), state_size), "float32")}
    for number in range(X.shape[1]):
        outputs = loaded.step(X[:, number : number + 1], outputs["state"])
    return np.asarray(outputs["predictions"])


def run_torch(file: Path, X: np.ndarray) -> np.ndarray:
    """Return the outputs of a file of `torch.export`."""
    import torch

    program = torch.export.load(str(file))
    with torch.no_grad():
        outputs = program.module()(torch.from_numpy(X))
    return np.asarray(outputs.cpu())
