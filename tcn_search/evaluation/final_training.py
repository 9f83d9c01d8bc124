"""Final trainings: what is wanted, what comes of it; and trainings in this process."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import with_config

from tcn_search.search.trial_record import Candidate
from tcn_search.settings import TrainingSettings
from tcn_search.storage.stored_values import STRICT
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.job_data import JobData

if TYPE_CHECKING:
    from tcn_search.tasks.kinds import Metric
    from tcn_search.tasks.task import Task
    from tcn_search.trainers.fit import Training
    from tcn_search.workers.trial import TrialOutcome


@with_config(STRICT)
@dataclass(frozen=True)
class SeedRun:
    """The stored numbers of a candidate's training with one seed.

    Attributes:
        trial: number of the candidate.
        seed: of weights, shuffling and dropout.
        score, metric: objective and first metric on the validation split, with the weights that
            were kept; NaN where the training diverged, or had the validation split to train on.
        best_epoch: epoch of the weights that were kept, from 1; 0 where the training diverged so
            that none can be used.
        seconds: of all epochs.
        loss: on the validation split, as `score`; None where there is none.
    """

    trial: int
    seed: int
    score: float
    metric: float
    best_epoch: int
    seconds: float
    loss: float | None = None

    @property
    def diverged(self) -> bool:
        """Whether the training diverged, so that it has no usable model."""
        return self.best_epoch == 0


class WantedTraining(NamedTuple):
    """A training that a study wants for its winner.

    Attributes:
        candidate: the architecture, with the settings of this training.
        seed: of weights, shuffling and dropout.
        data: on which it trains.
        keeps_model: whether its model is needed.
        seconds_an_epoch: estimate for one worker; 0 where there is none.
        folds: number of its trainings, each with another fold held out.
    """

    candidate: Candidate
    seed: int
    data: JobData
    keeps_model: bool
    seconds_an_epoch: float = 0.0
    folds: int = 1

    @property
    def name(self) -> str:
        """Trial and seed, in words."""
        return f"trial {self.candidate.trial} seed {self.seed}"

    @property
    def epochs(self) -> int:
        """Number of epochs, through all folds."""
        return self.candidate.settings.epochs * self.folds


class FinalTraining(NamedTuple):
    """Result of a wanted training, and the file of its model if there is one."""

    run: SeedRun
    model_file: Path | None


def run_of(wanted: WantedTraining, outcome: TrialOutcome, objective: str, metric: str) -> SeedRun:
    """Return the numbers of a trial or a final training that is complete or has diverged.

    Args:
        objective: name of the validation number that ranks candidates.
        metric: name of the task's first metric.
    """
    epoch = _kept_epoch(wanted, outcome)
    numbers: dict[str, float] = {}
    if epoch and wanted.data is not JobData.JOINED and not outcome.folds:
        numbers = outcome.curve[epoch - 1]
    score = numbers.get(objective, math.nan)
    if epoch and outcome.folds and outcome.score is not None:
        score = outcome.score
    return SeedRun(
        trial=wanted.candidate.trial,
        seed=wanted.seed,
        score=score,
        metric=numbers.get(f"val_{metric}", math.nan),
        best_epoch=epoch,
        seconds=sum(row.get("seconds", 0.0) for row in outcome.curve),
        loss=numbers.get("val_loss"),
    )


def _kept_epoch(wanted: WantedTraining, outcome: TrialOutcome) -> int:
    """Return the epoch of the score, from 1; 0 if the training is of no use."""
    if wanted.data is JobData.TRIAL and outcome.status is not TrialStatus.COMPLETE:
        return 0
    return outcome.best_epoch


class Trained(NamedTuple):
    """Result of a training in this process.

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
