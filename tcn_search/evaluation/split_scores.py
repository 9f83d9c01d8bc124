"""Score predictions on a split, with the standard error that the size of the split leaves."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tcn_search.tasks.task_spec import TaskSpec
from tcn_search.tasks.training_data import SplitData

_MOST_BLOCKS = 20


class SplitScore(NamedTuple):
    """A metric on a split.

    Attributes:
        value: of the whole split.
        error: standard error of `value` over the examples; None where it is not known.
    """

    value: float
    error: float | None


def share_error(share: float, examples: int) -> float | None:
    """Return the standard error of a share of right answers, such as an accuracy.

    It is that of the binomial distribution after one right and one wrong answer more, so that it is
    not 0 where all answers are right. None without examples.

    >>> share_error(1.0, examples=8)
    0.09486832980505137
    """
    if examples < 1:
        return None
    likely = (share * examples + 1) / (examples + 2)
    return math.sqrt(likely * (1 - likely) / (examples + 2))


def split_score(
    predict: Callable[[np.ndarray], np.ndarray], split: SplitData, spec: TaskSpec
) -> SplitScore:
    """Score a function of sequences by the task's first metric.

    The standard error of an accuracy of sequences is binomial. That of other metrics comes from the
    scores of up to 20 blocks of consecutive examples, because neighbours may be alike, as windows
    of one series are.

    Args:
        predict: returns predictions for sequences (n, T, C) as a network does.
        split: validation or test split.
        spec: of the task.
    """
    from tcn_search.models.metrics import make_metrics

    whole = make_metrics(spec)[0]
    of_block = make_metrics(spec)[0]
    blocks = min(len(split), _MOST_BLOCKS)
    if spec.kind == "classification":
        blocks = 1
    values = []
    for block in np.array_split(np.arange(len(split)), blocks):
        of_block.reset_state()
        for first in range(block[0], block[-1] + 1, spec.sequences_at_once):
            rows = slice(first, min(first + spec.sequences_at_once, block[-1] + 1))
            predictions = np.ascontiguousarray(predict(split.X[rows]), dtype="float32")
            for metric in (whole, of_block):
                metric.update_state(split.y[rows], predictions)
        values.append(float(of_block.result()))
    value = float(whole.result())
    if spec.kind == "classification":
        return SplitScore(value, share_error(value, len(split)))
    if len(values) < 2:
        return SplitScore(value, None)
    return SplitScore(value, statistics.stdev(values) / math.sqrt(len(values)))


def score_model(model: Any, split: SplitData, spec: TaskSpec) -> SplitScore:
    """Score a Keras model as `split_score` scores a function."""

    def predict(X: np.ndarray) -> np.ndarray:
        outputs: np.ndarray = model.predict(X, batch_size=spec.sequences_at_once, verbose=0)
        return outputs

    return split_score(predict, split, spec)
