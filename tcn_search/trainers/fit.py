"""Train one model with `keras.Model.fit`, with a record of every epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras

from tcn_search.models.series import LinearPath
from tcn_search.settings import TrainingSettings
from tcn_search.tasks.kinds import Metric
from tcn_search.tasks.training_data import TrainingData
from tcn_search.trainers.batches import fit_arguments
from tcn_search.trainers.deadline import Deadline
from tcn_search.trainers.kept_weights import KeptWeights
from tcn_search.trainers.length_batches import accept_lengths, batch_lengths
from tcn_search.trainers.schedules import schedule_callbacks
from tcn_search.trial_status import TrialStatus

BATCHES_BETWEEN_CHECKS = 64

# Called after each epoch with (epoch from 1, best value so far, the epoch's numbers). Returns False
# to stop the training.
OnEpoch = Callable[[int, float, dict[str, float]], bool]


@dataclass
class Training:
    """Result of one training.

    Attributes:
        curve: one dict for each epoch: loss, val_loss, the metrics and seconds. Without a
            validation split there are no validation numbers.
        best_epoch: epoch with the best validation value, from 1; 0 if there is none. On a small
            validation split accuracies are often equal: of those epochs it is the one with the
            lowest validation loss, and the last one where that is equal too.
        score: best validation value of the objective, or NaN.
        kept_epoch: epoch whose weights the model has, from 1; 0 if they are of no use. See
            `TrainingSettings.weights`; a moving average counts as that of the last epoch.
        kept_score: validation value of the objective with these weights, or NaN.
        start: validation numbers before the first epoch, where the model begins with a solution;
            {} for other models. They count as an epoch 0: where no epoch is better, `best_epoch`
            and `kept_epoch` are 0, with the scores of the start.
        status: complete, pruned (by `on_epoch`), diverged (NaN or infinite loss) or timed out.
        seconds: time in "compile" (the first training step and the first validation batch, with
            tracing and compilation), "training" (all other steps), "between" (the part of
            "training" that Python needs from one step to the next; JAX works on a step meanwhile),
            and "validation".
    """

    curve: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    score: float = math.nan
    kept_epoch: int = 0
    kept_score: float = math.nan
    start: dict[str, float] = field(default_factory=dict)
    status: TrialStatus = TrialStatus.COMPLETE
    seconds: dict[str, float] = field(
        default_factory=lambda: {"compile": 0.0, "training": 0.0, "between": 0.0, "validation": 0.0}
    )

    @property
    def is_usable(self) -> bool:
        """Whether the model's weights are of use: those of an epoch, or a scored start."""
        return self.kept_epoch > 0 or not math.isnan(self.kept_score)


def train(
    model: keras.Model,
    data: TrainingData,
    settings: TrainingSettings,
    objective: Metric,
    on_epoch: OnEpoch | None = None,
    *,
    deadline: Deadline | None = None,
) -> Training:
    """Fit `model` to the training split and score every epoch on the validation split.

    Afterwards the model has the weights that `settings.weights` names. Without validation sequences
    no epoch is scored: weights are then not "best", and the schedule is not "plateau".

    Args:
        model: a compiled model.
        data: training and validation split.
        settings: epochs, batch size, schedule, patience and weights.
        objective: "val_loss" or another validation metric, with its direction.
        on_epoch: called after each epoch; see `OnEpoch`.
        deadline: the training ends, timed out, with the first batch after it.
    """
    recorder = _Recorder(
        objective=objective,
        settings=settings,
        on_epoch=on_epoch,
        deadline=deadline,
    )
    lengths = batch_lengths(model, data, settings.epochs)
    if lengths:
        accept_lengths(model)
    arguments = fit_arguments(data, settings.batch_size, lengths)
    if begins_with_solution(model) and len(data.validation):
        recorder.score_start(model, arguments)
    model.fit(
        **arguments,
        epochs=settings.epochs,
        callbacks=_Callbacks(recorder, model, settings.epochs),
        verbose=0,
    )
    recorder.finish()
    return recorder.training


