"""What a study asks of whoever trains its trials, and the simplest answer: this process.

The study owns the search. An executor asks it for work whenever a place is free, tells it what was learnt
after every epoch and at the end, and obeys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tcn_search.workers.trial import EpochReport, TrialJob, TrialOutcome, run_trial

if TYPE_CHECKING:
    from tcn_search.tasks.training_data import TrainingData


class Owner(Protocol):
    """The side of the study."""

    def next_job(self) -> TrialJob | None:
        """The next trial to train, or None if there is none for now."""

    def keep_going(self, report: EpochReport) -> bool:
        """Take note of an epoch; False stops the trial."""

    def finish(self, outcome: TrialOutcome) -> None:
        """Take note of a trial's end."""


class Executor(Protocol):
    """Trains jobs until the owner has no more."""

    def run(self, owner: Owner) -> None:
        """Ask, train, report, until nothing runs and `owner.next_job()` gives None."""

    def close(self) -> None:
        """Stop what runs and give back every process."""


class InProcessExecutor:
    """One trial after the other in this process: for tests and debugging."""

    def __init__(self, data: TrainingData) -> None:
        self.data = data

    def run(self, owner: Owner) -> None:
        while (job := owner.next_job()) is not None:
            owner.finish(run_trial(job, self.data, owner.keep_going))

    def close(self) -> None:
        """Nothing is held."""
