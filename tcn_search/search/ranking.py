"""Rank trials by their score, and trials of equal score by their validation loss.

Accuracies of a small validation split take few values, so that many trials share the best one. The
loss tells them apart: it also weighs how sure a network is of its answers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import fmean

from tcn_search.search.trial_record import TrialRecord
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.trial import TrialOutcome

VALIDATION_LOSS = "val_loss"


def ranked(
    records: Iterable[TrialRecord], direction: str, status: TrialStatus = TrialStatus.COMPLETE
) -> list[TrialRecord]:
    """Return the complete trials, best first; the earlier trial first where all is equal.

    Args:
        records: of trials, by number.
        direction: of the score, "minimize" or "maximize".
        status: of the trials that are returned; those without a score are not.
    """
    sign = -1 if direction == "maximize" else 1

    def order(record: TrialRecord) -> tuple[float, float]:
        loss = validation_loss(record.outcome)
        assert record.score is not None
        return sign * record.score, math.inf if loss is None else loss

    with_score = [
        record for record in records if record.status is status and record.score is not None
    ]
    return sorted(with_score, key=order)


def validation_loss(outcome: TrialOutcome | None) -> float | None:
    """Return the validation loss in the best epoch, or None where it was not recorded."""
    return recorded_number(outcome, VALIDATION_LOSS)


def recorded_number(outcome: TrialOutcome | None, name: str) -> float | None:
    """Return a number of the curve in the best epoch, or None where it was not recorded."""
    if outcome is None or not (outcome.best_epoch or outcome.start):
        return None
    rows = outcome.curve or outcome.start
    if not rows or name not in rows[0]:
        return None
    return in_best_epoch(outcome, name)


def in_best_epoch(outcome: TrialOutcome, name: str) -> float:
    """Return a number of the curve in the best epoch; over several folds, the mean.

    The best epoch may be the start, before the first one.
    """
    if not outcome.folds:
        if not outcome.best_epoch:
            return float(outcome.start[0][name])
        return float(outcome.curve[outcome.best_epoch - 1][name])
    values = []
    for number, fold in enumerate(outcome.folds, start=1):
        epochs = [epoch for epoch in outcome.curve if epoch["fold"] == number]
        best = int(fold["best_epoch"])
        values.append(epochs[best - 1][name] if best else outcome.start[number - 1][name])
    return fmean(values)
