"""Build models from architectures and tasks, save them, and load them in a new process."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from tcn_search import Architecture, Task, TrainingSettings, build_model, load_model
from tcn_search.errors import InputError
from tcn_search.models.build import tcn_body
from tcn_search.models.predict import predict
from tcn_search.models.readout import PoolOverTime
from tcn_search.models.standardize import Standardize
from tcn_search.planning.model_size import ModelShape
from tests.conftest import draw_head, waves

X, Y = waves(12)
SMALL = Architecture(nb_filters=3, kernel_size=2, dilations=(1, 2))


def targets(kind: str) -> np.ndarray:
    return {
        "classification": Y,
        "regression": np.stack([Y * 100.0, Y + 7.0], axis=1),
        "multi_label": np.tile([[1, 0, 1], [0, 1, 1]], (6, 1)),
        "labelling": np.tile(np.arange(16) % 3, (12, 1)),
    }[kind]


@pytest.mark.parametrize(
    ("kind", "readout", "shape"),
    [
        ("classification", "last", (2,)),
        ("classification", "max", (2,)),
        ("classification", "average", (2,)),
        ("regression", "last", (2,)),
        ("multi_label", "average", (3,)),
        ("labelling", "sequence", (16, 3)),
    ],
)
def test_every_kind_builds_fits_and_predicts(
    kind: str, readout: str, shape: tuple[int, ...]
) -> None:
    task = Task.from_arrays(X, targets(kind), kind=kind)
    architecture = Architecture(nb_filters=3, kernel_size=2, dilations=(1, 2), readout=readout)
    model = build_model(architecture, task)
    history = model.fit(task.train.X, task.train.y, epochs=1, verbose=0).history
    outputs = np.asarray(model.predict(X, verbose=0))
    assert outputs.shape == (12, *shape)
    assert np.isfinite(outputs).all()
    assert set(history) == {"loss", *(metric.name for metric in task.spec.task_kind.metrics)}
    if kind in ("classification", "labelling"):
        np.testing.assert_allclose(outputs.sum(axis=-1), 1, rtol=1e-5)


@pytest.mark.parametrize("norm", ["none", "batch", "layer", "weight"])
@pytest.mark.parametrize("skips", [True, False])
@pytest.mark.parametrize("dilations", [(1,), (1, 2, 4)])
def test_the_counted_parameters_are_keras_own(
    norm: str, skips: bool, dilations: tuple[int, ...]
) -> None:
    task = Task.from_arrays(X, Y)
    architecture = Architecture(
        nb_filters=5,
        kernel_size=3,
        dilations=dilations,
        norm=norm,
        use_skip_connections=skips,
        nb_stacks=2,
    )
    model = build_model(architecture, task)
    shape = ModelShape(seq_len=X.shape[1], input_channels=2, outputs=2)
    assert model.count_params() == shape.parameters(architecture)


def test_inputs_are_standardised_inside_the_model() -> None:
    task, scaled = Task.from_arrays(X, Y), Task.from_arrays(X * 50 + 3, Y)
    model, other = build_model(SMALL, task), build_model(SMALL, scaled)
    draw_head(model)
    other.set_weights(model.get_weights())
    np.testing.assert_allclose(
        model.predict(X, verbose=0), other.predict(X * 50 + 3, verbose=0), atol=1e-4
    )


def test_regression_speaks_the_targets_units_and_its_loss_does_not() -> None:
    y = np.linspace(1000, 3000, 12)
    task = Task.from_arrays(X, y, X_validation=X, y_validation=y)
    model = build_model(SMALL, task)
    model.get_layer("head").set_weights([np.zeros((3, 1)), np.zeros(1)])
    np.testing.assert_allclose(model.predict(X, verbose=0), 2000, rtol=1e-5)
    judged = model.evaluate(X, y, verbose=0, return_dict=True)
    assert judged["loss"] == pytest.approx(1, rel=1e-4)
    assert judged["mse"] == pytest.approx(y.var(), rel=1e-4)


def test_padding_changes_nothing() -> None:
    lengths = np.array([16, 9, 5] * 4)
    padded = X.copy()
    padded[np.arange(16)[None, :] >= lengths[:, None]] = np.nan
    for readout in ("last", "max", "average"):
        for padding in ("causal", "same"):
            architecture = Architecture(
                nb_filters=4, kernel_size=3, dilations=(1, 2), padding=padding, readout=readout
            )
            model = build_model(architecture, Task.from_arrays(padded, Y, lengths_train=lengths))
            draw_head(model)
            together = np.asarray(model.predict(padded, verbose=0))
            for length in (9, 5):
                alone = _without_padding(model, padded[lengths == length][:, :length])
                np.testing.assert_allclose(together[lengths == length], alone, atol=1e-5)


def _without_padding(model: keras.Model, sequences: np.ndarray) -> np.ndarray:
    """Apply the model's layers to sequences without padded steps."""
    x = sequences
    for layer in model.layers[1:]:
        x = layer(x)
    return keras.ops.convert_to_numpy(x)


