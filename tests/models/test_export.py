"""Exported files are run in their own runtimes, and compute what the model computes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from tcn_search import TrainingSettings, export_model
from tcn_search.cli.main import main
from tcn_search.errors import ExportError, InputError
from tcn_search.models import export
from tcn_search.models.export_metadata import export_metadata
from tcn_search.models.exported_files import run_litert, run_onnx, run_torch
from tcn_search.models.step_signature import why_not_by_steps
from tests.models.every_kind import CAUSAL, CLASSES, MODELS, NUMBERS, STEPS, built

on_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="these formats are written by TensorFlow"
)
IGNORED = (
    "ignore:In the future `np.object`:FutureWarning",
    "ignore::DeprecationWarning",
    "ignore:unclosed:ResourceWarning",
)
pytestmark = [pytest.mark.filterwarnings(each) for each in IGNORED]
# All kinds in the slow tests; without them the one with the most to convert.
KINDS = [
    name if name == "padded" else pytest.param(name, marks=pytest.mark.slow) for name in MODELS
]


def sequences(model: keras.Model) -> np.ndarray:
    return export._random_sequences(model, export.task_kind_of(model))


@on_tensorflow
@pytest.mark.parametrize("kind", KINDS)
def test_onnx(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("tf2onnx", reason="the extra onnx is not installed")
    onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    model = MODELS[kind]()
    exported = export_model(model, tmp_path / "model.onnx", "onnx")
    X = sequences(model)[:3]
    np.testing.assert_allclose(
        run_onnx(exported.path, X), model.predict(X, verbose=0), rtol=1e-4, atol=1e-5
    )
    assert exported.metadata_path == exported.path
    assert exported.difference < 1e-4
    session = onnxruntime.InferenceSession(exported.path)
    properties = session.get_modelmeta().custom_metadata_map
    assert json.loads(properties["class_names"]) == exported.metadata["class_names"]


@on_tensorflow
@pytest.mark.parametrize("kind", KINDS)
def test_litert(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="the extra litert is not installed")
    model = MODELS[kind]()
    exported = export_model(model, tmp_path / "model.tflite", "litert")
    X = sequences(model)[:3]
    np.testing.assert_allclose(
        run_litert(exported.path, X), model.predict(X, verbose=0), rtol=1e-4, atol=1e-5
    )
    assert exported.metadata_path == tmp_path / "model.tflite.json"
    assert json.loads(exported.metadata_path.read_text()) == exported.metadata


@on_tensorflow
@pytest.mark.parametrize("kind", KINDS)
def test_saved_model(kind: str, tmp_path: Path) -> None:
    import tensorflow as tf

    model = MODELS[kind]()
    exported = export_model(model, tmp_path / "model", "saved_model")
    X = sequences(model)[:3]
    loaded = tf.saved_model.load(str(exported.path))
    np.testing.assert_allclose(
        np.asarray(loaded.serve(X)), model.predict(X, verbose=0), rtol=1e-4, atol=1e-5
    )
    assert json.loads(exported.metadata_path.read_text()) == exported.metadata
    assert ("step" in exported.metadata) == (not exported.no_steps) == hasattr(loaded, "step")
    assert bool(exported.no_steps) == bool(why_not_by_steps(model))
    with pytest.raises(InputError, match="exists already"):
        export_model(model, tmp_path / "model", "saved_model")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@on_tensorflow
def test_a_stream_of_steps_gives_the_class_of_each_step(tmp_path: Path) -> None:
    import tensorflow as tf

    model = built(replace(CAUSAL, readout="sequence", norm="batch"), STEPS)
    exported = export_model(model, tmp_path / "model", "saved_model")
    X = sequences(model)
    whole = model.predict(X, verbose=0)
    stream = tf.saved_model.load(str(exported.path))
    assert set(stream.signatures) == {"serve", "serving_default", "step"}
    state = np.zeros((len(X), exported.metadata["step"]["state"][1]), "float32")
    for number in range(X.shape[1]):
        outputs = stream.step(X[:, number : number + 1], state)
        state = outputs["state"]
        np.testing.assert_allclose(outputs["predictions"], whole[:, number], atol=1e-5)


@on_tensorflow
@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_a_stream_of_half_precision_takes_the_state_that_it_gives(
    precision: str, tmp_path: Path
) -> None:
    settings = TrainingSettings(precision=precision)
    model = built(replace(CAUSAL, norm="batch"), NUMBERS, settings)
    exported = export_model(model, tmp_path / "model", "saved_model")
    assert exported.no_steps == ""


def test_only_causal_networks_of_one_step_take_steps() -> None:
    reasons = {name: why_not_by_steps(make()) for name, make in MODELS.items()}
    assert [name for name, reason in reasons.items() if not reason] == [
        "causal",
        "weight_norm",
        "labels",
        "recordings",
        "steps",
        "numbers",
        "ensemble",
    ]
    assert 'padding="same"' in reasons["classification"]
    assert reasons["padded"] == "its layers readout look at several steps"
    assert reasons["words"] == "its layers embedding, answered_steps look at several steps"
    assert "patches" in reasons["forecast"]


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="Keras does not run on torch")
@pytest.mark.parametrize("kind", MODELS)
def test_torch(kind: str, tmp_path: Path) -> None:
    model = MODELS[kind]()
    exported = export_model(model, tmp_path / "model.pt2", "torch")
    X = sequences(model)[:3]
    np.testing.assert_allclose(
        run_torch(exported.path, X), model.predict(X, verbose=0), rtol=1e-4, atol=1e-5
    )


@on_tensorflow
def test_a_file_that_differs_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = built(CAUSAL, CLASSES)
    path = tmp_path / "model"
    wrong = {
        "computes something else than the model: they differ by 0.": lambda file, X: (
            1.01 * right(X)
        ),
        "computes something else than the model: they differ by nan": lambda file, X: (
            np.nan * right(X)
        ),
        "returns the shape (8, 2), the model (8, 3)": lambda file, X: right(X)[:, :2],
    }

    def right(X: np.ndarray) -> np.ndarray:
        return np.asarray(model.predict(X, verbose=0))

    monkeypatch.setattr(export, "_write", lambda model, part, wanted, steps: part.mkdir())
    for message, run in wrong.items():
        format_of = replace(export.FORMATS["saved_model"], run=run)
        monkeypatch.setitem(export.FORMATS, "saved_model", format_of)
        with pytest.raises(ExportError) as error:
            export_model(model, path, "saved_model")
        assert message in str(error.value)
        assert list(tmp_path.iterdir()) == []


def test_metadata_has_names_offsets_and_quantiles() -> None:
    metadata = export_metadata(MODELS["forecast"](), "forecast")
    assert metadata["quantiles"] == [0.1, 0.5, 0.9]
    assert metadata["class_names"] == ["p+1", "q+1", "p+2", "q+2"]
    assert metadata["output_shape"] == [-1, 12]
    far = built(
        CAUSAL,
        replace(CLASSES, input_offset=(0.0, 1e9), kind="regression", target_offset=(5.0,) * 3),
    )
    metadata = export_metadata(far, "regression")
    assert metadata["input_offset"] == [0.0, 1e9]
    assert metadata["output_offset"] == [5.0, 5.0, 5.0]
    recordings = export_metadata(MODELS["recordings"](), "classification")
    assert recordings["recordings"] == {"rate": 8000, "downsample": 80, "front": "log_mel"}
    assert recordings["input_padding"] == "NaN"
    json.dumps([metadata, recordings])


def test_what_cannot_be_exported_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = built(CAUSAL, CLASSES)
    other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    with pytest.raises(InputError, match="Only a model that tcn_search built can be used"):
        export_model(other, tmp_path / "x.onnx")
    with pytest.raises(InputError, match="A file of this format must end in .onnx"):
        export_model(model, tmp_path / "x.pb", "onnx")
    with pytest.raises(InputError, match="format must be one of"):
        export_model(model, tmp_path / "x.onnx", "h5")
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    with pytest.raises(InputError) as error:
        export_model(model, tmp_path / "x.onnx", "onnx")
    assert str(error.value) == (
        "The format onnx needs tf2onnx and onnxruntime. pip install 'tcn-search[onnx]'"
    )
    assert list(tmp_path.iterdir()) == []


@on_tensorflow
def test_the_command_writes_beside_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    built(CAUSAL, CLASSES).save("best.keras")
    assert main(["export", "best.keras", "--format", "saved_model"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert lines[0] == "wrote best_saved_model"
    assert lines[1] == (
        "takes raw sequences n × 12 × 2, float32; returns n × 3, the probability of each class"
    )
    assert lines[-2].startswith("run on 8 examples: it differs from the model by at most ")
    assert (
        lines[-1] == "signatures: serve (whole sequences), step (one step and the state before it)"
    )
    assert main(["export", "best.keras", "--format", "saved_model"]) == 2
    assert "best_saved_model exists already" in capfd.readouterr().err
    assert main(["export", "best.keras", "--format", "torch"]) == 2  # Keras is here already
    assert "but Keras runs on tensorflow in this process" in capfd.readouterr().err
    assert main(["export", "no.keras", "--format", "onnx"]) == 2
    assert "There is no model file no.keras" in capfd.readouterr().err