def begins_with_solution(model: keras.Model) -> bool:
    """Return whether a model is good before its first training step: with a linear path."""
    return any(isinstance(layer, LinearPath) for layer in model.layers)


class _Callbacks(keras.callbacks.CallbackList):
    """List of callbacks that passes each batch's numbers on without conversion.

    Keras' own list converts them to Python numbers after every batch, and so waits for the device
    each time.
    """

    def __init__(self, recorder: _Recorder, model: keras.Model, epochs: int) -> None:
        callbacks: list[keras.callbacks.Callback] = [recorder]
        if recorder.settings.weights == "ema":
            callbacks.append(keras.callbacks.SwapEMAWeights())  # validates the average
        callbacks += schedule_callbacks(recorder.settings)
        super().__init__(callbacks, add_history=True, model=model, epochs=epochs)
        self.recorder = recorder

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.recorder.on_train_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.recorder.on_train_batch_end(batch, logs)

    def on_test_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.recorder.on_test_batch_begin(batch, logs)

    def on_test_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.recorder.on_test_batch_end(batch, logs)


class _Recorder(keras.callbacks.Callback):
    """Records the curve and the times, and stops the training where necessary."""

    def __init__(
        self,
        objective: Metric,
        settings: TrainingSettings,
        on_epoch: OnEpoch | None,
        deadline: Deadline | None,
    ) -> None:
        super().__init__()
        self.objective = objective
        self.settings = settings
        self.on_epoch = on_epoch
        self.deadline = deadline
        self.training = Training()
        self.kept = KeptWeights(settings.weights)
        self.improved_epoch = 0  # the last epoch with a new best value, from 1
        self.clock = _Clock(self.training.seconds)
        self.started = 0.0
        self.checked_batches = 0
        # Numbers of the last batch, which the device may still be working on.
        self.last_batch_numbers: dict[str, Any] = {}

    def score_start(self, model: keras.Model, arguments: dict[str, Any]) -> None:
        """Score the model on the validation split before it is trained.

        Args:
            arguments: of `keras.Model.fit`.
        """
        started = time.perf_counter()
        validation = arguments["validation_data"]
        given: dict[str, Any] = {"x": validation}
        if isinstance(validation, tuple):
            given = {
                "x": validation[0],
                "y": validation[1],
                "batch_size": arguments["validation_batch_size"],
            }
        numbers = model.evaluate(**given, verbose=0, return_dict=True)
        self.training.seconds["validation"] += time.perf_counter() - started
        numbers = {f"val_{name}": float(value) for name, value in numbers.items()}
        if not all(math.isfinite(value) for value in numbers.values()):
            return
        self.training.start = numbers
        self.training.score = numbers[self.objective.name]
        self.kept.keep_start(model)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.started = time.perf_counter()
        self.checked_batches = 0
        self.clock.enter("training")

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.clock.before_call()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.clock.after_call()
        self.last_batch_numbers = logs or {}
        # The loss is a running mean, so NaN stays: a check of some batches is enough. Each check
        # waits for the device.
        if batch + 1 - self.checked_batches >= BATCHES_BETWEEN_CHECKS and logs:
            self.checked_batches = batch + 1
            if not math.isfinite(float(logs["loss"])):
                self._stop(TrialStatus.DIVERGED)
        if self.deadline is not None and self.deadline.is_over():
            self._stop(TrialStatus.TIMED_OUT)

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        for value in self.last_batch_numbers.values():
            float(value)  # waits for queued steps, so that their time counts as training
        self.clock.enter("validation")

    def on_test_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.clock.before_call()

    def on_test_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.clock.after_call()
        if self.training.status is TrialStatus.TIMED_OUT:  # the epoch does not count
            self.model.stop_evaluating = True

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        numbers = {name: float(value) for name, value in (logs or {}).items()}  # waits too
        self.clock.leave()
        if self.training.status is TrialStatus.TIMED_OUT:
            return  # the epoch is incomplete and does not count
        numbers["seconds"] = time.perf_counter() - self.started
        training = self.training
        training.curve.append(numbers)
        is_scored = "val_loss" in numbers
        must_be_finite = {"loss"}
        if is_scored:
            must_be_finite |= {"val_loss", self.objective.name}
        if training.status is TrialStatus.DIVERGED or not all(
            math.isfinite(numbers[name]) for name in must_be_finite
        ):
            self._stop(TrialStatus.DIVERGED)
            return
        is_best = is_scored and self._count_score(epoch + 1, numbers)
        self.kept.after_epoch(self.model, epoch + 1, numbers["loss"], is_best)
        epochs_without_a_better = epoch + 1 - self.improved_epoch
        if self.on_epoch is not None and not self.on_epoch(epoch + 1, training.score, numbers):
            self._stop(TrialStatus.PRUNED)
        elif is_scored and 0 < self.settings.patience <= epochs_without_a_better:
            self.model.stop_training = True

    def _count_score(self, epoch: int, numbers: dict[str, float]) -> bool:
        """Count the score of an epoch, from 1; return whether none before was better."""
        training = self.training
        value = numbers[self.objective.name]
        first = math.isnan(training.score)
        if first or self.objective.better(value, training.score):
            self.improved_epoch = epoch
        is_best = first or self._is_best(value, numbers["val_loss"])
        if is_best:
            training.best_epoch = epoch
            training.score = value
        return is_best

    def _is_best(self, value: float, loss: float) -> bool:
        """Return whether an epoch is better than the best one so far, or as good."""
        training = self.training
        if value == training.score:
            return loss <= self._numbers_of(training.best_epoch)["val_loss"]
        return self.objective.better(value, training.score)

    def _numbers_of(self, epoch: int) -> dict[str, float]:
        """Return the numbers of an epoch, from 1, or with 0 those before the first one."""
        if epoch == 0:
            return self.training.start
        return self.training.curve[epoch - 1]

    def _stop(self, status: TrialStatus) -> None:
        self.training.status = status
        self.model.stop_training = True

    def finish(self) -> None:
        """Give the model the kept weights, and record the epoch and the score that they have.

        Where no epoch is better than the start, these are the weights that it began with.
        """
        training = self.training
        is_spoilt = training.status is TrialStatus.DIVERGED and self.kept.weights is None
        if self.kept.epoch and not is_spoilt:
            training.kept_epoch = self.kept.epoch
            kept = self._numbers_of(self.kept.epoch)
            training.kept_score = kept.get(self.objective.name, math.nan)
        if training.start:
            start = training.start[self.objective.name]
            if not training.kept_epoch or self.objective.better(start, training.kept_score):
                training.kept_epoch = 0
                training.kept_score = start
                self.kept.restore_start(self.model)
                return
        self.kept.restore(self.model)


