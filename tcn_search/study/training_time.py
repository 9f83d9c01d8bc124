"""How long an epoch of a final training takes, by the times of the trials."""

from __future__ import annotations

import statistics

from tcn_search.search.trial_record import TrialRecord


def seconds_an_epoch(record: TrialRecord, row_ratio: float = 1.0, validates: bool = True) -> float:
    """Return the seconds of an epoch of a trial's network; 0 where they are not known.

    It is the median over the epochs of the trial. Training takes `row_ratio` times as long as in
    the trial, validation as long as in the trial.

    Args:
        row_ratio: training rows, per training row of the trial.
        validates: whether the validation split is scored after each epoch.
    """
    outcome = record.outcome
    if outcome is None:
        return 0.0
    seconds = [numbers["seconds"] for numbers in outcome.curve if "seconds" in numbers]
    if not seconds:
        return 0.0
    training = outcome.seconds.get("training", 0.0)
    validation = outcome.seconds.get("validation", 0.0)
    share = 0.0
    if validation > 0:
        share = validation / (training + validation)
    parts = (1 - share) * row_ratio
    if validates:
        parts += share
    return statistics.median(seconds) * parts
