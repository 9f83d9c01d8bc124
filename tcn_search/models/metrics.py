"""Metrics of a whole part, not means over batches. Steps without a class do not count."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tcn_search.models.windows import StandardisedError
from tcn_search.tasks.kinds import NO_CLASS
from tcn_search.tasks.task_spec import TaskSpec


def make_metrics(spec: TaskSpec) -> list[keras.metrics.Metric]:
    """The metrics of a task, in the order of its kind, with all their variables."""
    names = [metric.name for metric in spec.task_kind.metrics]
    if spec.kind == "forecast":
        return [
            StandardisedError(power, spec.target_std, name)
            for power, name in zip((2, 1), names, strict=True)
        ]
    return [_make(name, spec) for name in names]


def _make(name: str, spec: TaskSpec) -> keras.metrics.Metric:
    last = spec.scored_steps
    score = name if last is None else name.removesuffix(f"_last_{last}")
    if score == "perplexity":
        return Perplexity(last, name=name)
    if score in ClassScore.SCORES:
        return ClassScore(score, spec.outputs, spec.kind == "multi_label", last, name=name)
    metric = keras.metrics.get(score)
    metric.name = name
    return metric


@keras.saving.register_keras_serializable(package="tcn_search")
class ClassScore(keras.metrics.Metric):
    """Accuracy, balanced accuracy or macro F1, from hits, occurrences and predictions of each class.

    Args:
        score: "accuracy", the share of right answers; "balanced_accuracy", the mean of the shares of right
            answers within each class that occurs; "f1", the mean of 2·hits / (occurrences + predictions) over
            the classes that occur or are predicted.
        classes: K.
        multi_label: targets and predictions are (B, K); a probability above a half is a label. Otherwise the
            targets are classes (B,) or (B, T), and the predictions probabilities with one axis more.
        last: of (B, T) targets only the last so many steps count.
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

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        count = self._count_labels if self.multi_label else self._count_classes
        hits, occurrences, predictions = count(y_true, y_pred, sample_weight)
        self.hits.assign_add(hits)
        self.occurrences.assign_add(occurrences)
        self.predictions.assign_add(predictions)

    def _count_labels(self, y_true: Any, y_pred: Any, sample_weight: Any) -> tuple[Any, Any, Any]:
        true = ops.reshape(
            ops.cast(y_true, self.dtype), ops.shape(y_pred)
        )  # (B,) where there is one label
        predicted = ops.cast(y_pred > 0.5, self.dtype)
        weights = (
            1.0
            if sample_weight is None
            else ops.reshape(ops.cast(sample_weight, self.dtype), (-1, 1))
        )
        counted = (true * predicted * weights, true * weights, predicted * weights)
        return tuple(ops.sum(values, axis=0) for values in counted)

    def _count_classes(self, y_true: Any, y_pred: Any, sample_weight: Any) -> tuple[Any, Any, Any]:
        true, probabilities, weights = counted_steps(y_true, y_pred, self.last, sample_weight)
        predicted = ops.cast(ops.argmax(probabilities, axis=-1), "int32")
        right = weights * ops.cast(ops.equal(true, predicted), self.dtype)
        return (
            ops.segment_sum(right, true, num_segments=self.classes),
            ops.segment_sum(weights, true, num_segments=self.classes),
            ops.segment_sum(weights, predicted, num_segments=self.classes),
        )

    def result(self) -> Any:
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
        own = {
            "score": self.score,
            "classes": self.classes,
            "multi_label": self.multi_label,
            "last": self.last,
        }
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="tcn_search")
class Perplexity(keras.metrics.Metric):
    """exp of the mean of −log p(right class) over all steps; K for a model that knows nothing of K classes."""

    def __init__(self, last: int | None = None, name: str = "perplexity", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.last = last
        self.total = self.add_variable((), initializer="zeros", name="total")
        self.steps = self.add_variable((), initializer="zeros", name="steps")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        true, probabilities, weights = counted_steps(y_true, y_pred, self.last, sample_weight)
        right = ops.take_along_axis(probabilities, ops.expand_dims(true, -1), axis=-1)[:, 0]
        # Keras' own cross-entropy takes 1e-7 for anything less, which flatters a model that is surely wrong.
        losses = -ops.log(ops.maximum(right, 1e-38))
        self.total.assign_add(ops.sum(ops.cast(losses, self.dtype) * weights))
        self.steps.assign_add(ops.sum(weights))

    def result(self) -> Any:
        return ops.exp(_ratio(self.total, self.steps))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "last": self.last}


def counted_steps(
    y_true: Any, y_pred: Any, last: int | None = None, sample_weight: Any = None
) -> tuple[Any, Any, Any]:
    """Classes (N,), probabilities (N, K) and weights (N,) of all steps; a step without a class weighs nothing.

    Args:
        y_true: (B,), (B, 1) or (B, T) classes.
        y_pred: (B, K) or (B, T, K) probabilities.
        last: of T steps only the last so many.
        sample_weight: (B,) or (B, T).
    """
    classes = ops.shape(y_pred)[-1]
    true = ops.reshape(ops.cast(y_true, "int32"), ops.shape(y_pred)[:-1])
    weights = ops.cast(ops.not_equal(true, NO_CLASS), "float32")
    if sample_weight is not None:
        given = ops.cast(sample_weight, "float32")
        while len(given.shape) < len(weights.shape):
            given = ops.expand_dims(given, -1)
        weights = weights * given
    if last is not None:
        true = true[:, -last:]
        y_pred = y_pred[:, -last:]
        weights = weights[:, -last:]
    return (
        ops.reshape(ops.maximum(true, 0), (-1,)),
        ops.reshape(y_pred, (-1, classes)),
        ops.reshape(weights, (-1,)),
    )


def _ratio(above: Any, below: Any) -> Any:
    """above / below, and 0 where there is nothing to count."""
    return ops.where(below > 0, above / ops.maximum(below, 1e-12), 0.0)