def test_pooling_by_hand() -> None:
    x = np.array([[[1.0], [5.0], [-9.0]], [[-4.0], [-2.0], [7.0]]], dtype="float32")
    mask = np.array([[True, True, False], [True, True, False]])
    as_numpy = keras.ops.convert_to_numpy
    np.testing.assert_allclose(as_numpy(PoolOverTime("max")(x, mask=mask)), [[5], [-2]])
    np.testing.assert_allclose(as_numpy(PoolOverTime("average")(x, mask=mask)), [[3], [-3]])
    np.testing.assert_allclose(as_numpy(PoolOverTime("max")(x)), [[5], [7]])
    np.testing.assert_allclose(as_numpy(PoolOverTime("average")(x)), [[-1], [1 / 3]], rtol=1e-6)


def test_standardize_masks_only_what_is_nan_in_every_channel() -> None:
    layer = Standardize([0.0, 1.0], [1.0, 2.0], ragged=True)
    x = np.array([[[1, 3], [np.nan, np.nan], [np.nan, 1]]], dtype="float32")
    as_numpy = keras.ops.convert_to_numpy
    np.testing.assert_array_equal(as_numpy(layer.compute_mask(x)), [[True, False, True]])
    np.testing.assert_allclose(as_numpy(layer(x)), [[[1, 1], [0, 0], [0, 0]]])


