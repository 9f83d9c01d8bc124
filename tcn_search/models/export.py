"""Convert a saved model to a format that runs without Keras, and check the converted file."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tcn_search.arguments import one_of
from tcn_search.atomic_files import reason_of, replacing
from tcn_search.errors import ExportError, InputError, first_line
from tcn_search.models.export_metadata import export_metadata
from tcn_search.models.exported_files import (
    METADATA_IN_FOLDER,
    last_step_outputs,
    run_litert,
    run_onnx,
    run_saved_model,
    run_torch,
    write_onnx_metadata,
)
from tcn_search.models.predict import network_inputs, standardize_layer, task_kind_of
from tcn_search.models.step_signature import StepSignature, why_not_by_steps

EXAMPLES = 8
_FULL_PRECISION = 1e-4  # largest difference, of the largest output
_HALF_PRECISION = 1e-2


@dataclass(frozen=True)
class _Format:
    """How a format is written and run.

    Attributes:
        keras_name: name of the format in `keras.Model.export`.
        ending: of the file; "" for a folder.
        backends: Keras backends that write it.
        packages: that are needed, by the extra that installs them.
        run: returns the outputs of a file for sequences (n, T, C).
    """

    keras_name: str
    ending: str
    backends: tuple[str, ...]
    packages: tuple[str, ...]
    extra: str
    run: Callable[[Path, np.ndarray], np.ndarray]


FORMATS = {
    "onnx": _Format("onnx", ".onnx", ("tensorflow",), ("tf2onnx", "onnxruntime"), "onnx", run_onnx),
    "litert": _Format(
        "litert", ".tflite", ("tensorflow",), ("ai_edge_litert",), "litert", run_litert
    ),
    "saved_model": _Format("tf_saved_model", "", ("tensorflow",), (), "", run_saved_model),
    "torch": _Format("torch", ".pt2", ("torch",), ("torch",), "torch", run_torch),
}


@dataclass(frozen=True)
class Export:
    """A converted model that was run and compared with the model.

    Attributes:
        path: the file, or the folder of a SavedModel.
        metadata_path: where the metadata is: the file itself, or a JSON.
        metadata: kind, class names, shapes and units of inputs and outputs.
        examples: number of sequences that both were run on.
        difference: largest difference of their outputs, as a share of the largest output.
        no_steps: why the file has no signature that takes one step at a time; "" if it has one.
    """

    path: Path
    metadata_path: Path
    metadata: dict[str, Any] = field(repr=False)
    examples: int
    difference: float
    no_steps: str


def export_model(
    model: keras.Model,
    path: str | Path,
    format: str = "onnx",  # noqa: A002 - Keras' name of the argument
    *,
    examples: np.ndarray | None = None,
) -> Export:
    """Export a model by `keras.Model.export`, and run the file before it is put in place.

    The file takes what the model takes, raw sequences (n, T, C) in float32. A SavedModel of a
    causal network that reads one step has the signature `step` too: it takes one step (n, 1, C)
    and a state (n, S), zeros at first, and returns the prediction (n, K) after this step, and the
    next state.

    Args:
        model: from `load_model`, `Study.best_model` or `build_model`.
        path: file to write, with the ending .onnx, .tflite or .pt2; or folder of a SavedModel.
        format: "onnx", "litert", "saved_model" or "torch".
        examples: raw sequences (n, T, C) to compare with, as `predict` takes them; default: random
            ones by the training split's mean and deviation.

    Raises:
        InputError: the model was not built by tcn_search, a package is missing, Keras runs on a
            backend that does not write the format, or the file cannot be written.
        ExportError: the file computes something else, or cannot be run. It is not kept.
    """
    kind = task_kind_of(model)
    one_of("format", format, tuple(FORMATS))
    wanted = FORMATS[format]
    path = Path(path)
    if wanted.ending and path.suffix != wanted.ending:
        raise InputError(f"A file of this format must end in {wanted.ending}. Received: {path}")
    require_packages(format)
    _require_backend(format, wanted)
    if examples is None:
        X = _random_sequences(model, kind)
    else:
        X = network_inputs(model, np.asarray(examples))
    no_steps = "only a SavedModel has room for it"
    steps = None
    if format == "saved_model":
        no_steps = why_not_by_steps(model)
        if not no_steps:
            steps = StepSignature(model)
    metadata = export_metadata(model, kind)
    if steps is not None:
        metadata["step"] = steps.metadata()
    expected = np.asarray(model.predict(X, verbose=0))  # Keras exports only what was called
    with _written(path, is_folder=not wanted.ending) as part:
        _write(model, part, wanted, steps)
        difference = _difference(model, part, wanted, X, expected)
        if steps is not None:
            difference = max(difference, _difference_of_steps(model, part, kind, steps))
        metadata_path = _write_metadata(format, path, part, metadata)
    return Export(path, metadata_path, metadata, len(X), difference, no_steps)


def require_packages(format: str) -> None:  # noqa: A002
    """Raise an InputError if a package that a format needs is not installed."""
    wanted = FORMATS[format]
    missing = [name for name in wanted.packages if find_spec(name) is None]
    if missing:
        raise InputError(
            f"The format {format} needs {' and '.join(missing)}. "
            f"pip install 'tcn-search[{wanted.extra}]'"
        )


def _require_backend(name: str, wanted: _Format) -> None:
    backend = keras.backend.backend()
    if backend not in wanted.backends:
        needed = wanted.backends[0]
        raise InputError(
            f"The format {name} is written by Keras on {needed}, but it runs on {backend} in this "
            f"process. Set KERAS_BACKEND={needed} before Keras is imported: a saved model loads on "
            "every backend"
        )


def _random_sequences(model: keras.Model, kind: str) -> np.ndarray:
    """Return sequences as a model might get them; half of them padded where it takes padding."""
    generator = np.random.default_rng(0)
    _, steps, channels = model.input_shape
    if kind == "tokens":
        words = model.output_shape[-1]
        return generator.integers(0, words, (EXAMPLES, steps, channels)).astype("float32")
    standardize = standardize_layer(model)
    X = generator.normal(size=(EXAMPLES, steps, channels))
    if standardize.mean:
        X = X * standardize.std + standardize.mean
    if standardize.ragged:
        for row in range(EXAMPLES // 2):
            X[row, max(1, steps * (row + 1) // EXAMPLES) :] = np.nan
    return X.astype("float32")


@contextmanager
def _written(path: Path, is_folder: bool) -> Iterator[Path]:
    """Yield a place to write to, which is moved to `path` unless an error is raised."""
    if not is_folder:
        with replacing(path) as part:
            yield part
        return
    if path.exists():
        raise InputError(f"{path} exists already. Remove it, or give another folder.")
    try:
        folder = Path(tempfile.mkdtemp(prefix=".tcn_search-", dir=path.parent))
    except OSError as error:
        raise InputError(f"{path} cannot be written: {reason_of(error)}") from error
    try:
        yield folder / path.name
        (folder / path.name).rename(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {reason_of(error)}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(model: keras.Model, part: Path, wanted: _Format, steps: StepSignature | None) -> None:
    """Write a model by Keras' own export."""
    try:
        if steps is None:
            model.export(part, format=wanted.keras_name, verbose=False, **_options(wanted))
            return
        archive = keras.export.ExportArchive()
        shape = (None, *model.input_shape[1:])
        specification = keras.InputSpec(shape=shape, dtype="float32", name="sequences")
        archive.track_and_add_endpoint("serve", model, [specification])
        steps.add_to(archive)
        archive.write_out(part, verbose=False)
    except OSError:
        raise
    except Exception as error:  # a converter can raise any exception
        raise ExportError(
            f"Keras cannot convert this model to {wanted.keras_name}: "
            f"{type(error).__name__}: {first_line(error)[:300]}"
        ) from error


