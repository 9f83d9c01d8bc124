"""Final trainings: train a candidate with a seed, and score a model on the test split."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import with_config

from tcn_search.custom_model.model_function import ModelFunction
from tcn_search.search.trial_record import Candidate
from tcn_search.settings import TrainingSettings
from tcn_search.storage.stored_values import STRICT
from tcn_search.trial_status import TrialStatus

if TYPE_CHECKING:
    from tcn_search.tasks.kinds import Metric
    from tcn_search.tasks.task import Task
    from tcn_search.tasks.training_data import TrainingData
    from tcn_search.trainers.fit import Training


@with_config(STRICT)
@dataclass(frozen=True)
class SeedRun:
    """The stored numbers of a candidate's training with one seed.

    Attributes:
        trial: number of the candidate.
        seed: of weights, shuffling and dropout.
        score, metric: objective and first metric on the validation split in the best epoch; NaN
            where the training diverged in its first epoch.
        best_epoch: from 1; 0 where there is none.
        seconds: of all epochs.
    """

    trial: int
    seed: int
    score: float
    metric: float
    best_epoch: int
    seconds: float

    @property
    def diverged(self) -> bool:
        """Whether the training diverged in its first epoch, so that it has no usable model."""
        return math.isnan(self.score)


class Trained(NamedTuple):
    """Result of a training.

    Attributes:
        model: with the weights of its best epoch.
        training: learning curve and score.
        metric: the task's first metric on the validation split in the best epoch; NaN where every
            epoch diverged.
    """

    model: Any
    training: Training
    metric: float

    @property
    def seconds(self) -> list[float]:
        """Seconds of each epoch; the first one includes the compilation."""
        return [epoch["seconds"] for epoch in self.training.curve]


def train_once(
    build: Callable[[], Any], task: Task, settings: TrainingSettings, objective: Metric, seed: int
) -> Trained:
    """Seed everything, build a model and train it to its end."""
    import keras

    from tcn_search.trainers.fit import train

    keras.utils.set_random_seed(seed)
    model = build()
    training = train(model, task.training, settings, objective)
    metric = math.nan
    if training.best_epoch:
        best = training.curve[training.best_epoch - 1]
        metric = best.get(f"val_{task.spec.task_kind.metrics[0].name}", math.nan)
    return Trained(model, training, metric)


class FinalTraining(NamedTuple):
    """A candidate's training with one seed, and its model; None if the training diverged."""

    run: SeedRun
    model: Any | None


@dataclass(frozen=True)
class FinalTrainer:
    """Trains candidates of a study.

    Args:
        task: with its data.
        objective: judges the epochs of a training.
        model_function: a user's own function that builds the model, or None.
    """

    task: Task
    objective: Metric
    model_function: ModelFunction | None

    def train(self, candidate: Candidate, seed: int) -> FinalTraining:
        """Train a candidate on the training split; its best epoch is kept."""

        def build() -> Any:
            return self._build(candidate, self.task)

        trained = train_once(build, self.task, candidate.settings, self.objective, seed)
        run = SeedRun(
            trial=candidate.trial,
            seed=seed,
            score=trained.training.score,
            metric=trained.metric,
            best_epoch=trained.training.best_epoch,
            seconds=sum(trained.seconds),
        )
        if run.diverged:
            return FinalTraining(run, model=None)
        return FinalTraining(run, trained.model)

    def refit(self, candidate: Candidate, seed: int, epochs: int) -> Any | None:
        """Train a candidate on training and validation split together, for so many epochs.

        The validation score is not used: the model has seen that split.

        Returns:
            The model after the last epoch; None if the training diverged.
        """
        import keras

        from tcn_search.trainers.fit import train

        keras.utils.set_random_seed(seed)
        data = self.task.training.joined()
        settings = replace(candidate.settings, epochs=epochs, patience=0, weights="last")
        model = self._build(replace(candidate, settings=settings), data)
        training = train(model, data, settings, self.objective)
        if training.status is TrialStatus.DIVERGED:
            return None
        return model

    def _build(self, candidate: Candidate, data: Task | TrainingData) -> Any:
        from tcn_search.models.build import build_model

        function = None
        if self.model_function is not None:
            function = self.model_function.load()
        return build_model(candidate.architecture, data, candidate.settings, function)


def score_on_test(model: Any, task: Task) -> float:
    """Return the task's first metric on its test split."""
    test = task.test
    assert test is not None
    metrics = model.evaluate(
        test.X, test.y, batch_size=task.spec.sequences_at_once, verbose=0, return_dict=True
    )
    return float(metrics[task.spec.task_kind.metrics[0].name])


def fresh_seeds(count: int, used: Collection[int]) -> list[int]:
    """Return the first `count` seeds, from 0, without those that something was chosen with.

    >>> fresh_seeds(3, {1, 7})
    [0, 2, 3]
    """
    unused = (seed for seed in itertools.count() if seed not in used)
    return list(itertools.islice(unused, count))
