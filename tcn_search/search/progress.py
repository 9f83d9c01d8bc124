"""Progress of a run, as numbers and in words."""

from __future__ import annotations

from typing import NamedTuple

from tcn_search.logs import LOGGER
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.trial import TrialOutcome


class Progress(NamedTuple):
    """Progress of a run, after an epoch or a trial.

    Attributes:
        finished, wanted: numbers of trials.
        running: trials in training now, with the epochs they have done.
        best: score of the best trial so far, or None.
        seconds_left: estimate, or None before the first trial of the run has finished.
        trial: the trial that has just ended, or None after an epoch.
        text: how that trial ended, in words.
    """

    finished: int
    wanted: int
    running: dict[int, int]
    best: float | None
    seconds_left: float | None
    trial: int | None = None
    text: str = ""


def log_progress(progress: Progress) -> None:
    """Log two lines for each trial that ends."""
    if progress.trial is None:
        return
    summary = f"{progress.finished} of {progress.wanted} done"
    if progress.best is not None:
        summary = f"best {progress.best:.4g}, {summary}"
    if progress.seconds_left is not None:
        summary = f"{summary}, {minutes(progress.seconds_left)} left"
    LOGGER.info("trial %d: %s\n    %s", progress.trial, progress.text, summary)


def outcome_in_words(outcome: TrialOutcome, objective: str) -> str:
    """Say how a trial ended: "val_loss 0.41, pruned at 3 epochs, 12 s"."""
    text = ""
    if outcome.score is not None:
        of_folds = ""
        if len(outcome.folds) > 1:
            of_folds = f" over {len(outcome.folds)} folds"
        text = f"{objective} {outcome.score:.4g}{of_folds}, "
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


def minutes(seconds: float) -> str:
    """Format a time for people: "40 s", "3 min", "2 h 05 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    whole = round(seconds / 60)
    if whole < 60:
        return f"{whole} min"
    return f"{whole // 60} h {whole % 60:02d} min"
