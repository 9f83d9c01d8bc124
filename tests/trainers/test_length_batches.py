"""Batches cut to few lengths: equal results, every row in each epoch, few programs."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest

from tcn_search import Architecture, Task, build_model
from tcn_search.baselines.build import build_baseline
from tcn_search.baselines.recurrent import Recurrent
from tcn_search.settings import TrainingSettings
from tcn_search.tasks.class_weights import with_class_weights
from tcn_search.tasks.kinds import Metric
from tcn_search.trainers import length_batches
from tcn_search.trainers.batches import fit_arguments
from tcn_search.trainers.fit import train
from tcn_search.trainers.length_batches import accept_lengths, batch_lengths
from tests.conftest import draw_head, waves

CHANNELS = 2
LONGEST = 40


def ragged_task(rows: int = 60, *, labelling: bool = False) -> Task:
    """Return a task of noise with 3 to 40 steps, most of them short; a row's number is in it."""
    generator = np.random.default_rng(0)
    lengths = np.minimum(3 + generator.geometric(0.15, rows), LONGEST)
    lengths[:2] = LONGEST
    X = generator.normal(size=(rows, LONGEST, CHANNELS)).astype("float32")
    X[:, 0, 0] = np.arange(rows)
    y = generator.integers(0, 3, (rows, LONGEST) if labelling else rows)
    return Task.from_arrays(
        X,
        y,
        lengths_train=lengths,
        kind="labelling" if labelling else "classification",
    )


TASK = ragged_task()
LABELLING = ragged_task(labelling=True)
SETTINGS = TrainingSettings(epochs=2, batch_size=8)


def architecture(**arguments: Any) -> Architecture:
    given = {"nb_filters": 4, "kernel_size": 3, "dilations": (1, 2, 4), "readout": "average"}
    return Architecture(**{**given, **arguments})


def one_pass(batches: Any) -> list[tuple[np.ndarray, ...]]:
    """Return the batches of an epoch, as Keras iterates over them."""
    if isinstance(batches, keras.utils.PyDataset):
        epoch = [batches[index] for index in range(len(batches))]
        batches.on_epoch_end()
        return epoch
    return [tuple(array.numpy() for array in batch) for batch in batches]


def lengths_of(X: np.ndarray) -> np.ndarray:
    """Return the steps of each row."""
    return np.count_nonzero(~np.isnan(X[..., 1]), axis=1)


def short_batch(task: Task) -> tuple[np.ndarray, np.ndarray, int]:
    """Return eight short training sequences, their targets, and the longest's steps."""
    lengths = lengths_of(task.train.X)
    rows = np.argsort(lengths)[:24:3]
    longest = int(lengths[rows].max())
    assert len(set(lengths[rows])) > 1
    assert longest < LONGEST / 2
    return task.train.X[rows], task.train.y[rows], longest


ARCHITECTURES = [
    architecture(padding=padding, norm=norm, readout=readout)
    for padding in ("causal", "same")
    for norm in ("batch", "layer")
    for readout in ("last", "average", "max", "sequence")
]


