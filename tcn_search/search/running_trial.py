"""A trial in training, as the search sees it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import optuna

from tcn_search.trial_status import TrialStatus
from tcn_search.workers.trial import TrialJob, TrialOutcome

TIME_IS_OVER = "the time is over"


@dataclass
class RunningTrial:
    """A trial in training.

    Attributes:
        trial: Optuna's.
        job: what is trained.
        epochs: of the whole trial, over all folds.
        started: in seconds since the run began.
        ends_with_run: whether the job's time limit is the end of the run, not the trial timeout.
        epoch: the last one reported.
        numbers: loss, metrics and seconds of that epoch; {} before the first one.
        was_ended: whether it was told to stop because the time of the run is over.
        score: best value of the objective so far, or None.
    """

    trial: optuna.Trial
    job: TrialJob
    epochs: int
    started: float
    ends_with_run: bool
    epoch: int = 0
    numbers: dict[str, float] = field(default_factory=dict)
    was_ended: bool = False
    score: float | None = None

    def seconds_to_the_end(self, now: float) -> float:
        """Estimate the seconds that the trial still needs, at its speed so far.

        Args:
            now: seconds since the run began.
        """
        seconds_an_epoch = (now - self.started) / max(1, self.epoch)
        return seconds_an_epoch * (self.epochs - self.epoch)

    def ended(self, outcome: TrialOutcome) -> TrialOutcome:
        """Return the outcome of the trial, which the end of the run may have cut short.

        Then it is pruned, with its best value so far. Without an epoch it is stale, so that the
        next run tries it again.
        """
        reached_the_end = self.ends_with_run and outcome.status is TrialStatus.TIMED_OUT
        if not reached_the_end and not (self.was_ended and outcome.status is TrialStatus.PRUNED):
            return outcome
        status = TrialStatus.PRUNED if outcome.curve else TrialStatus.STALE
        return replace(outcome, status=status, reason=TIME_IS_OVER)
