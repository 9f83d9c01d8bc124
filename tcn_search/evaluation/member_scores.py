"""Score the members of an ensemble and their mean, from one pass over a split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from tcn_search.tasks.task_spec import TaskSpec
    from tcn_search.tasks.training_data import SplitData


class MemberScores(NamedTuple):
    """The first metric of a task, of each member and of the mean of their predictions.

    The latter is None where there are fewer than two members.
    """

    members: list[float]
    ensemble: float | None


def score_members(
    models: Sequence[Any],
    spec: TaskSpec,
    split: SplitData,
    watch: Callable[[list[np.ndarray]], None] | None = None,
) -> MemberScores:
    """Predict a split once with each model, and score the models and their mean.

    Predictions are scored batch by batch and not kept: those of a language model fill the memory.

    Args:
        watch: called with the predictions of each batch: of all models, and their mean last.
    """
    from tcn_search.models.ensemble import side_by_side
    from tcn_search.models.metrics import make_metrics

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
        predictions.append(np.mean(predictions, axis=0))
        for metric, predicted in zip(metrics, predictions, strict=True):
            metric.update_state(y, predicted)
        if watch is not None:
            watch(predictions)
    *members, ensemble = [float(metric.result()) for metric in metrics]
    if len(members) == 1:
        return MemberScores(members, None)
    return MemberScores(members, ensemble)
