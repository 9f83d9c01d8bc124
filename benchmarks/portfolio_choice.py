"""Choose a portfolio: the configurations that together are best on recorded datasets."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

COUNTS = (3, 6, 12)
DRAWS = 200


class Score(NamedTuple):
    """Validation score of a training.

    Attributes:
        accuracy: on the validation split.
        loss: of the validation split, as a share of that of a constant answer, at most 1.
    """

    accuracy: float
    loss: float


WORST = Score(0.0, 1.0)  # also of a training that failed
Scores = Mapping[str, Mapping[str, Score]]  # by dataset, then by configuration


def score_of(numbers: Mapping[str, float], classes: int) -> Score:
    """Return the score by the numbers of the best epoch."""
    accuracy = numbers.get("val_accuracy", 0.0)
    loss = numbers.get("val_loss", math.inf) / math.log(classes)
    if not math.isfinite(loss):
        return Score(accuracy, 1.0)
    return Score(accuracy, min(1.0, loss))


def together_best(scores: Scores, size: int) -> list[str]:
    """Return the configurations that together are best, the best one alone first.

    They are chosen greedily: each time the one is added with which the mean over datasets of the
    best accuracy less the lowest loss is highest. The accuracy alone says little: on a few
    validation sequences many configurations reach 1. They are tried in the order of what each is
    worth alone, since a study prunes later trials by the first ones, and in doubt prefers the
    first.
    """
    known = sorted({name for row in scores.values() for name in row})
    chosen: list[str] = []
    while len(chosen) < min(size, len(known)):
        left = [name for name in known if name not in chosen]
        chosen.append(max(left, key=lambda name: _worth(scores, [*chosen, name])))
    return sorted(chosen, key=lambda name: -_worth(scores, [name]))


def by_long_trainings(
    names: Sequence[str], accuracies: Mapping[str, Mapping[str, float]]
) -> list[str]:
    """Return configurations with those first that long trainings have scored, the best one first.

    Args:
        names: in the order that holds for those which have not been scored.
        accuracies: on test splits after long trainings, by dataset, then by configuration. Only
            configurations count that have one on every dataset.
    """
    known = [
        name for name in names if accuracies and all(name in row for row in accuracies.values())
    ]
    known.sort(key=lambda name: -statistics.fmean(row[name] for row in accuracies.values()))
    return [*known, *(name for name in names if name not in known)]


def _worth(scores: Scores, names: Sequence[str]) -> float:
    """Return how good configurations are together; higher is better."""
    bests = [best_of(row, names) for row in scores.values()]
    return statistics.fmean(best.accuracy - best.loss for best in bests)


def best_of(row: Mapping[str, Score], names: Sequence[str]) -> Score:
    """Return highest accuracy and lowest loss of some configurations on a dataset."""
    found = [row.get(name, WORST) for name in names]
    return Score(max(each.accuracy for each in found), min(each.loss for each in found))


def without(scores: Scores, dataset: str) -> dict[str, Mapping[str, Score]]:
    """Return the scores of all other datasets."""
    return {name: row for name, row in scores.items() if name != dataset}


def left_out(scores: Scores, size: int) -> dict[str, dict[int, float]]:
    """Return for each dataset the accuracy after 3, 6, 12 trials of a portfolio without it."""
    found = {}
    for dataset, row in scores.items():
        order = together_best(without(scores, dataset), size)
        found[dataset] = {count: best_of(row, order[:count]).accuracy for count in COUNTS}
    return found


def at_random(scores: Scores, seed: int = 0) -> dict[str, dict[int, float]]:
    """Return for each dataset the mean accuracy after 3, 6, 12 trials of candidates at random."""
    draw = random.Random(seed)
    found: dict[str, dict[int, float]] = {}
    for dataset, row in scores.items():
        names = sorted(row)
        orders = [draw.sample(names, len(names)) for _ in range(DRAWS)]
        found[dataset] = {
            count: statistics.fmean(best_of(row, order[:count]).accuracy for order in orders)
            for count in COUNTS
        }
    return found


def in_words(found: Mapping[str, Mapping[int, float]]) -> str:
    """Return the median over datasets after each number of trials, and the mean in brackets.

    >>> in_words({"Coffee": {3: 1.0}, "Ham": {3: 0.8}, "Wine": {3: 0.9}})
    '0.900 (0.900)'
    """
    texts = []
    for count in next(iter(found.values())):
        values = [row[count] for row in found.values()]
        texts.append(f"{statistics.median(values):.3f} ({statistics.fmean(values):.3f})")
    return ", ".join(texts)
