"""Metrics and losses against scikit-learn and against rows without padding."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from sklearn import metrics as reference

from tcn_search import Architecture, Task, build_model
from tcn_search.models.losses import StepwiseCrossentropy
from tcn_search.models.metrics import ClassScore, Perplexity
from tcn_search.tasks.kinds import NO_CLASS
from tests.conftest import draw_head

GENERATOR = np.random.default_rng(0)


def probabilities(*shape: int) -> np.ndarray:
    scores = np.exp(GENERATOR.normal(size=shape))
    return (scores / scores.sum(axis=-1, keepdims=True)).astype("float32")


def in_batches(metric: keras.metrics.Metric, y: np.ndarray, p: np.ndarray, size: int) -> float:
    for start in range(0, len(y), size):
        metric.update_state(y[start : start + size], p[start : start + size])
    return float(metric.result())


@pytest.mark.parametrize(
    ("score", "wanted"),
    [
        ("accuracy", reference.accuracy_score),
        (
            "balanced_accuracy",
            lambda y, p: reference.recall_score(y, p, average="macro", labels=range(4)),
        ),
        ("f1", lambda y, p: reference.f1_score(y, p, average="macro")),
    ],
)
def test_scores_are_those_of_the_whole_split(score, wanted) -> None:
    y = GENERATOR.choice(5, size=90, p=[0.6, 0.2, 0.1, 0.1, 0.0])  # the last class never occurs
    p = probabilities(90, 5) * np.array([3, 1, 1, 0.0, 1])
    assert in_batches(ClassScore(score, 5), y, p, 13) == pytest.approx(
        wanted(y, p.argmax(-1)), rel=1e-6
    )
    weights = GENERATOR.uniform(size=90)
    metric = ClassScore("accuracy", 5)
    metric.update_state(y, p, sample_weight=weights)
    assert float(metric.result()) == pytest.approx(
        reference.accuracy_score(y, p.argmax(-1), sample_weight=weights)
    )


def test_macro_f1_of_labels() -> None:
    y, p = GENERATOR.integers(0, 2, (60, 4)), GENERATOR.uniform(size=(60, 4))
    wanted = reference.f1_score(y, p > 0.5, average="macro")
    assert in_batches(ClassScore("f1", 4, multi_label=True), y, p, 7) == pytest.approx(
        wanted, rel=1e-6
    )


def test_macro_f1_of_one_label() -> None:
    y, p = GENERATOR.integers(0, 2, 60), GENERATOR.uniform(size=(60, 1))
    wanted = reference.f1_score(y, p[:, 0] > 0.5)
    assert in_batches(ClassScore("f1", 1, multi_label=True), y, p, 7) == pytest.approx(
        wanted, rel=1e-6
    )


def test_perplexity_is_the_exponential_of_the_mean_over_steps() -> None:
    y, p = GENERATOR.integers(0, 4, (9, 6)), probabilities(9, 6, 4)
    right = np.take_along_axis(p, y[..., None], axis=-1)[..., 0]
    assert in_batches(Perplexity(), y, p, 2) == pytest.approx(
        np.exp(-np.log(right).mean()), rel=1e-5
    )
    assert in_batches(Perplexity(last=2), y, p, 2) == pytest.approx(
        np.exp(-np.log(right[:, -2:]).mean()), rel=1e-5
    )
    assert in_batches(Perplexity(), y, np.full_like(p, 0.25), 9) == pytest.approx(4, rel=1e-5)


def test_perplexity_hides_no_confident_mistake() -> None:
    p = np.array([[[1e-12, 1 - 1e-12]]], dtype="float32")
    assert in_batches(Perplexity(), np.array([[0]]), p, 1) == pytest.approx(1e12, rel=1e-4)
    p[:] = [0, 1]
    assert 1e37 < in_batches(Perplexity(), np.array([[0]]), p, 1) < np.inf


def test_only_the_last_steps_and_those_with_a_class_count() -> None:
    y, p = GENERATOR.integers(0, 3, (5, 8)), probabilities(5, 8, 3)
    y[0, 6:] = y[3, 2:] = NO_CLASS
    counted = y[:, -4:] != NO_CLASS
    wanted = reference.f1_score(y[:, -4:][counted], p.argmax(-1)[:, -4:][counted], average="macro")
    assert in_batches(ClassScore("f1", 3, last=4), y, p, 2) == pytest.approx(wanted, rel=1e-6)
    assert in_batches(ClassScore("f1", 3), np.full((2, 3), NO_CLASS), p[:2, :3], 2) == 0


@pytest.mark.parametrize("metric", [ClassScore("f1", 4, last=3, name="f1_last_3"), Perplexity(5)])
def test_metrics_survive_their_configuration(metric: keras.metrics.Metric) -> None:
    again = keras.metrics.deserialize(keras.metrics.serialize(metric))
    assert again.get_config() == metric.get_config()
    assert again.name == metric.name


def test_the_loss_of_a_batch_is_the_mean_of_its_rows() -> None:
    y, p = GENERATOR.integers(0, 3, (4, 8)), probabilities(4, 8, 3)
    lengths = [8, 3, 5, 1]
    y[np.arange(8)[None, :] >= np.array(lengths)[:, None]] = NO_CLASS
    alone = [
        -np.log(p[row, np.arange(steps), y[row, :steps]]).mean()
        for row, steps in enumerate(lengths)
    ]
    assert float(StepwiseCrossentropy()(y, p)) == pytest.approx(np.mean(alone), rel=1e-5)


@pytest.fixture(scope="module")
def labelled() -> tuple[Task, np.ndarray, np.ndarray, np.ndarray]:
    X, y = GENERATOR.normal(size=(12, 10, 1)), GENERATOR.integers(0, 3, (12, 10))
    lengths = np.array([10, 4, 7] * 4)
    y[np.arange(10)[None, :] >= lengths[:, None]] = 99  # the values of padded steps are no classes
    given = {
        "X_validation": X,
        "y_validation": y,
        "lengths_train": lengths,
        "lengths_validation": lengths,
    }
    return Task.from_arrays(X, y, kind="labelling", **given), X, y, lengths


def test_padded_sequences_are_judged_as_they_are_without_padding(labelled) -> None:
    keras.utils.set_random_seed(1)
    task, X, y, lengths = labelled
    assert task.spec.outputs == 3
    assert (task.train.y[1, 4:] == NO_CLASS).all()
    model = build_model(
        Architecture(nb_filters=4, kernel_size=2, dilations=(1, 2), readout="sequence"), task
    )
    draw_head(model)
    judged = {
        size: model.evaluate(
            task.train.X, task.train.y, batch_size=size, verbose=0, return_dict=True
        )
        for size in (5, 12)
    }
    rows = [_alone(model, X[[row], :steps]) for row, steps in enumerate(lengths)]
    right = [-np.log(p[np.arange(len(p)), y[row, : len(p)]]) for row, p in enumerate(rows)]
    hits = np.concatenate([p.argmax(-1) == y[row, : len(p)] for row, p in enumerate(rows)])
    for found in judged.values():
        assert found["loss"] == pytest.approx(
            np.mean([losses.mean() for losses in right]), rel=1e-4
        )
        assert found["accuracy"] == pytest.approx(hits.mean(), rel=1e-5)
        assert found["perplexity"] == pytest.approx(np.exp(np.concatenate(right).mean()), rel=1e-4)


def _alone(model: keras.Model, sequence: np.ndarray) -> np.ndarray:
    """Apply the model's layers to one sequence without padded steps."""
    x = sequence.astype("float32")
    for layer in model.layers[1:]:
        x = layer(x)
    return keras.ops.convert_to_numpy(x)[0]
