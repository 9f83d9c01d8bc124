"""Compare accuracies of models over datasets: means, ranks, wins and Wilcoxon's test."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy.stats import rankdata, wilcoxon

DIGITS = 3  # of most published accuracies; accuracies that are equal in them are a tie
FEWEST_FOR_THE_TEST = 6  # below, no p is under 0.05 (two-sided)
Accuracies = Mapping[str, Mapping[str, float]]  # by dataset, then by model


@dataclass(frozen=True)
class Pair:
    """Comparison of one model with another on the datasets for which both have an accuracy.

    Attributes:
        datasets: number of them.
        ours, theirs: mean accuracies.
        wins, ties, losses: datasets on which ours is better, equal or worse.
        p: of Wilcoxon's signed-rank test, two-sided; None for fewer than six datasets without a
            tie.
    """

    datasets: int
    ours: float
    theirs: float
    wins: int
    ties: int
    losses: int
    p: float | None


def compare(accuracies: Accuracies, ours: str, theirs: str) -> Pair | None:
    """Compare two models on their common datasets; None if there are none."""
    common = [models for models in accuracies.values() if ours in models and theirs in models]
    if not common:
        return None
    differences = [
        round(round(models[ours], DIGITS) - round(models[theirs], DIGITS), DIGITS)
        for models in common
    ]
    wins = sum(difference > 0 for difference in differences)
    losses = sum(difference < 0 for difference in differences)
    p = None
    if wins + losses >= FEWEST_FOR_THE_TEST:
        p = float(wilcoxon([each for each in differences if each]).pvalue)
    return Pair(
        datasets=len(common),
        ours=statistics.fmean(models[ours] for models in common),
        theirs=statistics.fmean(models[theirs] for models in common),
        wins=wins,
        ties=len(differences) - wins - losses,
        losses=losses,
        p=p,
    )


def mean_ranks(accuracies: Accuracies, models: Sequence[str]) -> tuple[int, dict[str, float]]:
    """Return the mean rank of each model, 1 for the best, and the number of datasets.

    They are those for which all of the models have an accuracy; equal ones share their ranks.
    """
    complete = [row for row in accuracies.values() if all(model in row for model in models)]
    if not complete:
        return 0, {}
    ranks = [
        rankdata([-round(row[model], DIGITS) for model in models], method="average")
        for row in complete
    ]
    means = {
        model: statistics.fmean(float(rank[position]) for rank in ranks)
        for position, model in enumerate(models)
    }
    return len(complete), means
