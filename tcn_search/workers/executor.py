"""The interface between a search and an executor of its trials, and the simplest executor.

The search owns the trials. An executor asks it for a job whenever a worker slot is free, reports
every epoch and the outcome of every trial, and stops a trial when the search says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tcn_search.workers.trial import EpochReport, TrialJob, TrialOutcome
from tcn_search.workers.trial_training import run_trial

if TYPE_CHECKING:
    from tcn_search.tasks.training_data import TrainingData


class Owner(Protocol):
    """The search, as an executor sees it: it hands out jobs and receives their outcomes."""

    @property
    def needs_executor(self) -> bool:
        """Whether a further trial is to start: an executor that waits for a machine asks this."""

    def next_job(self) -> TrialJob | None:
        """Return the next trial to train, or None if there is none for now."""

    def keep_going(self, report: EpochReport) -> bool:
        """Record an epoch; return False to stop the trial."""

    def finish(self, outcome: TrialOutcome) -> None:
        """Record a trial's outcome."""


class Executor(Protocol):
    """Trains jobs until the owner has no more."""

    def run(self, owner: Owner) -> None:
        """Train and report until no job runs and `owner.next_job()` returns None."""

    def close(self) -> None:
        """Stop running trials and end every process of the executor."""


class InProcessExecutor:
    """Trains one trial after the other in this process: for tests and debugging.

    Args:
        data: the task's training and validation splits, such as `study.training_data`.
    """

    def __init__(self, data: TrainingData) -> None:
        self.data = data

    def run(self, owner: Owner) -> None:
        while (job := owner.next_job()) is not None:
            owner.finish(run_trial(job, self.data, owner.keep_going))

    def close(self) -> None:
        """Do nothing: there is no process to end."""