def _options(wanted: _Format) -> dict[str, Any]:
    if wanted.keras_name == "torch":
        import torch

        return {"dynamic_shapes": {0: torch.export.Dim("batch", min=1)}}
    return {}


def _difference(
    model: keras.Model, part: Path, wanted: _Format, X: np.ndarray, expected: np.ndarray
) -> float:
    """Run a file on all sequences at once and on the first alone; return the largest difference."""
    largest = 0.0
    for count in (len(X), 1):
        try:
            outputs = wanted.run(part, X[:count])
        except Exception as error:  # a runtime can raise any exception
            reason = first_line(error)[:300]
            raise ExportError(
                f"The exported file cannot be run: {type(error).__name__}: {reason}. "
                "No file is kept"
            ) from error
        largest = max(largest, _compare(expected[:count], outputs, model))
    return largest


def _difference_of_steps(
    model: keras.Model, folder: Path, kind: str, steps: StepSignature
) -> float:
    """Run whole sequences step by step; return the largest difference after the last step."""
    X = _random_sequences(model, kind)[EXAMPLES // 2 :]  # the others are padded
    expected = np.asarray(model.predict(X, verbose=0))
    if expected.ndim == 3:
        expected = expected[:, -1]
    return _compare(expected, last_step_outputs(folder, X, steps.state_size), model)


def _compare(expected: np.ndarray, outputs: np.ndarray, model: keras.Model) -> float:
    """Return the largest difference, as a share of the largest output.

    Raises:
        ExportError: it is more than rounding.
    """
    most = _FULL_PRECISION
    if any("16" in layer.compute_dtype for layer in _all_layers(model)):
        most = _HALF_PRECISION
    if expected.shape != outputs.shape:
        raise ExportError(
            f"The exported file returns the shape {outputs.shape}, the model {expected.shape}. "
            "No file is kept"
        )
    scale = max(float(np.abs(expected).max()), 1e-30)
    difference = float(np.abs(outputs - expected).max()) / scale
    if not difference <= most:  # NaN, too
        raise ExportError(
            "The exported file computes something else than the model: they differ by "
            f"{difference:.2g} of the largest output. No file is kept"
        )
    return difference


def _all_layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from _all_layers(layer)


def _write_metadata(
    format: str,  # noqa: A002 - the word of `export_model`
    path: Path,
    part: Path,
    metadata: dict[str, Any],
) -> Path:
    """Write the metadata into the file where the format has room, or else into a JSON beside it."""
    if format == "onnx":
        write_onnx_metadata(part, metadata)
        return path
    text = json.dumps(metadata, indent=2)
    if format == "saved_model":
        inside = part / METADATA_IN_FOLDER
        inside.parent.mkdir(exist_ok=True)
        inside.write_text(text, encoding="utf-8")
        return path / METADATA_IN_FOLDER
    beside = path.with_name(f"{path.name}.json")
    with replacing(beside) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return beside
