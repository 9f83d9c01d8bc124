"""Metrics of a whole split, not means over batches. Steps without a class do not count."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tcn_search.layers.tensor import Tensor
from tcn_search.tasks.kinds import NO_CLASS
from tcn_search.tasks.task_spec import TaskSpec


def make_metrics(spec: TaskSpec) -> list[keras.metrics.Metric]:
    """Return the metrics of a task, in the order of its kind, with all their variables."""
    names = [metric.name for metric in spec.task_kind.metrics]
    if spec.kind == "forecast":
        return [
            StandardisedError(power, spec.target_std, name)
            for power, name in zip((2, 1), names, strict=True)
        ]
    return [_make_metric(name, spec) for name in names]


def _make_metric(name: str, spec: TaskSpec) -> keras.metrics.Metric:
    """Return the metric of a name such as "accuracy" or "perplexity_last_50"."""
    last = spec.scored_steps
    score = name
    if last is not None:
        score = name.removesuffix(f"_last_{last}")
    if score == "perplexity":
        return Perplexity(last, name=name)
    if score in ClassScore.SCORES:
        return ClassScore(
            score,
            classes=spec.outputs,
            multi_label=spec.kind == "multi_label",
            last=last,
            name=name,
        )
    metric = keras.metrics.get(score)
    metric.name = name
    return metric


@keras.saving.register_keras_serializable(package="tcn_search")
class ClassScore(keras.metrics.Metric):
    """Accuracy, balanced accuracy or macro F1, from counts of each class.

    The counts are hits, occurrences and predictions.

    Args:
        score: "accuracy", the share of right answers; "balanced_accuracy", the mean of the shares
            of right answers within each class that occurs; "f1", the mean of
            2·hits / (occurrences + predictions) over the classes that occur or are predicted.
        classes: K.
        multi_label: whether targets and predictions are (B, K), where a probability above a half is
            a label. Otherwise the targets are classes (B,) or (B, T), and the predictions
            probabilities with one axis more.
        last: number of last steps of (B, T) targets that count; None counts all of them.
    """

    SCORES = ("accuracy", "balanced_accuracy", "f1")

    def __init__(
        self,
        score: str,
        classes: int,
        multi_label: bool = False,
        last: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name or score, **kwargs)
        self.score = score
        self.classes = classes
        self.multi_label = multi_label
        self.last = last
        self.hits, self.occurrences, self.predictions = (
            self.add_variable((classes,), initializer="zeros", name=count)
            for count in ("hits", "occurrences", "predictions")
        )

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        count = self._count_classes
        if self.multi_label:
            count = self._count_labels
        hits, occurrences, predictions = count(y_true, y_pred, sample_weight)
        self.hits.assign_add(hits)
        self.occurrences.assign_add(occurrences)
        self.predictions.assign_add(predictions)

    def _count_labels(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return hits, occurrences and predictions, (K,) each, of labels (B, K)."""
        # Targets are (B,) where there is one label.
        true = ops.reshape(ops.cast(y_true, self.dtype), ops.shape(y_pred))
        predicted = ops.cast(y_pred > 0.5, self.dtype)
        weights = 1.0
        if sample_weight is not None:
            weights = ops.reshape(ops.cast(sample_weight, self.dtype), (-1, 1))
        counted = (true * predicted * weights, true * weights, predicted * weights)
        return tuple(ops.sum(values, axis=0) for values in counted)

    def _count_classes(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return hits, occurrences and predictions, (K,) each, of classes (B,) or (B, T)."""
        true, probabilities, weights = counted_steps(y_true, y_pred, self.last, sample_weight)
        predicted = ops.cast(ops.argmax(probabilities, axis=-1), "int32")
        right = weights * ops.cast(ops.equal(true, predicted), self.dtype)
        return (
            ops.segment_sum(right, true, num_segments=self.classes),
            ops.segment_sum(weights, true, num_segments=self.classes),
            ops.segment_sum(weights, predicted, num_segments=self.classes),
        )

    def result(self) -> Tensor:
        if self.score == "accuracy":
            return _ratio(ops.sum(self.hits), ops.sum(self.occurrences))
        if self.score == "balanced_accuracy":
            counted = self.occurrences + 0.0
            shares = _ratio(self.hits, counted)
        else:
            counted = self.occurrences + self.predictions
            shares = _ratio(2.0 * self.hits, counted)
        return _ratio(ops.sum(shares), ops.sum(ops.cast(counted > 0, self.dtype)))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "score": self.score,
            "classes": self.classes,
            "multi_label": self.multi_label,
            "last": self.last,
        }


@keras.saving.register_keras_serializable(package="tcn_search")
class Perplexity(keras.metrics.Metric):
    """exp of the mean of −log p(right class) over all steps.

    A model that gives each of K classes the same probability has the perplexity K.
    """

    def __init__(self, last: int | None = None, name: str = "perplexity", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.last = last
        self.total = self.add_variable((), initializer="zeros", name="total")
        self.steps = self.add_variable((), initializer="zeros", name="steps")

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        true, probabilities, weights = counted_steps(y_true, y_pred, self.last, sample_weight)
        right = ops.take_along_axis(probabilities, ops.expand_dims(true, -1), axis=-1)[:, 0]
        # Keras' own cross-entropy raises smaller probabilities to 1e-7, which flatters a model that
        # is confident and wrong.
        losses = -ops.log(ops.maximum(right, np.finfo("float32").tiny))
        self.total.assign_add(ops.sum(ops.cast(losses, self.dtype) * weights))
        self.steps.assign_add(ops.sum(weights))

    def result(self) -> Tensor:
        return ops.exp(_ratio(self.total, self.steps))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "last": self.last}


@keras.saving.register_keras_serializable(package="tcn_search")
class StandardisedError(keras.metrics.Mean):
    """Mean of |(y − ŷ) / std| ** power, with the training split's deviation of each output.

    A forecast is in the series' own units; its error is measured on standardised values. Of
    quantiles, (B, outputs · Q), the median counts, which is the middle one.
    """

    def __init__(self, power: int, std: Sequence[float], name: str, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.power = power
        self.std = [float(value) for value in std]

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        quantiles = y_pred.shape[-1] // (len(self.std) or math.prod(y_true.shape[1:]))
        y_pred = y_pred[:, quantiles // 2 :: quantiles]
        error = ops.reshape(ops.cast(y_true, y_pred.dtype), ops.shape(y_pred)) - y_pred
        if self.std:
            error = error / ops.convert_to_tensor(self.std, y_pred.dtype)
        super().update_state(ops.mean(ops.abs(error) ** self.power, axis=-1), sample_weight)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "power": self.power, "std": self.std}


def counted_steps(
    y_true: Tensor, y_pred: Tensor, last: int | None = None, sample_weight: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return classes (N,), probabilities (N, K) and weights (N,) of all steps.

    A step without a class has the weight 0.

    Args:
        y_true: (B,), (B, 1) or (B, T) classes.
        y_pred: (B, K) or (B, T, K) probabilities.
        last: number of last steps of T that count; None counts all of them.
        sample_weight: (B,) or (B, T).
    """
    classes = ops.shape(y_pred)[-1]
    true = ops.reshape(ops.cast(y_true, "int32"), ops.shape(y_pred)[:-1])
    weights = ops.cast(ops.not_equal(true, NO_CLASS), "float32")
    if sample_weight is not None:
        sample_weight = ops.cast(sample_weight, "float32")
        while len(sample_weight.shape) < len(weights.shape):
            sample_weight = ops.expand_dims(sample_weight, -1)
        weights = weights * sample_weight
    if last is not None:
        true = true[:, -last:]
        y_pred = y_pred[:, -last:]
        weights = weights[:, -last:]
    return (
        ops.reshape(ops.maximum(true, 0), (-1,)),
        ops.reshape(y_pred, (-1, classes)),
        ops.reshape(weights, (-1,)),
    )


def _ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Return the ratio, and 0 where the denominator is 0."""
    return ops.where(denominator > 0, numerator / ops.maximum(denominator, 1e-12), 0.0)
