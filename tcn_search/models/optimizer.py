"""The Keras optimiser of training settings."""

from __future__ import annotations

from typing import Any

import keras

from tcn_search.errors import InputError
from tcn_search.models.fused_adam import fuse_adam
from tcn_search.settings import TrainingSettings

_OPTIMIZERS: dict[str, tuple[type[keras.optimizers.Optimizer], dict[str, Any]]] = {
    "adam": (keras.optimizers.Adam, {}),
    "adamw": (keras.optimizers.AdamW, {}),
    "sgd": (keras.optimizers.SGD, {}),
    "momentum": (keras.optimizers.SGD, {"momentum": 0.9, "nesterov": True}),
    "rmsprop": (keras.optimizers.RMSprop, {}),
    "nadam": (keras.optimizers.Nadam, {}),
}
STEP_DECAYS = 5  # equal parts of a training with the schedule "step"


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
    optimizer = optimizer_class(**arguments)
    fuse_adam(optimizer)
    if settings.precision == "mixed_float16":
        # Keras would wrap the optimiser by itself, but would not record that in the saved model,
        # which could then not be loaded.
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def _learning_rate(
    settings: TrainingSettings, steps: int | None
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Return a number, or Keras' schedule by step; for "plateau" the trainer halves a number."""
    rate = float(settings.learning_rate)
    if settings.schedule in ("constant", "plateau"):
        return rate
    if steps is None:
        raise InputError(
            f"schedule {settings.schedule!r} follows the steps of the whole training, which a "
            "task's specification alone does not tell. Give the task with its data."
        )
    if settings.schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(rate, steps)
    return keras.optimizers.schedules.ExponentialDecay(
        rate, max(1, steps // STEP_DECAYS), 0.5, staircase=True
    )
