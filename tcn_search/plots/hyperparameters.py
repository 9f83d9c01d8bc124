"""Hyperparameters in a table of trials: which there are, and their values as categories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

# Columns of `Study.trials` that are no hyperparameters.
_RESULTS = {
    "trial",
    "state",
    "ended",
    "score",
    "fold_scores",
    "fold_std",
    "best_epoch",
    "epochs",
    "receptive_field",
    "output_receptive_field",
    "required_context",
    "seq_len",
    "parameters",
    "seconds",
    "outside_share",
    "reason",
    "machine",
    "started",
    "completed",
}
_NUMBERS_OF_RESULTS = ("val_", "seconds_")  # how the names of further ones begin
_MOST_VALUES = 6  # of a number that is shown value by value
_RANGES = 4


class Categories(NamedTuple):
    """Values of a hyperparameter as words.

    Attributes:
        words: of each trial.
        order: all of them, ascending.
    """

    words: pd.Series
    order: list[str]


def varied_hyperparameters(trials: pd.DataFrame, wanted: Sequence[str] | None = None) -> list[str]:
    """Return the hyperparameters that differ between trials; those that are wanted, if given.

    Raises:
        ValueError: a wanted column is not there.
    """
    if wanted is not None:
        missing = [name for name in wanted if name not in trials]
        if missing:
            raise ValueError(
                f"hyperparameters must be columns of the trials. Received: {missing[0]!r}"
            )
        return list(wanted)
    return [
        name
        for name in trials.columns
        if name not in _RESULTS
        and not name.startswith(_NUMBERS_OF_RESULTS)
        and trials[name].map(str).nunique() > 1
        and trials[name].notna().any()
        and not (name == "dilations" and _follow_from_levels(trials))
    ]


def _follow_from_levels(trials: pd.DataFrame) -> bool:
    """Return whether the trials with a number of levels all have the same dilations."""
    if "levels" not in trials:
        return False
    return bool((trials.groupby("levels")["dilations"].nunique() <= 1).all())


def is_numeric(values: pd.Series) -> bool:
    """Return whether a hyperparameter is a number; truth values are none."""
    known = values.dropna()
    return len(known) > 0 and all(
        isinstance(value, int | float | np.number) and not isinstance(value, bool | np.bool_)
        for value in known
    )


def categories(values: pd.Series) -> Categories:
    """Return the values of a hyperparameter as words; of many numbers, four ranges of them."""
    known = values.dropna()
    if not is_numeric(values):
        words = known.map(str)
        return Categories(words, sorted(words.unique()))
    numbers = known.astype(float)
    if numbers.nunique() <= _MOST_VALUES:
        order = [f"{number:g}" for number in sorted(numbers.unique())]
        return Categories(numbers.map("{:g}".format), order)
    ranges = pd.qcut(numbers, _RANGES, duplicates="drop")
    order = []
    words = pd.Series("", index=numbers.index)
    for interval in ranges.cat.categories:
        members = numbers[ranges == interval]
        if members.empty:
            continue
        word = f"{members.min():.2g} to {members.max():.2g}"
        if members.min() == members.max():
            word = f"{members.min():.2g}"
        words[members.index] = word
        order.append(word)
    return Categories(words, list(dict.fromkeys(order)))
