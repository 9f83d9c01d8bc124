"""A training outside the search, and the score on the test split: what `best` and `compare` have in common."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import with_config

from tcn_search.settings import TrainingSettings
from tcn_search.storage.stored_values import STRICT

if TYPE_CHECKING:
    from tcn_search.tasks.kinds import Metric
    from tcn_search.tasks.task import Task
    from tcn_search.trainers.fit import Training


@with_config(STRICT)
@dataclass(frozen=True)
class SeedRun:
    """One training of a candidate. `score` and `metric` are its best epoch's on the validation part.

    Both are NaN where it diverged in its first epoch.
    """

    trial: int
    seed: int
    score: float
    metric: float
    best_epoch: int
    seconds: float

    @property
    def diverged(self) -> bool:
        """Whether there is no model to speak of."""
        return math.isnan(self.score)


class Trained(NamedTuple):
    """A model with the weights of its best epoch, how it was trained, and its task's first metric in that epoch.

    The metric, on the validation part, is NaN where every epoch diverged.
    """

    model: Any
    training: Training
    metric: float

    @property
    def seconds(self) -> list[float]:
        """Of each epoch; the first has the compilation in it."""
        return [epoch["seconds"] for epoch in self.training.curve]


def train_once(
    build: Callable[[], Any], task: Task, settings: TrainingSettings, objective: Metric, seed: int
) -> Trained:
    """Seed everything, build a model and train it to its end."""
    import keras

    from tcn_search.trainers.fit import train

    keras.utils.set_random_seed(seed)
    model = build()
    training = train(model, task.training, settings, objective, keep_best=True)
    best = training.curve[training.best_epoch - 1] if training.best_epoch else {}
    return Trained(
        model, training, best.get(f"val_{task.spec.task_kind.metrics[0].name}", math.nan)
    )


def score_on_test(model: Any, task: Task) -> float:
    """The task's first metric on its test split."""
    part = task.test
    metric = task.spec.task_kind.metrics[0].name
    assert part is not None
    found = model.evaluate(
        part.X, part.y, batch_size=task.spec.sequences_at_once, verbose=0, return_dict=True
    )
    return float(found[metric])
