"""Progress of a run, as numbers and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tcn_search.logs import LOGGER
from tcn_search.search.configuration_text import configuration_text
from tcn_search.search.definition import Definition
from tcn_search.search.ranking import ranked, validation_loss
from tcn_search.search.running_trial import RunningTrial
from tcn_search.search.shown_numbers import (
    names_beside_score,
    numbers_beside_score,
    score_in_words,
)
from tcn_search.search.trial_record import TrialRecord
from tcn_search.search.trial_values import settings_of
from tcn_search.text import time_left
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.trial import TrialOutcome


class BestTrial(NamedTuple):
    """The best complete trial of a study so far.

    Attributes:
        trial: its number.
        score, loss: its score, and its validation loss where that was recorded.
        numbers: the score and what is shown beside it, in words: "val_loss 0.41, val_accuracy 0.9".
        configuration: architecture and training settings in words.
    """

    trial: int
    score: float
    loss: float | None
    numbers: str
    configuration: str


class Progress(NamedTuple):
    """Progress of a run, after an epoch or a trial.

    Attributes:
        finished, wanted: numbers of trials.
        running: trials in training now, with the epochs they have done.
        best: score of the best trial so far, or None.
        seconds_left: estimate, or None before the first trial of the run has finished.
        trial: the trial that has just ended, or None after an epoch.
        text: how that trial ended, in words.
        configuration: its architecture and training settings, in words.
        best_trial: the best complete trial so far, or None.
        running_texts: of each trial in training, epoch and validation numbers, in words.
    """

    finished: int
    wanted: int
    running: dict[int, int]
    best: float | None
    seconds_left: float | None
    trial: int | None = None
    text: str = ""
    configuration: str = ""
    best_trial: BestTrial | None = None
    running_texts: Mapping[int, str] = {}

    def __str__(self) -> str:
        text = f"{self.finished} of {self.wanted} done"
        if self.best_trial is not None:
            text = f"best {self.best_trial.score:.4g} (trial {self.best_trial.trial}), {text}"
        if self.seconds_left is not None:
            left = time_left(self.seconds_left, is_last=self.finished >= self.wanted)
            if left:
                text += f", {left}"
        return text


def log_progress(progress: Progress) -> None:
    """Log three lines for each trial that ends."""
    if progress.trial is not None:
        LOGGER.info(
            "trial %d: %s\n    %s\n    %s",
            progress.trial,
            progress.text,
            progress.configuration,
            progress,
        )


@dataclass
class ShownTrials:
    """Words about the trials of a study.

    Args:
        definition: of the study.
        best: the best complete trial so far, or None.
    """

    definition: Definition
    best: BestTrial | None = None

    @classmethod
    def of(cls, definition: Definition, records: Sequence[TrialRecord]) -> ShownTrials:
        """Return the words about a study with these trials."""
        shown = cls(definition)
        for record in ranked(records, definition.objective.direction)[:1]:
            if record.outcome is not None:
                settings = settings_of(record, definition)
                configuration = configuration_text(record.built, settings)
                shown.best = shown._described(record.outcome, configuration)
        return shown

    def count(self, outcome: TrialOutcome, configuration: str) -> None:
        """Count a complete trial: of those with the best score, the one with the lowest loss."""
        new = self._described(outcome, configuration)
        if self.best is None or self._is_better(new, self.best):
            self.best = new

    def _is_better(self, new: BestTrial, best: BestTrial) -> bool:
        if new.score == best.score and new.loss is not None and best.loss is not None:
            return new.loss < best.loss
        return self.definition.objective.better(new.score, best.score)

    def _described(self, outcome: TrialOutcome, configuration: str) -> BestTrial:
        assert outcome.score is not None
        return BestTrial(
            trial=outcome.number,
            score=outcome.score,
            loss=validation_loss(outcome),
            numbers=self._numbers(outcome),
            configuration=configuration,
        )

    def _numbers(self, outcome: TrialOutcome) -> str:
        assert outcome.score is not None
        beside = numbers_beside_score(outcome, names_beside_score(self.definition))
        return score_in_words(self.definition.objective.name, outcome.score, beside)

    def ended(self, outcome: TrialOutcome) -> str:
        """Say how a trial ended: "val_loss 0.41, val_accuracy 0.9, pruned at 3 epochs, 12 s"."""
        text = ""
        if outcome.score is not None:
            of_folds = ""
            if len(outcome.folds) > 1:
                of_folds = f" over {len(outcome.folds)} folds"
            text = f"{self._numbers(outcome)}{of_folds}, "
        if outcome.status is TrialStatus.PRUNED:
            text += "pruned at "
        elif outcome.status is not TrialStatus.COMPLETE:
            text += f"{outcome.status.in_words}, "
        epochs = len(outcome.curve)
        text += f"{epochs} epoch" if epochs == 1 else f"{epochs} epochs"
        text += f", {outcome.seconds.get('total', 0):.0f} s"
        if outcome.reason:
            text += f" ({outcome.reason})"
        return text

    def running(self, trial: RunningTrial) -> str:
        """Say what a trial in training has reached: "epoch 3 of 8, val_loss 0.5"."""
        text = f"epoch {trial.epoch} of {trial.epochs}"
        objective = self.definition.objective.name
        if objective in trial.numbers:
            beside = {name: trial.numbers.get(name) for name in names_beside_score(self.definition)}
            text += f", {score_in_words(objective, trial.numbers[objective], beside)}"
        return text
