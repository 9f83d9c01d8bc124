"""The Keras optimiser of training settings."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from tcn_search.errors import InputError
from tcn_search.layers.tensor import Tensor
from tcn_search.models.fused_adam import fuse_adam
from tcn_search.settings import LOSS_SCHEDULES, TrainingSettings

_OPTIMIZERS: dict[str, tuple[type[keras.optimizers.Optimizer], dict[str, Any]]] = {
    "adam": (keras.optimizers.Adam, {}),
    "adamw": (keras.optimizers.AdamW, {}),
    "sgd": (keras.optimizers.SGD, {}),
    "momentum": (keras.optimizers.SGD, {"momentum": 0.9, "nesterov": True}),
    "rmsprop": (keras.optimizers.RMSprop, {}),
    "nadam": (keras.optimizers.Nadam, {}),
}
STEP_DECAYS = 5  # equal parts of a training with the schedule "step"
AVERAGED_SHARE = 0.1  # of a training's steps: the window of the moving average of its weights
_AVERAGED_STEPS = 100  # where the number of steps is not known


def make_optimizer(
    settings: TrainingSettings, steps: int | None = None
) -> keras.optimizers.Optimizer:
    """Return a Keras optimiser that is not built yet.

    Args:
        steps: of the whole training, all epochs together; needed by a schedule that follows them.

    Raises:
        InputError: the schedule follows the steps, and their number is not given.
    """
    optimizer_class, arguments = _OPTIMIZERS[settings.optimizer]
    arguments = {**arguments, "learning_rate": _learning_rate(settings, steps)}
    if settings.weight_decay is not None:
        arguments["weight_decay"] = settings.weight_decay
    if settings.clip_norm:
        arguments["global_clipnorm"] = settings.clip_norm
    if settings.weights == "ema":
        arguments |= {"use_ema": True, "ema_momentum": _average_momentum(steps)}
    optimizer = optimizer_class(**arguments)
    fuse_adam(optimizer)
    if settings.precision == "mixed_float16":
        # Keras would wrap the optimiser by itself, but would not record that in the saved model,
        # which could then not be loaded.
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def _average_momentum(steps: int | None) -> float:
    """Return the share of the moving average that a step keeps: 1 − 1 / window."""
    window = _AVERAGED_STEPS
    if steps is not None:
        window = max(1, round(AVERAGED_SHARE * steps))
    return 1 - 1 / window


def _learning_rate(
    settings: TrainingSettings, steps: int | None
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Return a number that the trainer may halve, or Keras' schedule by step."""
    rate = float(settings.learning_rate)
    follows_steps = settings.schedule not in (*LOSS_SCHEDULES, "constant") or settings.warmup > 0
    if not follows_steps:
        return rate
    if steps is None:
        followed = f"schedule {settings.schedule!r}"
        if settings.warmup:
            followed = f"warmup {settings.warmup!r}"
        raise InputError(
            f"{followed} follows the steps of the whole training, which a task's specification "
            "alone does not tell. Give the task with its data."
        )
    warmup_steps = round(settings.warmup * steps)
    after_warmup = _schedule_of_steps(settings.schedule, rate, max(1, steps - warmup_steps))
    if not warmup_steps:
        return after_warmup
    return WarmUp(warmup_steps, rate, after_warmup)


def _schedule_of_steps(
    name: str, rate: float, steps: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Return the schedule of a name over so many steps, without warm-up."""
    schedules = keras.optimizers.schedules
    if name == "cosine":
        return schedules.CosineDecay(rate, steps)
    if name == "step":
        fifth = math.ceil(steps / STEP_DECAYS)
        return schedules.ExponentialDecay(rate, fifth, 0.5, staircase=True)
    return schedules.ExponentialDecay(rate, steps, decay_rate=1.0)  # constant


@keras.saving.register_keras_serializable(package="tcn_search")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Raise the learning rate in a straight line, then follow another schedule.

    rate(step) = peak · (step + 1) / steps for step < steps, and after(step − steps) from then on
    (Goyal et al. 2017).

    Args:
        steps: of the warm-up.
        peak: learning rate at the end of the warm-up.
        after: the schedule that follows.
    """

    def __init__(
        self,
        steps: int,
        peak: float,
        after: keras.optimizers.schedules.LearningRateSchedule,
    ) -> None:
        super().__init__()
        self.steps = steps
        self.peak = peak
        self.after = after

    def __call__(self, step: Tensor) -> Tensor:
        step = ops.cast(step, "float32")
        rising = self.peak * (step + 1) / self.steps
        following = self.after(ops.maximum(step - self.steps, 0))
        return ops.where(step < self.steps, rising, following)

    def get_config(self) -> dict[str, Any]:
        after = keras.optimizers.schedules.serialize(self.after)
        return {"steps": self.steps, "peak": self.peak, "after": after}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> WarmUp:
        after = keras.optimizers.schedules.deserialize(config["after"])
        return cls(**{**config, "after": after})
