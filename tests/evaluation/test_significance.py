"""The test behind verdicts: against SciPy, its rate of false alarms, and its words."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import ttest_ind

from tcn_search.evaluation.significance import Scored, difference
from tcn_search.evaluation.split_scores import share_error
from tcn_search.tasks.kinds import ACCURACY, MSE


@pytest.mark.parametrize("shift", [0.0, 0.02, 0.2])
def test_without_an_error_over_examples_it_is_the_t_test(shift: float) -> None:
    generator = np.random.default_rng(0)
    first = generator.normal(0.8, 0.02, size=4)
    second = generator.normal(0.8 - shift, 0.02, size=3)
    gap = difference(Scored(tuple(first)), Scored(tuple(second)), ACCURACY, examples=0)
    assert gap.is_clear == (ttest_ind(first, second).pvalue < 0.05)
    assert gap.ahead == pytest.approx(first.mean() - second.mean())


def test_equal_contenders_are_rarely_called_different() -> None:
    generator = np.random.default_rng(0)
    false_alarms = 0
    for _ in range(400):
        scores = [tuple(generator.binomial(60, 0.8, size=3) / 60) for _ in range(2)]
        scored = [Scored(each, share_error(float(np.mean(each)), 60)) for each in scores]
        false_alarms += difference(*scored, ACCURACY, 60).is_clear
    assert false_alarms / 400 <= 0.05


def test_a_real_difference_on_a_large_split_is_found() -> None:
    first = Scored((0.95, 0.94, 0.95), share_error(0.947, 2_000))
    second = Scored((0.90, 0.91, 0.90), share_error(0.903, 2_000))
    assert difference(first, second, ACCURACY, 2_000).is_better
    assert difference(second, first, ACCURACY, 2_000).is_worse
    small = difference(
        Scored(first.scores, share_error(0.947, 41)),
        Scored(second.scores, share_error(0.903, 41)),
        ACCURACY,
        41,
    )
    assert not small.is_clear
    assert small.evidence == (
        "0.043 apart, where 0.13 would be needed at 5% with 3 seeds and 41 examples"
    )


def test_lower_errors_are_better() -> None:
    gap = difference(Scored((0.1, 0.11)), Scored((0.5, 0.52)), MSE, examples=0)
    assert gap.is_better
    assert gap.evidence == "0.41 apart, more than the 0.048 needed at 5% with 2 seeds"


def test_one_seed_each_gives_no_verdict() -> None:
    gap = difference(Scored((0.9,)), Scored((0.5,)), ACCURACY, examples=0)
    assert not gap.is_clear
    assert math.isnan(gap.needed)
    assert gap.evidence == "0.4 apart; 1 seed says nothing about chance, train more seeds"


def test_a_contender_without_seeds_has_the_chance_of_the_examples_alone() -> None:
    first = Scored((0.9,), share_error(0.9, 100), has_seeds=False)
    second = Scored((0.8,), share_error(0.8, 100), has_seeds=False)
    gap = difference(first, second, ACCURACY, 100)
    assert gap.needed == pytest.approx(0.1, rel=0.1)
    assert gap.basis == "100 examples"