class _Clock:
    """Sums up the time of each phase; the first call of a phase is its compilation."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self.seconds = seconds
        self.phase = ""
        self.compiled: set[str] = set()
        self.phase_started = 0.0
        self.call_started = 0.0
        self.step_ended: float | None = None  # end of the previous training step of this epoch

    def enter(self, phase: str) -> None:
        """Begin a phase, and end the phase before it."""
        self.leave()
        self.phase = phase
        self.phase_started = time.perf_counter()

    def leave(self) -> None:
        """End the current phase, if any, and count its time."""
        self.step_ended = None
        if self.phase:
            self.seconds[self.phase] += time.perf_counter() - self.phase_started
        self.phase = ""

    def before_call(self) -> None:
        """Note the start of a call of the compiled function."""
        if self.phase not in self.compiled:
            self.call_started = time.perf_counter()
        if self.step_ended is not None:
            self.seconds["between"] += time.perf_counter() - self.step_ended

    def after_call(self) -> None:
        """Note the end of a call; move the time of a phase's first call to "compile"."""
        if self.phase not in self.compiled:
            self.compiled.add(self.phase)
            elapsed = time.perf_counter() - self.call_started
            self.seconds["compile"] += elapsed
            self.phase_started += elapsed
        if self.phase == "training":
            self.step_ended = time.perf_counter()
