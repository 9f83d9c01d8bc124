"""The first loss of a model is that of a constant prediction, whatever its architecture."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import optuna
import pytest

from tcn_search import Architecture, Task, TrainingSettings, build_model
from tcn_search.baselines.build import build_baseline
from tcn_search.baselines.recurrent import Recurrent
from tcn_search.models.initialisation import constant_scores
from tcn_search.search.definition import Definition
from tcn_search.tasks.task_spec import TaskSpec
from tcn_search.tasks.training_data import SplitData, TrainingData, with_statistics

STEPS = 48
KINDS = ("classification", "multi_label", "labelling", "regression", "forecast", "next token")


def data_of(kind: str) -> TrainingData:
    """Return 32 sequences of a kind; classes are not equally frequent, and numbers not around 0."""
    generator = np.random.default_rng(0)
    X = generator.normal(size=(32, STEPS, 2)).astype("float32")
    if kind == "next token":
        X = generator.integers(0, 30, (32, STEPS, 1)).astype("float32")
        spec = TaskSpec("tokens", "labelling", STEPS, 1, outputs=30, vocabulary=30, scored_steps=20)
        return TrainingData(spec, *[SplitData(X, generator.integers(0, 9, (32, 20)))] * 2)
    if kind == "forecast":
        series = 7 + generator.normal(size=(32 + STEPS + 2, 2)).astype("float32")
        windows = np.lib.stride_tricks.sliding_window_view(series, STEPS + 3, axis=0)
        windows = windows.transpose(0, 2, 1)
        split = SplitData(windows[:, :STEPS], windows[:, STEPS:].reshape(32, 6))
        spec = TaskSpec("series", kind, STEPS, 2, outputs=6, last_value_channels=(0, 1))
        spec = with_statistics(spec, split)  # as in a task: a series has the same ones in X and y
        spec = replace(spec, target_mean=3 * spec.input_mean, target_std=3 * spec.input_std)
        return TrainingData(spec, split, split)
    targets = {
        "classification": generator.choice(3, 32, p=[0.6, 0.3, 0.1]),
        "multi_label": (generator.random((32, 3)) < [0.1, 0.5, 0.8]).astype(int),
        "labelling": np.maximum(generator.integers(-3, 4, (32, STEPS)), 0),
        "regression": generator.normal(500.0, 3.0, (32, 2)),
    }
    task = Task.from_arrays(X, targets[kind], kind=kind)
    return task.training


def constant_loss(data: TrainingData, window_norm: str = "last") -> float:
    """Return the loss of the best constant prediction.

    For a forecast it is constant in each window: what `window_norm` takes off and puts back.
    """
    spec = data.spec
    y = data.train.y
    if spec.kind == "multi_label":
        share = y.mean(axis=0)
        return float(-(share * np.log(share) + (1 - share) * np.log(1 - share)).mean())
    if spec.task_kind.has_classes:
        shares = np.bincount(y.ravel(), minlength=spec.outputs) / y.size
        return float(-(shares * np.log(np.maximum(shares, 1e-12))).sum())
    if spec.last_value_channels and window_norm != "none":
        level = data.train.X[:, -1]
        if window_norm in ("mean", "standard"):
            level = data.train.X.mean(axis=1)
        standardised = (level - spec.input_mean) / spec.input_std
        predicted = np.tile(standardised, (1, 3)) * spec.target_std + np.asarray(spec.target_mean)
        return float((((y - predicted) / spec.target_std) ** 2).mean())
    return float((((y - y.mean(axis=0)) / np.asarray(spec.target_std)) ** 2).mean())


def first_loss(model: keras.Model, data: TrainingData) -> float:
    """Return the loss of training, with dropout and the statistics of batch norm."""
    outputs = model(data.train.X, training=True)
    y = keras.ops.convert_to_tensor(data.train.y)
    return float(keras.ops.convert_to_numpy(model.compute_loss(y=y, y_pred=outputs)))


def ratios(kind: str, count: int) -> list[float]:
    """Return first losses over a constant prediction's, of configurations of the default space."""
    data = data_of(kind)
    task = Task(spec=data.spec, train=data.train, validation=data.validation, test=None)
    space = Definition.of(task, training=TrainingSettings()).task_space()
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    found = []
    for _ in range(count):
        architecture, settings = space.suggest(study.ask())
        model = build_model(architecture, data, TrainingSettings(**settings))
        ratio = first_loss(model, data) / constant_loss(data, architecture.window_norm)
        if architecture.linear_path:  # it begins at a solution, which is better
            ratio = max(1.0, ratio)
        found.append(ratio)
        keras.utils.clear_session(free_memory=False)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_loss_is_that_of_a_constant_prediction(kind: str) -> None:
    np.testing.assert_allclose(ratios(kind, 2), 1, atol=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_so_it_is_for_200_configurations_of_the_default_space(kind: str) -> None:
    np.testing.assert_allclose(ratios(kind, 200), 1, atol=0.1)


def test_baselines_begin_alike() -> None:
    data = data_of("classification")
    model = build_baseline(Recurrent("gru", 8), data)
    assert first_loss(model, data) == pytest.approx(constant_loss(data), rel=1e-4)


def test_class_weights_count() -> None:
    data = data_of("classification")
    spec = replace(data.spec, class_weights=(1.0, 1.0, 4.0))
    plain = np.exp(constant_scores(data.spec, data.train))
    weighted = np.exp(constant_scores(spec, data.train))
    np.testing.assert_allclose(weighted[2] / weighted[0], 4 * plain[2] / plain[0])
    assert weighted.sum() == pytest.approx(1)


def test_a_class_or_label_that_the_training_split_lacks_has_finite_scores() -> None:
    X = np.zeros((4, 3, 1), "float32")
    classes = TaskSpec("classes", "classification", 3, 1, outputs=3)
    assert np.isfinite(constant_scores(classes, SplitData(X, np.array([0, 0, 1, 1])))).all()
    labels = TaskSpec("labels", "multi_label", 3, 1, outputs=2)
    assert np.isfinite(constant_scores(labels, SplitData(X, np.array([[0, 1]] * 4)))).all()


@pytest.mark.parametrize("norm", ["none", "batch", "layer", "weight"])
def test_deep_networks_pass_their_inputs_on(norm: str) -> None:
    """The features before the head have about the scale of the inputs, at any depth."""
    data = data_of("classification")
    for stacks in (1, 3):
        architecture = Architecture(
            16, 3, (1, 2, 4, 8), nb_stacks=stacks, norm=norm, readout="average"
        )
        model = build_model(architecture, data)
        features = keras.Model(model.input, model.get_layer("tcn").output)
        largest = np.abs(keras.ops.convert_to_numpy(features(data.train.X, training=True))).mean()
        assert 0.1 < largest < 5
