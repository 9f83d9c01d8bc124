"""Learning-rate schedules that follow the losses of the epochs, as callbacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from tcn_search.settings import TrainingSettings

PLATEAU_EPOCHS = 5
# Wang, Yan and Oates 2017, as in hfawaz/dl-4-tsc: patience 50 of 2,000 epochs, 1e-3 to 1e-4.
TRAIN_PLATEAU_SHARE = 40
FEWEST_TRAIN_PLATEAU_EPOCHS = 3
LOWEST_SHARE_OF_RATE = 0.1


def schedule_callbacks(settings: TrainingSettings) -> list[keras.callbacks.Callback]:
    """Return the callback of a schedule that follows losses; none for the other schedules."""
    if settings.schedule == "plateau":
        return [HalveOnPlateau()]
    if settings.schedule == "train_plateau":
        patience = max(FEWEST_TRAIN_PLATEAU_EPOCHS, settings.epochs // TRAIN_PLATEAU_SHARE)
        return [
            keras.callbacks.ReduceLROnPlateau(
                monitor="loss",
                factor=0.5,
                patience=patience,
                min_lr=LOWEST_SHARE_OF_RATE * settings.learning_rate,
            )
        ]
    return []


def is_plateau(losses: Sequence[float]) -> bool:
    """Return whether the newest loss is not below the largest of the five before it.

    >>> is_plateau([9, 5, 4, 3, 3, 6]), is_plateau([5, 5, 4, 3, 3, 6])
    (False, True)
    """
    *before, newest = losses
    return len(before) >= PLATEAU_EPOCHS and newest >= max(before[-PLATEAU_EPOCHS:])


class HalveOnPlateau(keras.callbacks.Callback):
    """The schedule "plateau": halve the learning rate after each epoch that is a plateau.

    See `is_plateau`.
    """

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.losses: list[float] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.losses.append(float((logs or {})["val_loss"]))
        if is_plateau(self.losses):
            optimizer = self.model.optimizer
            optimizer.learning_rate = float(keras.ops.convert_to_numpy(optimizer.learning_rate)) / 2
