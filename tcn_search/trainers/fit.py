"""Training one model with `keras.Model.fit`, watched epoch by epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras

from tcn_search.settings import TrainingSettings
from tcn_search.tasks.kinds import Metric
from tcn_search.tasks.training_data import TrainingData
from tcn_search.trainers.batches import fit_arguments
from tcn_search.trainers.deadline import Deadline
from tcn_search.trial_status import TrialStatus

PLATEAU_EPOCHS = 5
BATCHES_BETWEEN_LOOKS = 64

# Called after each epoch with (epoch from 1, best value so far, the epoch's numbers); False stops the training.
OnEpoch = Callable[[int, float, dict[str, float]], bool]


@dataclass
class Training:
    """What came out of one training.

    Attributes:
        curve: one dict an epoch: loss, val_loss, the metrics and seconds.
        best_epoch: the last one with the best validation value, from 1; 0 if there is none. On a small
            validation part accuracies are often equal, and the longer training is the better bet.
        score: that value, or NaN.
        status: complete, pruned (by `on_epoch`), diverged (NaN or infinite loss) or timed out.
        seconds: in "compile" (the first step and the first batch of the validation part, tracing and
            compilation included), "training" (all other steps), "between" (that part of "training" which Python needs
            from one step to the next; JAX works on a step meanwhile), and "validation".
    """

    curve: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    score: float = math.nan
    status: TrialStatus = TrialStatus.COMPLETE
    seconds: dict[str, float] = field(
        default_factory=lambda: {"compile": 0.0, "training": 0.0, "between": 0.0, "validation": 0.0}
    )


def train(
    model: keras.Model,
    data: TrainingData,
    settings: TrainingSettings,
    objective: Metric,
    on_epoch: OnEpoch | None = None,
    *,
    keep_best: bool = False,
    deadline: Deadline | None = None,
) -> Training:
    """Fit `model` to the training part and judge every epoch by `objective` on the validation part.

    Args:
        objective: "val_loss" or another number of the validation part, with its direction.
        on_epoch: see `OnEpoch`.
        keep_best: leave the model with the weights of its best epoch.
        deadline: after whose first batch the training ends, timed out.
    """
    watcher = _Watcher(objective, settings, on_epoch, keep_best, deadline)
    model.fit(
        **fit_arguments(data, settings.batch_size),
        epochs=settings.epochs,
        callbacks=_Callbacks(watcher, model, settings.epochs),
        verbose=0,
    )
    watcher.restore()
    return watcher.training


def is_plateau(losses: Sequence[float]) -> bool:
    """Whether the newest of the losses is not below the largest of the five before it.

    >>> is_plateau([9, 5, 4, 3, 3, 6]), is_plateau([5, 5, 4, 3, 3, 6])
    (False, True)
    """
    *before, newest = losses
    return len(before) >= PLATEAU_EPOCHS and newest >= max(before[-PLATEAU_EPOCHS:])


class HalveOnPlateau(keras.callbacks.Callback):
    """The schedule "plateau": the learning rate is halved after each epoch that `is_plateau`."""

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.losses: list[float] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.losses.append(float((logs or {})["val_loss"]))
        if is_plateau(self.losses):
            optimizer = self.model.optimizer
            optimizer.learning_rate = float(keras.ops.convert_to_numpy(optimizer.learning_rate)) / 2


class _Callbacks(keras.callbacks.CallbackList):
    """Gives the watcher each batch's numbers unread.

    Keras' own list turns them into Python numbers after every batch, and so waits for the device each time.
    """

    def __init__(self, watcher: _Watcher, model: keras.Model, epochs: int) -> None:
        plateau = [HalveOnPlateau()] if watcher.settings.schedule == "plateau" else []
        super().__init__([watcher, *plateau], add_history=True, model=model, epochs=epochs)
        self.watcher = watcher

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.watcher.on_train_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.watcher.on_train_batch_end(batch, logs)

    def on_test_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.watcher.on_test_batch_begin(batch, logs)

    def on_test_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.watcher.on_test_batch_end(batch, logs)


class _Watcher(keras.callbacks.Callback):
    """Keeps the curve and stops the training when it has to."""

    def __init__(
        self,
        objective: Metric,
        settings: TrainingSettings,
        on_epoch: OnEpoch | None,
        keep_best: bool,
        deadline: Deadline | None,
    ) -> None:
        super().__init__()
        self.objective = objective
        self.settings = settings
        self.on_epoch = on_epoch
        self.keep_best = keep_best
        self.deadline = deadline
        self.training = Training()
        self.best_weights: Any = None
        self.improved_at = 0
        self.clock = _Clock(self.training.seconds)
        self.started = 0.0
        self.looked_at = 0
        self.newest: dict[
            str, Any
        ] = {}  # numbers of the last batch, which the device may still be working on

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.started = time.perf_counter()
        self.looked_at = 0
        self.clock.enter("training")

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.clock.before_a_call()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.clock.after_a_call()
        self.newest = logs or {}
        # The loss is a running mean, so NaN stays: looking at it now and then is enough, and each look waits.
        if batch + 1 - self.looked_at >= BATCHES_BETWEEN_LOOKS and logs:
            self.looked_at = batch + 1
            if not math.isfinite(float(logs["loss"])):
                self._stop(TrialStatus.DIVERGED)
        if self.deadline is not None and self.deadline.is_over():
            self._stop(TrialStatus.TIMED_OUT)

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        for value in self.newest.values():
            float(
                value
            )  # waits for steps that the device was only handed, so that they count as training
        self.clock.enter("validation")

    def on_test_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.clock.before_a_call()

    def on_test_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.clock.after_a_call()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        numbers = {name: float(value) for name, value in (logs or {}).items()}  # waits, too
        self.clock.leave()
        if self.training.status is TrialStatus.TIMED_OUT:
            return  # in the middle of this epoch, which does not count
        numbers["seconds"] = time.perf_counter() - self.started
        training = self.training
        training.curve.append(numbers)
        watched = {"loss", "val_loss", self.objective.name}
        if training.status is TrialStatus.DIVERGED or not all(
            math.isfinite(numbers[name]) for name in watched
        ):
            self._stop(TrialStatus.DIVERGED)
            return
        value = numbers[self.objective.name]
        first = training.best_epoch == 0
        if first or self.objective.better(value, training.score):
            self.improved_at = epoch + 1
        if first or not self.objective.better(training.score, value):
            training.best_epoch = epoch + 1
            training.score = value
            if self.keep_best:
                self.best_weights = self.model.get_weights()
        if self.on_epoch is not None and not self.on_epoch(epoch + 1, training.score, numbers):
            self._stop(TrialStatus.PRUNED)
        elif self.settings.patience and epoch + 1 - self.improved_at >= self.settings.patience:
            self.model.stop_training = True

    def _stop(self, status: TrialStatus) -> None:
        self.training.status = status
        self.model.stop_training = True

    def restore(self) -> None:
        """Put the best epoch's weights back."""
        if self.best_weights is not None:
            self.model.set_weights(self.best_weights)


class _Clock:
    """Sums up where the time of a training goes; the first call of a phase is its compilation."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self.seconds = seconds
        self.phase = ""
        self.compiled: set[str] = set()
        self.since = self.called = 0.0
        self.returned: float | None = None  # from a step, to make the next one

    def enter(self, phase: str) -> None:
        """A phase begins, and with it the one before ends."""
        self.leave()
        self.phase = phase
        self.since = time.perf_counter()

    def leave(self) -> None:
        """What has passed since the phase began is its time."""
        self.returned = None
        if self.phase:
            self.seconds[self.phase] += time.perf_counter() - self.since
        self.phase = ""

    def before_a_call(self) -> None:
        """Of the compiled function."""
        if self.phase not in self.compiled:
            self.called = time.perf_counter()
        if self.returned is not None:
            self.seconds["between"] += time.perf_counter() - self.returned

    def after_a_call(self) -> None:
        """Move the time of a phase's first call to "compile"."""
        if self.phase not in self.compiled:
            self.compiled.add(self.phase)
            spent = time.perf_counter() - self.called
            self.seconds["compile"] += spent
            self.since += spent
        if self.phase == "training":
            self.returned = time.perf_counter()
