"""The optimiser that training settings describe."""

from __future__ import annotations

from typing import Any

import keras

from tcn_search.errors import InputError
from tcn_search.models.fused_adam import fuse_adam
from tcn_search.settings import TrainingSettings

_MADE_BY: dict[str, tuple[type[keras.optimizers.Optimizer], dict[str, Any]]] = {
    "adam": (keras.optimizers.Adam, {}),
    "adamw": (keras.optimizers.AdamW, {}),
    "sgd": (keras.optimizers.SGD, {}),
    "momentum": (keras.optimizers.SGD, {"momentum": 0.9, "nesterov": True}),
    "rmsprop": (keras.optimizers.RMSprop, {}),
    "nadam": (keras.optimizers.Nadam, {}),
}
STEP_DECAYS = 5


def make_optimizer(
    settings: TrainingSettings, steps: int | None = None
) -> keras.optimizers.Optimizer:
    """A Keras optimiser, not yet built.

    Args:
        steps: of the whole training, all epochs; needed by a schedule that follows them.

    Raises:
        InputError: a schedule that follows the steps, and no number of them.
    """
    optimizer, fixed = _MADE_BY[settings.optimizer]
    given: dict[str, Any] = {}
    if settings.weight_decay is not None:
        given["weight_decay"] = settings.weight_decay
    if settings.clip_norm:
        given["global_clipnorm"] = settings.clip_norm
    made = optimizer(learning_rate=_learning_rate(settings, steps), **fixed, **given)
    fuse_adam(made)
    # Keras would wrap it by itself, but then forgets that in the saved model, which cannot be opened again.
    return (
        keras.optimizers.LossScaleOptimizer(made) if settings.precision == "mixed_float16" else made
    )


def _learning_rate(settings: TrainingSettings, steps: int | None) -> Any:
    """A number, or Keras' schedule of it by step. "plateau" is a number that the trainer halves."""
    rate = float(settings.learning_rate)
    if settings.schedule in ("constant", "plateau"):
        return rate
    if steps is None:
        raise InputError(
            f"schedule {settings.schedule!r} follows the steps of the whole training, which a task's specification "
            "alone does not tell. Give the task with its data."
        )
    if settings.schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(rate, steps)
    return keras.optimizers.schedules.ExponentialDecay(
        rate, max(1, steps // STEP_DECAYS), 0.5, staircase=True
    )
