"""One training, on every Keras backend."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tcn_search import Architecture, Task, TrainingSettings, build_model, load_model
from tcn_search.tasks.kinds import Metric
from tcn_search.tasks.training_data import SplitData
from tcn_search.trainers import fit
from tcn_search.trainers.deadline import Deadline
from tcn_search.trainers.fit import _Recorder, train
from tests.conftest import draw_head, waves

TASK = Task.from_arrays(*waves(64))
SMALL = Architecture(nb_filters=8, kernel_size=3, dilations=(1, 2), readout="max")
LOSS, ACCURACY = Metric("val_loss", "minimize"), Metric("val_accuracy", "maximize")


def build(
    settings: TrainingSettings, seed: int = 0, architecture: Architecture = SMALL
) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return build_model(architecture, TASK, settings)


def build_diverging(settings: TrainingSettings, task: Task = TASK) -> keras.Model:
    """Return a model whose weights all grow in the first step, as those below a zero head do not."""
    keras.utils.set_random_seed(0)
    model = build_model(SMALL, task, settings)
    draw_head(model)
    return model


def test_the_model_learns_and_the_score_is_that_of_the_best_epoch() -> None:
    settings = TrainingSettings(epochs=15, batch_size=8, learning_rate=1e-2)
    training = train(build(settings), TASK.training, settings, ACCURACY)
    values = [epoch["val_accuracy"] for epoch in training.curve]
    assert training.status == "complete"
    assert len(values) == 15
    assert training.score == max(values) > 0.9
    equal = [epoch for epoch, value in enumerate(values, 1) if value == max(values)]
    losses = {epoch: training.curve[epoch - 1]["val_loss"] for epoch in equal}
    assert len(equal) > 1
    assert training.best_epoch == min(equal, key=losses.__getitem__)
    assert all(epoch["seconds"] > 0 for epoch in training.curve)


def test_the_best_weights_are_kept() -> None:
    settings = TrainingSettings(epochs=6, batch_size=8, learning_rate=1e-2)
    model = build(settings)
    # The largest loss is the "best" value: it comes first, so the last weights would be wrong.
    training = train(model, TASK.training, settings, Metric("val_loss", "maximize"))
    validation = TASK.validation
    metrics = model.evaluate(validation.X, validation.y, verbose=0, return_dict=True)
    assert training.best_epoch == training.kept_epoch < 6
    assert metrics["loss"] == pytest.approx(training.score, rel=1e-4)
    assert training.kept_score == training.score


@pytest.mark.parametrize("weights", ["last", "lowest_loss", "ema"])
def test_the_model_has_the_weights_of_the_kept_epoch(weights: str) -> None:
    settings = TrainingSettings(epochs=6, batch_size=8, learning_rate=1e-2, weights=weights)
    model = build(settings)
    # The learning rate grows so much that the losses of the last epochs are not the lowest.
    growing = keras.callbacks.LearningRateScheduler(lambda epoch: 10.0 ** (epoch - 4))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "schedule_callbacks", lambda settings: [growing])
        training = train(model, TASK.training, settings, LOSS)
    validation = TASK.validation
    metrics = model.evaluate(validation.X, validation.y, verbose=0, return_dict=True)
    assert metrics["loss"] == pytest.approx(training.kept_score, rel=1e-4)
    assert training.kept_score == training.curve[training.kept_epoch - 1]["val_loss"]
    losses = [epoch["loss"] for epoch in training.curve]
    lowest = losses.index(min(losses)) + 1
    assert lowest < 6
    assert training.kept_epoch == {"last": 6, "lowest_loss": lowest, "ema": 6}[weights]


@pytest.mark.parametrize(
    "optimizer", ["sgd", "adam"]
)  # TensorFlow has a kernel of its own for Adam
def test_the_moving_average_is_of_the_steps(
    optimizer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tcn_search.models.optimizer.AVERAGED_SHARE", 1.0)  # 2 steps: momentum 0.5
    kernels: dict[str, list[np.ndarray]] = {}
    for weights in ("last", "ema"):
        settings = TrainingSettings(
            epochs=2, batch_size=64, optimizer=optimizer, learning_rate=0.1, weights=weights
        )
        model = build(settings)

        def keep(*report: Any, model: keras.Model = model, key: str = weights) -> bool:
            kernels.setdefault(key, []).append(model.get_layer("tcn").get_weights()[0])
            return True

        train(model, TASK.training, settings, LOSS, keep)
        keep()
    first, second, last = kernels["last"]
    np.testing.assert_array_equal(second, last)
    assert np.abs(second - first).max() > 1e-4
    np.testing.assert_allclose(kernels["ema"][1], second, rtol=1e-5)  # training goes on unchanged
    np.testing.assert_allclose(kernels["ema"][2], (first + second) / 2, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("weights", ["last", "lowest_loss", "ema"])
def test_without_validation_sequences_the_training_is_the_same(weights: str) -> None:
    settings = TrainingSettings(epochs=3, batch_size=8, patience=1, weights=weights)
    nothing = SplitData(TASK.validation.X[:0], TASK.validation.y[:0])
    models = [build(settings), build(settings)]
    keras.utils.set_random_seed(1)
    scored = train(models[0], TASK.training, replace(settings, patience=0), LOSS)
    keras.utils.set_random_seed(1)
    unscored = train(models[1], replace(TASK.training, validation=nothing), settings, LOSS)
    assert unscored.status == "complete"
    losses = [row["loss"] for row in scored.curve]
    lowest = losses.index(min(losses)) + 1
    assert unscored.kept_epoch == scored.kept_epoch == (lowest if weights == "lowest_loss" else 3)
    assert (unscored.best_epoch, math.isnan(unscored.kept_score)) == (0, True)
    assert [row["loss"] for row in unscored.curve] == pytest.approx(losses, rel=1e-6)
    assert "val_loss" not in unscored.curve[0]
    for one, other in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


def test_the_moving_average_in_half_precision() -> None:
    settings = TrainingSettings(epochs=2, batch_size=8, weights="ema", precision="mixed_float16")
    model = build(settings)
    training = train(model, TASK.training, settings, LOSS)
    validation = TASK.validation
    metrics = model.evaluate(validation.X, validation.y, verbose=0, return_dict=True)
    assert metrics["loss"] == pytest.approx(training.kept_score, rel=1e-3)


def test_a_diverged_training_has_no_kept_epoch() -> None:
    settings = TrainingSettings(epochs=5, learning_rate=1e30, weights="last")
    training = train(build_diverging(settings), TASK.training, settings, LOSS)
    assert (training.status, training.kept_epoch) == ("diverged", 0)
    assert math.isnan(training.kept_score)


def test_smoothed_labels_are_for_training_only(tmp_path: Path) -> None:
    """The first epoch with a learning rate of nearly nothing has the losses of the first weights."""
    losses = []
    for share in (0.0, 0.4):
        settings = TrainingSettings(
            epochs=1, batch_size=64, learning_rate=1e-12, label_smoothing=share
        )
        model = build(settings)
        model.get_layer("head").bias.assign([1.0, -1.0])
        losses.append(train(model, TASK.training, settings, LOSS).curve[0])
    probabilities = model.predict(TASK.train.X, batch_size=64, verbose=0)
    uniform = -np.log(probabilities).mean()
    assert losses[0]["val_loss"] == pytest.approx(losses[1]["val_loss"], rel=1e-5)
    assert losses[1]["loss"] == pytest.approx(0.6 * losses[0]["loss"] + 0.4 * uniform, rel=1e-3)
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    evaluated = loaded.evaluate(TASK.validation.X, TASK.validation.y, verbose=0, return_dict=True)
    assert evaluated["loss"] == pytest.approx(losses[1]["val_loss"], rel=1e-5)


def test_smoothed_labels_keep_the_weights_of_their_sequences() -> None:
    model = build(TrainingSettings(label_smoothing=0.4))
    draw_head(model)
    X, y = TASK.train.X[:6], TASK.train.y[:6]
    weights = np.arange(6, dtype="float32")
    predictions = model(X)
    loss = model.compute_loss(X, y, predictions, weights, training=True)
    logs = np.log(keras.ops.convert_to_numpy(predictions))
    expected = -weights * (0.6 * logs[np.arange(6), y] + 0.4 * logs.mean(axis=1))
    assert float(loss) == pytest.approx(expected.mean(), rel=1e-4)


def test_on_epoch_can_stop_the_training() -> None:
    settings = TrainingSettings(epochs=9)
    reports = []

    def until_the_third(epoch: int, best: float, numbers: dict[str, float]) -> bool:
        reports.append((epoch, best, numbers["val_loss"]))
        return epoch < 3

    training = train(build(settings), TASK.training, settings, LOSS, until_the_third)
    assert training.status == "pruned"
    assert [epoch for epoch, _, _ in reports] == [1, 2, 3]
    assert [best for _, best, _ in reports] == list(
        np.minimum.accumulate([value for _, _, value in reports])
    )


def test_patience_ends_a_training_early() -> None:
    settings = TrainingSettings(epochs=30, learning_rate=1e-12, patience=2)
    training = train(build(settings), TASK.training, settings, ACCURACY)
    assert training.status == "complete"
    assert len(training.curve) == 3


def test_a_plateau_halves_the_learning_rate() -> None:
    settings = TrainingSettings(epochs=8, optimizer="sgd", learning_rate=1e-12, schedule="plateau")
    model = build(settings)
    train(model, TASK.training, settings, LOSS)
    # Nothing is learnt, so every epoch after the fifth is a plateau.
    assert float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)) == pytest.approx(
        1e-12 / 2**3
    )


def test_a_plateau_of_the_training_loss_halves_the_learning_rate() -> None:
    settings = TrainingSettings(
        epochs=16, optimizer="sgd", learning_rate=1e-12, schedule="train_plateau"
    )
    model = build(settings)
    train(model, TASK.training, settings, LOSS)
    # Nothing is learnt, so every third epoch after the first halves it: five times, but for the floor.
    assert float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)) == pytest.approx(1e-13)


def test_a_cosine_schedule_ends_at_zero_with_the_training() -> None:
    settings = TrainingSettings(epochs=3, batch_size=8, schedule="cosine")
    model = build(settings)
    train(model, TASK.training, settings, LOSS)
    assert float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)) == pytest.approx(
        0, abs=1e-9
    )


def test_the_seconds_of_all_phases_add_up() -> None:
    settings = TrainingSettings(epochs=3, batch_size=8)
    training = train(build(settings), TASK.training, settings, LOSS)
    assert set(training.seconds) == {"compile", "training", "between", "validation"}
    assert 0 <= training.seconds.pop("between") < training.seconds["training"]  # a part of it
    assert all(spent > 0 for spent in training.seconds.values())
    epochs = sum(epoch["seconds"] for epoch in training.curve)
    assert sum(training.seconds.values()) == pytest.approx(epochs, rel=0.1)


def test_the_clock_separates_steps_from_the_time_between_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0

    def wait(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(fit.time, "perf_counter", lambda: now)
    seconds = dict.fromkeys(("compile", "training", "between", "validation"), 0.0)
    clock = fit._Clock(seconds)
    for first_call in (4.0, 1.0):  # the second epoch compiles nothing
        for phase in ("training", "validation"):
            clock.enter(phase)
            for call in (first_call, 1.0, 1.0):
                wait(0.25)
                clock.before_call()
                wait(call)
                clock.after_call()
        clock.leave()
        wait(100)
    # Two steps of the first epoch count as training; time before an epoch's first step is not "between".
    assert seconds == {"compile": 8.0, "training": 6.5, "between": 1.0, "validation": 6.5}


def test_several_steps_in_one_call_give_the_same_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = TrainingSettings(epochs=2, batch_size=8, dropout_rate=0.2)
    monkeypatch.setattr("tcn_search.models.compilation.FEWEST_STEPS_FOR_A_LOOP", 0)
    losses = []
    for steps in (1, 4):
        monkeypatch.setattr("tcn_search.models.compilation.STEPS_PER_EXECUTION", steps)
        model = build(settings, architecture=replace(SMALL, norm="batch"))
        losses.append(
            [epoch["val_loss"] for epoch in train(model, TASK.training, settings, LOSS).curve]
        )
    assert model.steps_per_execution == (1 if keras.backend.backend() == "torch" else 4)
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)


@pytest.mark.parametrize("steps", [1, 16])
def test_a_loss_of_nan_ends_the_training_within_an_epoch(
    steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tcn_search.models.compilation.FEWEST_STEPS_FOR_A_LOOP", 0)
    monkeypatch.setattr("tcn_search.models.compilation.STEPS_PER_EXECUTION", steps)
    settings = TrainingSettings(epochs=2, batch_size=1, optimizer="sgd", learning_rate=1e30)
    many = Task.from_arrays(*waves(200))
    model = build_diverging(settings, many)
    batches: list[int] = []
    on_train_batch_end = _Recorder.on_train_batch_end

    def counted(recorder: _Recorder, batch: int, logs: Any = None) -> None:
        batches.append(batch)
        on_train_batch_end(recorder, batch, logs)

    monkeypatch.setattr(_Recorder, "on_train_batch_end", counted)
    assert train(model, many.training, settings, LOSS).status == "diverged"
    assert max(batches) < 80


def test_an_infinite_loss_ends_the_training() -> None:
    settings = TrainingSettings(epochs=5, learning_rate=1e30)
    training = train(build_diverging(settings), TASK.training, settings, LOSS)
    assert training.status == "diverged"
    assert len(training.curve) < 5
    assert training.best_epoch == 0 or math.isfinite(training.score)


def test_a_training_diverges_although_its_score_stays_finite() -> None:
    settings = TrainingSettings(epochs=5, learning_rate=1e30)
    accuracy = Metric("val_accuracy", "maximize")
    model = build_diverging(settings)
    assert train(model, TASK.training, settings, accuracy).status == "diverged"


def test_the_same_seed_gives_the_same_training() -> None:
    settings = TrainingSettings(epochs=2, batch_size=8, dropout_rate=0.2)
    curves = [
        train(build(settings, seed), TASK.training, settings, LOSS).curve for seed in (3, 3, 4)
    ]
    losses = [[epoch["val_loss"] for epoch in curve] for curve in curves]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-6)
    assert losses[0] != losses[2]


def test_queued_steps_count_as_training() -> None:
    settings = TrainingSettings(weights="last")
    recorder = _Recorder(LOSS, settings, None, None)
    phases: list[str] = []

    class Unfinished:
        def __float__(self) -> float:
            phases.append(recorder.clock.phase)
            return 0.5

    recorder.on_epoch_begin(0)
    recorder.on_train_batch_begin(0)
    recorder.on_train_batch_end(0, {"loss": Unfinished()})
    recorder.on_test_begin()
    recorder.on_epoch_end(0, {"loss": Unfinished(), "val_loss": Unfinished()})
    assert phases == ["training", "validation", "validation"]


def test_a_training_out_of_time_does_not_finish_its_validation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = TrainingSettings(epochs=3, batch_size=2)
    validated: list[int] = []
    after_batch = _Recorder.on_test_batch_end

    def counted(self: _Recorder, batch: int, logs: dict[str, Any] | None = None) -> None:
        validated.append(batch)
        after_batch(self, batch, logs)

    monkeypatch.setattr(_Recorder, "on_test_batch_end", counted)
    training = train(build(settings), TASK.training, settings, LOSS, deadline=Deadline(1e-6))
    assert training.status == "timed_out"
    assert len(TASK.validation) > 2
    assert len(validated) == 1  # call of the compiled function
