"""Final trainings: what is wanted, and what comes of it."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pydantic import with_config

from tcn_search.baselines.contender_names import TCN
from tcn_search.search.ranking import VALIDATION_LOSS, recorded_number
from tcn_search.search.trial_record import Candidate
from tcn_search.storage.stored_values import STRICT
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.job_data import JobData

if TYPE_CHECKING:
    from tcn_search.workers.trial import TrialOutcome

_CANDIDATES = (TrialStatus.COMPLETE, TrialStatus.TIMED_OUT)  # timed out: see `ranked_within`


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
        seconds_an_epoch: median, without the first epoch, which includes the compilation, where
            there are others; 0 in runs of earlier versions.
        parameters: of the whole model; 0 in runs of earlier versions.
        from_start: whether the weights are those before the first epoch, which none was better
            than; then `best_epoch` is 0.
    """

    trial: int
    seed: int
    score: float
    metric: float
    best_epoch: int
    seconds: float
    loss: float | None = None
    seconds_an_epoch: float = 0.0
    parameters: int = 0
    from_start: bool = False

    @property
    def diverged(self) -> bool:
        """Whether the training diverged, so that it has no usable model."""
        return self.best_epoch == 0 and not self.from_start


class WantedTraining(NamedTuple):
    """A training that a study wants for its winner, or for a comparison.

    Attributes:
        candidate: the architecture, with the settings of this training.
        seed: of weights, shuffling and dropout.
        data: on which it trains.
        keeps_model: whether its model is needed.
        seconds_an_epoch: estimate for one worker; 0 where there is none.
        folds: number of its trainings, each with another fold held out.
        contender: the network, "tcn" or another one of a comparison.
        parameters: number of parameters to which a recurrent contender is sized.
        words: what is trained, where it is not a trial.
    """

    candidate: Candidate
    seed: int
    data: JobData
    keeps_model: bool
    seconds_an_epoch: float = 0.0
    folds: int = 1
    contender: str = TCN
    parameters: int = 0
    words: str = ""

    @property
    def title(self) -> str:
        """What is trained, in words."""
        return self.words or f"trial {self.candidate.trial}"

    @property
    def name(self) -> str:
        """What is trained with which seed, in words."""
        return f"{self.title} seed {self.seed}"

    @property
    def epochs(self) -> int:
        """Number of epochs, through all folds."""
        return self.candidate.settings.epochs * self.folds


class FinalTraining(NamedTuple):
    """Result of a wanted training, and the file of its model if there is one."""

    run: SeedRun
    model_file: Path | None


def run_of(wanted: WantedTraining, outcome: TrialOutcome, objective: str, metric: str) -> SeedRun:
    """Return the numbers of a trial or a final training; with folds, means over them.

    Args:
        objective: name of the validation number that ranks candidates.
        metric: name of the task's first metric.
    """
    is_usable = wanted.data is not JobData.TRIAL or outcome.status in _CANDIDATES
    epoch = outcome.best_epoch if is_usable else 0
    from_start = is_usable and not epoch and bool(outcome.start) and outcome.score is not None
    numbers: dict[str, float | None] = {}
    if wanted.data is not JobData.JOINED and (epoch or from_start):
        names = (objective, f"val_{metric}", VALIDATION_LOSS)
        numbers = {name: recorded_number(outcome, name) for name in names}
        if outcome.folds:
            numbers[objective] = outcome.score
    seconds = [row.get("seconds", 0.0) for row in outcome.curve]
    return SeedRun(
        trial=wanted.candidate.trial,
        seed=wanted.seed,
        score=_or_nan(numbers.get(objective)),
        metric=_or_nan(numbers.get(f"val_{metric}")),
        best_epoch=epoch,
        seconds=sum(seconds),
        loss=numbers.get(VALIDATION_LOSS),
        seconds_an_epoch=statistics.median(seconds[1:] or seconds or [0.0]),
        parameters=outcome.parameters or 0,
        from_start=from_start,
    )


def _or_nan(number: float | None) -> float:
    return math.nan if number is None else number


def fresh_seeds(count: int, used: Collection[int], first: int = 0) -> list[int]:
    """Return `count` seeds, from `first`, without those that something was chosen with.

    >>> fresh_seeds(3, {1, 7})
    [0, 2, 3]
    """
    seeds = (seed % 2**31 for seed in itertools.count(first))
    unused = (seed for seed in seeds if seed not in used)
    return list(itertools.islice(unused, count))
