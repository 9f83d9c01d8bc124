"""Losses that Keras does not have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops

from tcn_search.layers.tensor import Tensor
from tcn_search.tasks.kinds import NO_CLASS
from tcn_search.tasks.task_spec import TaskSpec


def make_loss(
    spec: TaskSpec, loss: str = "squared", quantiles: Sequence[float] = ()
) -> keras.losses.Loss | str:
    """Return the loss that Keras minimises for a task, as an object or as Keras' name.

    Args:
        spec: specification of the task.
        loss, quantiles: as in `TrainingSettings`.
    """
    if quantiles:
        return PinballLoss(quantiles, spec.target_std)
    if loss != "squared":
        return StandardisedLoss(loss, spec.target_std)
    if spec.target_std:
        return StandardisedMeanSquaredError(spec.target_std)
    if spec.kind == "labelling":
        return StepwiseCrossentropy()
    return spec.task_kind.loss


def losses_of_sequences(
    loss: keras.losses.Loss | str, targets: np.ndarray, predictions: np.ndarray
) -> np.ndarray:
    """Return the loss of each sequence, (B,).

    Args:
        loss: as `make_loss` returns it.
        targets: (B, ...).
        predictions: (B, ...), of numbers in the shape of the targets.
    """
    if targets.size == predictions.size:
        targets = targets.reshape(predictions.shape)
    compute = keras.losses.get(loss)
    if isinstance(compute, keras.losses.Loss):
        compute = compute.call
    losses: np.ndarray = ops.convert_to_numpy(
        compute(ops.convert_to_tensor(targets), ops.convert_to_tensor(predictions))
    )
    means: np.ndarray = losses.reshape(len(predictions), -1).mean(axis=1)
    return means


def smooth_training_loss(model: keras.Model, share: float) -> None:
    """Spread a share of each training target evenly over the classes (Szegedy et al. 2016).

    The loss of training becomes (1 − share) · CE + share · mean over classes of −log p. The loss of
    an evaluation stays the cross-entropy CE, and so does the loss of the model when it is saved.

    Args:
        model: compiled with the cross-entropy of classes (B,) and probabilities (B, K).
        share: 0 ≤ share < 1.
    """
    plain_loss = partial(type(model).compute_loss, model)
    smoothed = keras.losses.CategoricalCrossentropy(label_smoothing=share)
    unsmoothed = keras.losses.CategoricalCrossentropy()

    def compute_loss(
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        loss = plain_loss(x, y, y_pred, sample_weight, training=training)
        if not training:
            return loss
        targets = ops.one_hot(ops.reshape(ops.cast(y, "int32"), (-1,)), ops.shape(y_pred)[-1])
        difference = smoothed(targets, y_pred, sample_weight)
        return loss + difference - unsmoothed(targets, y_pred, sample_weight)

    model.compute_loss = compute_loss


@keras.saving.register_keras_serializable(package="tcn_search")
class StandardisedMeanSquaredError(keras.losses.Loss):
    """Mean of ((y − ŷ) / std)²: 1 for a model that always predicts the training split's mean."""

    def __init__(self, std: Iterable[float], name: str = "standardised_mse", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.std = [float(value) for value in std]

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        error = ops.reshape(ops.cast(y_true, y_pred.dtype), ops.shape(y_pred)) - y_pred
        return ops.mean(ops.square(error / ops.convert_to_tensor(self.std, y_pred.dtype)), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "std": self.std}


@keras.saving.register_keras_serializable(package="tcn_search")
class StandardisedLoss(keras.losses.Loss):
    """Mean of |e| or of the Huber loss of e, where e is (y − ŷ) / std.

    Args:
        loss: "absolute", or "huber": e² / 2 up to an error of 1, |e| − 1/2 beyond.
        std: of each output; empty stands for 1.
    """

    def __init__(
        self, loss: str, std: Iterable[float] = (), name: str = "standardised_loss", **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.loss = loss
        self.std = [float(value) for value in std]

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        error = ops.reshape(ops.cast(y_true, y_pred.dtype), ops.shape(y_pred)) - y_pred
        if self.std:
            error = error / ops.convert_to_tensor(self.std, y_pred.dtype)
        size = ops.abs(error)
        if self.loss == "huber":
            size = ops.where(size <= 1, ops.square(error) / 2, size - 0.5)
        return ops.mean(size, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "loss": self.loss, "std": self.std}


@keras.saving.register_keras_serializable(package="tcn_search")
class PinballLoss(keras.losses.Loss):
    """Mean of max(q · e, (q − 1) · e) over all quantiles q, where e is (y − ŷ) / std.

    Source: Koenker and Bassett 1978. Predictions are (B, n · Q), the Q quantiles of an output one
    after the other.
    """

    def __init__(
        self,
        quantiles: Iterable[float],
        std: Iterable[float] = (),
        name: str = "pinball_loss",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.quantiles = [float(value) for value in quantiles]
        self.std = [float(value) for value in std]

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        predicted = ops.reshape(
            y_pred, (-1, y_pred.shape[-1] // len(self.quantiles), len(self.quantiles))
        )
        true = ops.reshape(ops.cast(y_true, y_pred.dtype), ops.shape(predicted)[:2])
        error = ops.expand_dims(true, -1) - predicted
        if self.std:
            std = ops.convert_to_tensor(self.std, y_pred.dtype)
            error = error / ops.expand_dims(std, -1)
        shares = ops.convert_to_tensor(self.quantiles, y_pred.dtype)
        return ops.mean(ops.maximum(shares * error, (shares - 1) * error), axis=(1, 2))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "quantiles": self.quantiles, "std": self.std}


@keras.saving.register_keras_serializable(package="tcn_search")
class StepwiseCrossentropy(keras.losses.Loss):
    """Cross-entropy of the class at each step: mean over sequences of the mean over their steps.

    A sequence counts the same however long it is, so neither padding nor the other sequences of
    its batch change its weight. Each step's value (B, T) is scaled so that Keras' plain mean over
    all steps gives this mean of means.
    """

    def __init__(self, name: str = "stepwise_crossentropy", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        true = ops.cast(y_true, "int32")  # (B, T)
        counts = ops.cast(ops.not_equal(true, NO_CLASS), y_pred.dtype)
        share = counts / ops.maximum(ops.mean(counts, axis=1, keepdims=True), 1e-12)
        return ops.sparse_categorical_crossentropy(ops.maximum(true, 0), y_pred) * share