def test_a_saved_model_opens_in_a_process_that_never_imported_us(tmp_path: Path) -> None:
    task = Task.from_arrays(X, Y, class_names=["slow", "fast"])
    model = build_model(SMALL, task)
    draw_head(model)
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", X)
    code = (
        "import numpy, tcn_search as ts\n"
        f"model = ts.load_model({str(tmp_path / 'model.keras')!r})\n"
        f"x = numpy.load({str(tmp_path / 'x.npy')!r})\n"
        f"numpy.save({str(tmp_path / 'y.npy')!r}, numpy.asarray(model.predict(x, verbose=0)))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), model.predict(X, verbose=0), atol=1e-6)


def test_predictions_have_class_names_and_probabilities() -> None:
    model = build_model(SMALL, Task.from_arrays(X, Y, class_names=["slow", "fast"]))
    draw_head(model)
    frame = predict(model, X)
    assert list(frame) == ["sequence", "prediction", "probability_slow", "probability_fast"]
    chosen = np.where(frame["probability_fast"] > frame["probability_slow"], "fast", "slow")
    assert (frame["prediction"] == chosen).all()
    assert set(chosen) == {"slow", "fast"}


def test_predictions_of_the_other_kinds() -> None:
    numbers = predict(build_model(SMALL, Task.from_arrays(X, targets("regression"))), X)
    assert list(numbers) == ["sequence", "prediction_0", "prediction_1"]
    labels = predict(build_model(SMALL, Task.from_arrays(X, targets("multi_label"))), X)
    assert list(labels) == ["sequence", "probability_0", "probability_1", "probability_2"]
    architecture = Architecture(nb_filters=3, kernel_size=2, dilations=(1, 2), readout="sequence")
    steps = predict(build_model(architecture, Task.from_arrays(X, targets("labelling"))), X[:2])
    assert len(steps) == 32
    assert list(steps)[:3] == ["sequence", "step", "prediction"]


def test_inputs_that_do_not_fit_a_model_are_refused() -> None:
    model = build_model(SMALL, Task.from_arrays(X, Y))
    with pytest.raises(
        InputError, match=r"The model takes 2 channels. Received: 1 \(shape \(12, 16, 1\)\)"
    ):
        predict(model, X[..., :1])
    with pytest.raises(InputError, match=r"The model takes sequences of 16 steps. Received: 9"):
        predict(model, X[:, :9])
    ragged = build_model(SMALL, Task.from_arrays(X, Y, lengths_train=np.full(12, 9)))
    assert len(predict(ragged, X[:, :9])) == 12
    with pytest.raises(
        InputError, match=r"The model takes sequences of up to 16 steps. Received: 32"
    ):
        predict(ragged, np.concatenate([X, X], axis=1))


def test_bad_architectures_for_a_task() -> None:
    with pytest.raises(
        InputError, match="readout must be 'last', 'max', 'average' or 'flatten' for classification"
    ):
        build_model(Architecture(readout="sequence"), Task.from_arrays(X, Y))
    with pytest.raises(InputError, match="readout must be 'sequence' for labelling"):
        build_model(Architecture(), Task.from_arrays(X, targets("labelling")))
    with pytest.raises(
        InputError, match="activation must be the name of a Keras activation. Received: 'rellu'"
    ):
        build_model(Architecture(activation="rellu"), Task.from_arrays(X, Y))


def test_bad_model_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no model file .*none.keras"):
        load_model(tmp_path / "none.keras")
    (tmp_path / "bad.keras").write_text("no model")
    with pytest.raises(InputError, match=r"bad.keras cannot be read as a Keras model"):
        load_model(tmp_path / "bad.keras")


@pytest.mark.parametrize("precision", ["float32", "mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("readout", ["last", "average"])
def test_precision_holds_for_the_body_alone(precision: str, readout: str, tmp_path: Path) -> None:
    before = keras.config.dtype_policy()
    large = X * 1e6  # beyond what float16 can hold, before it is standardised
    task = Task.from_arrays(large, Y)
    architecture = Architecture(nb_filters=3, kernel_size=2, dilations=(1, 2), readout=readout)
    model = build_model(architecture, task, TrainingSettings(precision=precision))
    assert keras.config.dtype_policy() == before
    assert model.get_layer("tcn").compute_dtype == precision.removeprefix("mixed_")
    outside = [layer for layer in model.layers if layer.name not in ("sequences", "tcn")]
    assert {layer.compute_dtype for layer in outside} == {"float32"}
    assert {weight.dtype for weight in model.trainable_variables} == {"float32"}
    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (precision == "mixed_float16")
    history = model.fit(task.train.X, task.train.y, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        again.predict(large, verbose=0), model.predict(large, verbose=0), rtol=1e-2
    )


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow traces twice")
@pytest.mark.parametrize("kind", ["classification", "regression", "multi_label"])
def test_the_training_step_is_traced_once(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    task = Task.from_arrays(X, targets(kind), kind=kind)
    model = build_model(SMALL, task)
    traced, step = [], model.train_step
    monkeypatch.setattr(model, "train_step", lambda data: traced.append(1) or step(data))
    model.fit(task.train.X, task.train.y, epochs=1, verbose=0)
    assert len(traced) == 1


def test_two_branches_in_one_model() -> None:
    inputs = keras.Input((16, 2))
    branches = [tcn_body(SMALL, name=name)(inputs) for name in ("", "second_")]
    model = keras.Model(inputs, keras.layers.Concatenate()(branches))
    assert [layer.name for layer in model.layers if "tcn" in layer.name] == ["tcn", "second_tcn"]


def test_a_look_back_is_refused_for_sequences_of_different_length() -> None:
    task = Task.from_arrays(X, Y, lengths_train=np.full(12, 9))
    with pytest.raises(InputError) as error:
        build_model(replace(SMALL, look_back=4), task)
    assert str(error.value) == (
        "look_back must be None where sequences differ in length. Received: 4"
    )