@pytest.mark.parametrize("tcn", ARCHITECTURES, ids=lambda a: f"{a.padding}-{a.norm}-{a.readout}")
def test_a_batch_cut_to_its_longest_row_trains_equally(tcn: Architecture) -> None:
    """Loss, and all weights after a step of gradient descent, with batch norm's statistics."""
    task = LABELLING if tcn.readout == "sequence" else TASK
    X, y, longest = short_batch(task)
    results = []
    for steps in (LONGEST, longest):
        keras.utils.set_random_seed(0)
        model = build_model(tcn, task, SETTINGS)
        draw_head(model)  # else the network below it has no gradient
        model.optimizer = keras.optimizers.SGD(0.1)
        accept_lengths(model)
        targets = y[:, :steps] if task is LABELLING else y
        loss, *_ = model.train_on_batch(X[:, :steps], targets)
        predictions = keras.ops.convert_to_numpy(model(X[:, :steps], training=False))
        results.append((float(loss), model.get_weights(), predictions))
    (loss, weights, predictions), (cut_loss, cut_weights, cut_predictions) = results
    assert cut_loss == pytest.approx(loss, rel=1e-5)
    for array, cut_array in zip(weights, cut_weights, strict=True):
        np.testing.assert_allclose(cut_array, array, rtol=1e-4, atol=1e-5)
    if task is LABELLING:
        predictions = predictions[:, :longest]
    np.testing.assert_allclose(cut_predictions, predictions, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("task", [TASK, LABELLING], ids=["classification", "labelling"])
def test_every_epoch_has_every_row_in_batches_that_hold_it(task: Task) -> None:
    random.seed(0)
    lengths = (7, 12, LONGEST)
    batches = fit_arguments(task.training, 8, lengths)["x"]
    epochs = [one_pass(batches) for _ in range(2)]
    rows = lengths_of(task.train.X)
    padded = 0
    for epoch in epochs:
        assert {len(X) for X, _ in epoch} == {8}
        assert {X.shape[1] for X, _ in epoch} == set(lengths)
        times: Counter[int] = Counter()
        for X, y in epoch:
            padded += X.shape[0] * X.shape[1]
            for number, row, target in zip(X[:, 0, 0], X, y, strict=True):
                (place,) = np.flatnonzero(task.train.X[:, 0, 0] == number)
                times[int(place)] += 1
                np.testing.assert_array_equal(row, task.train.X[place, : len(row)])
                assert np.isnan(task.train.X[place, len(row) :]).all()
                expected = task.train.y[place]
                if task is LABELLING:
                    expected = expected[: len(row)]
                np.testing.assert_array_equal(target, expected)
        assert sorted(times) == list(range(len(rows)))
        assert sum(times.values()) - len(rows) < len(epoch)
    assert padded < 0.7 * 2 * len(rows) * LONGEST
    first, second = ([X[:, 0, 0].tolist() for X, _ in epoch] for epoch in epochs)
    assert first != second
    assert [X.shape[1] for X, _ in epochs[0]] != sorted(X.shape[1] for X, _ in epochs[0])


def test_validation_batches_hold_every_row_once() -> None:
    validation = TASK.validation
    epoch = one_pass(fit_arguments(TASK.training, 4, (12, LONGEST))["validation_data"])
    seen = np.concatenate([X[:, 0, 0] for X, _ in epoch])
    assert sorted(seen) == sorted(validation.X[:, 0, 0])
    assert sum(X.shape[0] * X.shape[1] for X, _ in epoch) < 0.8 * validation.X[..., 0].size


def test_without_validation_sequences_there_are_no_validation_batches() -> None:
    assert "validation_data" not in fit_arguments(TASK.training.joined(), 4, (12, LONGEST))
    assert "validation_data" not in fit_arguments(TASK.training.joined(), 4)


def test_validation_batches_fit_into_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tcn_search.tasks.task_spec._MOST_SEQUENCES_AT_ONCE", 5)
    task = ragged_task(400)
    for largest, expected in ((2, 5), (8, 8)):
        batches = one_pass(fit_arguments(task.training, largest, (12, LONGEST))["validation_data"])
        assert max(len(X) for X, _ in batches) == expected


def test_a_seed_gives_the_same_batches_and_weights_stay_with_their_rows() -> None:
    task = with_class_weights(TASK, "balanced")
    weights = np.asarray(task.spec.class_weights, dtype="float32")

    def epoch(seed: int) -> list[list[float]]:
        random.seed(seed)
        batches = one_pass(fit_arguments(task.training, 8, (12, LONGEST))["x"])
        for _, y, weight in batches:
            np.testing.assert_array_equal(weight, weights[y])
        return [X[:, 0, 0].tolist() for X, _, _ in batches]

    assert epoch(3) == epoch(3) != epoch(4)


@pytest.fixture
def cheap_programs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(length_batches, "PROGRAM_COST", 0)
    return


@pytest.mark.usefixtures("cheap_programs")
@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_a_training_traces_one_program_for_each_length(
    norm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keras.utils.set_random_seed(0)
    model = build_model(architecture(norm=norm), TASK, SETTINGS)
    lengths = batch_lengths(model, TASK.training, SETTINGS.epochs)
    assert len(lengths) == 4
    assert lengths[-1] == lengths_of(TASK.train.X).max()
    traced = []
    train_step = model.train_step

    def count(*arguments: Any, **more: Any) -> Any:
        traced.append(keras.tree.flatten(arguments)[-2].shape)
        return train_step(*arguments, **more)

    model.train_step = count
    training = train(model, TASK.training, SETTINGS, Metric("val_accuracy", "maximize"))
    assert len(training.curve) == SETTINGS.epochs
    if keras.backend.backend() == "tensorflow":
        steps = [shape[1] for shape in traced]
        assert set(steps) <= set(lengths)
        assert len(steps) == len(set(steps))
    kept = training.curve[training.kept_epoch - 1]
    validation = model.evaluate(TASK.validation.X, TASK.validation.y, verbose=0, return_dict=True)
    for name in ("loss", "accuracy"):  # on full length, of the same weights
        assert validation[name] == pytest.approx(kept[f"val_{name}"], rel=1e-4)


def test_lengths_must_save_more_than_their_programs_cost() -> None:
    model = build_model(architecture(), TASK, SETTINGS)
    assert batch_lengths(model, TASK.training, epochs=2) == ()
    chosen = [len(batch_lengths(model, TASK.training, epochs)) for epochs in (100, 300, 10_000)]
    assert chosen == sorted(chosen)
    assert chosen[-1] == 4


@pytest.mark.usefixtures("cheap_programs")
def test_only_models_whose_padding_changes_nothing_get_cut_batches() -> None:
    recurrent = build_baseline(Recurrent("gru", 4), TASK, SETTINGS)
    assert batch_lengths(recurrent, TASK.training, 2)

    def own(architecture: Architecture, spec: Any, settings: Any) -> keras.Model:
        inputs = keras.Input((spec.seq_len, spec.input_channels))
        pooled = keras.layers.GlobalAveragePooling1D()(inputs)
        return keras.Model(inputs, keras.layers.Dense(spec.outputs)(pooled))

    custom = build_model(architecture(), TASK, SETTINGS, model_fn=own)
    assert batch_lengths(custom, TASK.training, 2) == ()
    even = Task.from_arrays(*waves(24))
    assert batch_lengths(build_model(architecture(), even), even.training, 2) == ()
