"""Prefer a known configuration where the validation split does not tell the best trials apart.

The best of many trials on a split of six sequences is the luckiest one. Configurations of the
portfolio have been good on many datasets, so one of them wins unless the best trial is better by
more than two standard errors. Breiman et al. (1984, section 3.4.3) allow one standard error and
prefer the simplest model. We allow two, because the best of 20 equally good trials is on average
1.9 standard errors above their mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tcn_search.evaluation.final_training import SeedRun
from tcn_search.evaluation.spread import mean_and_spread
from tcn_search.search.portfolio import portfolio
from tcn_search.search.ranking import recorded_number
from tcn_search.search.trial_record import TrialRecord

_ACCURACY = "val_accuracy"
STANDARD_ERRORS = 2  # by which a trial must be better than the preferred one


@dataclass(frozen=True)
class Preference:
    """A trial that is chosen unless the best one is better by more than two standard errors.

    Attributes:
        trial: its number.
        best: number of the best trial of the search.
        standard_error: of the best trial's accuracy on the validation sequences.
    """

    trial: int
    best: int
    standard_error: float

    def applied(self, order: Sequence[int], runs: Sequence[SeedRun]) -> list[int]:
        """Return the order of trials, with the preferred one first unless the best is better.

        Args:
            order: numbers of trials, best first.
            runs: their results, with accuracies as metric.
        """
        of_best = [run for run in runs if run.trial == order[0]]
        own = [run for run in runs if run.trial == self.trial]
        if sum(run.diverged for run in own) > sum(run.diverged for run in of_best):
            return list(order)
        best_mean, _ = mean_and_spread([run.metric for run in of_best])
        mean, _ = mean_and_spread([run.metric for run in own])
        if not mean >= best_mean - STANDARD_ERRORS * self.standard_error:
            return list(order)
        return [self.trial, *(trial for trial in order if trial != self.trial)]


def preference_among(ranked: Sequence[TrialRecord], sequences: int) -> Preference | None:
    """Return the first configuration of the portfolio that is as good as the best trial, or None.

    Args:
        ranked: complete trials of a classification, best first.
        sequences: validation sequences that an accuracy is of.
    """
    accuracies = {record.number: _accuracy(record) for record in ranked}
    best = accuracies[ranked[0].number]
    error = standard_error(best, sequences)
    places = {entry.enqueued_as: place for place, entry in enumerate(portfolio().configurations)}
    least = best - STANDARD_ERRORS * error
    near = [
        record
        for record in ranked
        if record.enqueued_as in places and accuracies[record.number] >= least
    ]
    if not near:
        return None
    first = min(near, key=lambda record: places[record.enqueued_as or ""])
    return Preference(first.number, ranked[0].number, error)


def standard_error(accuracy: float, sequences: int) -> float:
    """Return the standard error of an accuracy, with one right and one wrong answer added.

    It divides by the sequences there are, and so is a little larger than `share_error`.

    >>> round(standard_error(1.0, 6), 3)
    0.135
    """
    share = (accuracy * sequences + 1) / (sequences + 2)
    return math.sqrt(share * (1 - share) / sequences)


def _accuracy(record: TrialRecord) -> float:
    """Return a trial's accuracy in its best epoch; NaN where it was not recorded."""
    accuracy = recorded_number(record.outcome, _ACCURACY)
    return math.nan if accuracy is None else accuracy
