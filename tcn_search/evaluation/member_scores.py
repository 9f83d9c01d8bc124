"""Score the members of an ensemble and their mean; find members that spoil the mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from tcn_search.settings import TrainingSettings
    from tcn_search.tasks.task_spec import TaskSpec
    from tcn_search.tasks.training_data import SplitData

# A member with at most this many times the mean loss of the better ones is always averaged.
LARGEST_LOSS_RATIO = 3


class MemberScores(NamedTuple):
    """The first metric of a task, of each model and of the mean of their predictions.

    The latter is None where there are fewer than two models.
    """

    members: list[float]
    ensemble: float | None


def score_members(
    models: Sequence[Any],
    spec: TaskSpec,
    split: SplitData,
    watch: Callable[[np.ndarray, list[np.ndarray]], None] | None = None,
    averaged: Sequence[int] | None = None,
) -> MemberScores:
    """Predict a split once with each model, and score the models and their mean.

    Predictions are scored batch by batch and not kept: those of a language model fill the memory.

    Args:
        watch: called with the targets and the predictions of each batch: of all models, and their
            mean last.
        averaged: places of the models in the mean, from 0; None: all.
    """
    from tcn_search.models.ensemble import side_by_side
    from tcn_search.models.metrics import make_metrics

    if averaged is None:
        averaged = range(len(models))
    together = side_by_side(models)
    metrics = [make_metrics(spec)[0] for _ in range(len(models) + 1)]
    size = spec.sequences_at_once
    for start in range(0, len(split), size):
        X = np.asarray(split.X[start : start + size])
        y = np.asarray(split.y[start : start + size])
        outputs = together.predict_on_batch(X)
        if len(models) == 1:
            outputs = [outputs]
        predictions = [np.asarray(predicted) for predicted in outputs]
        predictions.append(np.mean([predictions[place] for place in averaged], axis=0))
        for metric, predicted in zip(metrics, predictions, strict=True):
            metric.update_state(y, predicted)
        if watch is not None:
            watch(y, predictions)
    *members, ensemble = [float(metric.result()) for metric in metrics]
    if len(members) == 1:
        return MemberScores(members, None)
    return MemberScores(members, ensemble)


def worth_averaging(
    models: Sequence[Any],
    best_first: Sequence[int],
    spec: TaskSpec,
    split: SplitData,
    settings: TrainingSettings,
) -> tuple[list[int], float | None]:
    """Find the members that do not spoil the mean on a validation split.

    A training can get stuck. From the best on, a member is averaged unless its loss is more than
    three times the mean loss of those before it and the mean is better without it; it and the worse
    ones are left out then. With independent errors, a squared error of more than
    (2n + 1) / n ≤ 3 times that of n other members makes their mean worse.

    Args:
        models: two or more.
        best_first: their places, from 0, that with the best score first.
        settings: with which they were trained, for the loss.

    Returns:
        The places of the members that are worth averaging, and the metric of their mean.
    """
    from tcn_search.models.losses import losses_of_sequences, make_loss

    loss = make_loss(spec, settings.loss, settings.quantiles)
    alone = np.zeros(len(models))  # sums of losses of the best, second, third, ... member
    together = np.zeros(len(models))  # of the mean of the best 1, 2, 3, ...

    def watch(targets: np.ndarray, predictions: list[np.ndarray]) -> None:
        total: np.ndarray | float = 0.0
        for number, place in enumerate(best_first):
            total = total + predictions[place]
            alone[number] += losses_of_sequences(loss, targets, predictions[place]).sum()
            together[number] += losses_of_sequences(loss, targets, total / (number + 1)).sum()

    scores = score_members(models, spec, split, watch)
    kept = _count_worth_averaging(alone, together)
    places = sorted(best_first[:kept])
    if kept < len(models):
        scores = score_members(models, spec, split, averaged=places)
    return places, scores.ensemble


def _count_worth_averaging(alone: np.ndarray, together: np.ndarray) -> int:
    """Return how many of the best members to average.

    Args:
        alone: losses of the best, second, third, ... member.
        together: losses of the mean of the best 1, 2, 3, ... members.
    """
    for count in range(1, len(alone)):
        is_far_off = alone[count] > LARGEST_LOSS_RATIO * alone[:count].mean()
        if is_far_off and together[count] > together[count - 1]:
            return count
    return len(alone)
