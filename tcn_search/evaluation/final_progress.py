"""Progress of final trainings, as numbers and in words, with an estimate of the time left."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tcn_search.evaluation.final_training import SeedRun, WantedTraining
from tcn_search.logs import LOGGER
from tcn_search.search.ranking import VALIDATION_LOSS
from tcn_search.search.shown_numbers import score_in_words
from tcn_search.text import time_left


class FinalProgress(NamedTuple):
    """Progress of one stage of final trainings.

    Attributes:
        stage: what is trained: "re-runs" or "final trainings".
        finished, wanted: numbers of trainings in this stage.
        running: trainings now, each with its epochs done and its epochs in all.
        best: best validation score so far, or None.
        seconds_left: estimate for this stage and the stage after it; None where nothing is known.
        run: the training that has just finished, or None.
        training: which one that was.
        objective, metric: names of the numbers in `SeedRun.score` and `SeedRun.metric`.
        best_text: the training with the best score and its validation numbers, in words.
        running_texts: of each training now, epoch and validation numbers, in words.
        step: what is done now where that is no training, in words: "scoring on the test split".
    """

    stage: str
    finished: int
    wanted: int
    running: dict[str, tuple[int, int]]
    best: float | None
    seconds_left: float | None
    run: SeedRun | None = None
    training: WantedTraining | None = None
    objective: str = ""
    metric: str = ""
    best_text: str = ""
    running_texts: Mapping[str, str] = {}
    step: str = ""

    @classmethod
    def of_step(cls, step: str) -> FinalProgress:
        """Return the progress of a step before or after all trainings."""
        return cls(
            stage="", finished=0, wanted=0, running={}, best=None, seconds_left=None, step=step
        )

    def __str__(self) -> str:
        text = f"{self.finished} of {self.wanted} {self.stage} done"
        if self.best is not None:
            text = f"best {self.best:.4g}, {text}"
        if self.seconds_left is not None:
            left = time_left(self.seconds_left, is_last=self.finished >= self.wanted)
            if left:
                text += f", about {left}"
        return text


def log_final_progress(progress: FinalProgress) -> None:
    """Log a line at the start, one for each training that ends, and one for each other step."""
    if progress.step:
        LOGGER.info("%s ...", progress.step)
    elif progress.run is not None:
        LOGGER.info("%s\n    %s", run_in_words(progress), progress)
    elif not progress.running and progress.finished < progress.wanted:
        LOGGER.info("%s", progress)


def run_in_words(progress: FinalProgress) -> str:
    """Say how the last training ended: "trial 3, seed 1: val_loss 0.41, epoch 10, 12 s"."""
    run = progress.run
    assert run is not None
    assert progress.training is not None
    text = f"{progress.training.title}, seed {run.seed}: "
    if run.diverged:
        text += "diverged"
    elif math.isnan(run.score):  # the validation split was trained on
        text += f"{run.best_epoch} epochs"
    else:
        numbers = numbers_of_run(run, progress.objective, progress.metric)
        text += f"{numbers}, epoch {run.best_epoch}"
    return f"{text}, {run.seconds:.0f} s"


def numbers_of_run(run: SeedRun, objective: str, metric: str) -> str:
    """Return the validation numbers of a training in words: "val_loss 0.41, val_accuracy 0.9"."""
    beside: dict[str, float | None] = {}
    if objective != VALIDATION_LOSS:
        beside[VALIDATION_LOSS] = run.loss
    if objective != f"val_{metric}" and not math.isnan(run.metric):
        beside[f"val_{metric}"] = run.metric
    return score_in_words(objective, run.score, beside)


class TimeLeft:
    """Estimate the time that is left from the epochs that are left.

    Until two epochs are over, an epoch takes as long as in the trials; from then on the estimates
    are scaled by what the epochs have taken. The time before the first epoch is over does not
    count: workers start in it, and compile.

    Args:
        wanted: trainings that are left.
        workers: number of trainings at the same time.
        later: trainings of the next stage.
    """

    def __init__(
        self, wanted: Sequence[WantedTraining], workers: int, later: Sequence[WantedTraining]
    ) -> None:
        self._known = all(training.seconds_an_epoch > 0 for training in [*wanted, *later])
        self._workers = workers
        self._later = sum(training.epochs * _cost(training) for training in later)
        self._left = sum(training.epochs * _cost(training) for training in wanted)
        self._trainings = len(wanted)
        self._done = 0.0  # cost of the epochs since the first one
        self._first_epoch: float | None = None  # when it was over

    def count_epoch(self, wanted: WantedTraining) -> None:
        """Count an epoch that is over."""
        if self._first_epoch is None:
            self._first_epoch = time.monotonic()
        else:
            self._done += _cost(wanted)
        self._left -= _cost(wanted)

    def skip(self, wanted: WantedTraining, epochs: int) -> None:
        """Count the epochs that a finished training did not need."""
        self._left -= max(0, wanted.epochs - epochs) * _cost(wanted)

    def repeat(self, wanted: WantedTraining, epochs: int) -> None:
        """Count the epochs of a training that is tried again as not done."""
        self._left += epochs * _cost(wanted)

    def seconds(self) -> float | None:
        """Return the seconds left, or None where nothing is known yet."""
        parallel = max(1, min(self._workers, self._trainings))
        if self._first_epoch is not None and self._done:
            factor = (time.monotonic() - self._first_epoch) * parallel / self._done
        elif self._known:
            factor = 1.0
        else:
            return None
        left = max(0.0, self._left) * factor / parallel
        return left + self._later * factor / self._workers


def _cost(wanted: WantedTraining) -> float:
    """Return the seconds of an epoch, or 1 where they are not known."""
    return wanted.seconds_an_epoch or 1.0
