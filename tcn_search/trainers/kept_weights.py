"""The weights that a model has after its training: of the best, last or another epoch."""

from __future__ import annotations

import math
from typing import Any

import keras


class KeptWeights:
    """Weights of the epoch that the training settings name.

    Args:
        which: "best", "last", "lowest_loss" or "ema"; see `TrainingSettings.weights`.

    Attributes:
        epoch: whose weights are kept, from 1; 0 before the first epoch.
    """

    def __init__(self, which: str) -> None:
        self.which = which
        self.epoch = 0
        self.lowest_loss = math.inf
        self.weights: Any = None
        self.start: Any = None

    def keep_start(self, model: keras.Model) -> None:
        """Keep the weights that a training begins with."""
        self.start = model.get_weights()

    def restore_start(self, model: keras.Model) -> None:
        """Give the model the weights that its training began with."""
        model.set_weights(self.start)

    def after_epoch(self, model: keras.Model, epoch: int, loss: float, is_best: bool) -> None:
        """Keep the weights of an epoch, from 1, if they are wanted.

        Args:
            loss: of training.
            is_best: whether no epoch before had a better validation score.
        """
        if self.which in ("last", "ema"):
            self.epoch = epoch
            return
        wanted = is_best
        if self.which == "lowest_loss":
            wanted = loss <= self.lowest_loss
            self.lowest_loss = min(loss, self.lowest_loss)
        if wanted:
            self.epoch = epoch
            self.weights = model.get_weights()

    def restore(self, model: keras.Model) -> None:
        """Give the model the kept weights; Keras has set a moving average itself."""
        if self.weights is not None:
            model.set_weights(self.weights)
