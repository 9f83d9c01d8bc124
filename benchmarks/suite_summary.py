"""The first sections of docs/results.md: how good the results are, and what limits them."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from suite_statistics import DIGITS, Accuracies, Pair, compare

CLEAR = 0.05  # a difference is clear if its two-sided p is smaller
NAMED = 4  # datasets that are named as the farthest above and below
FEW_TRIALS = 10
FEW_SEQUENCES = 20


class Distance(NamedTuple):
    """How far our accuracy on a dataset is above that of the best published model."""

    dataset: str
    above: float
    ours: float
    theirs: float
    model: str


def mean_accuracies(accuracies: Accuracies, ours: str, one: str) -> str:
    """Return our mean accuracy on all measured datasets in a sentence.

    Args:
        accuracies: of all measured datasets.
        ours: name of our accuracies that are compared.
        one: name of our accuracies of one network.
    """
    mean = statistics.fmean(row[ours] for row in accuracies.values())
    text = f"The mean test accuracy on the {len(accuracies)} measured datasets is {mean:.4f}"
    if one != ours:
        ones = statistics.fmean(row[one] for row in accuracies.values())
        text += f" for the ensemble that a study saves, and {ones:.4f} for one of its networks"
    return f"{text}. Compared with published models, by Wilcoxon's signed-rank test, it is"


def limits(results: Mapping[str, Mapping[str, Any]], unopened: Collection[str]) -> list[str]:
    """Return list items about what limits the results.

    Args:
        results: as the JSON files have them, by dataset.
        unopened: datasets that were not looked at before the defaults were settled.
    """
    few_trials = sum(_finished(result) < FEW_TRIALS for result in results.values())
    few_sequences = sum(
        result.get("sequences", {}).get("validation", FEW_SEQUENCES + 1) <= FEW_SEQUENCES
        for result in results.values()
    )
    new = len(set(results) & set(unopened))
    seen = (
        f"**Datasets that were looked at.** {len(results) - new} of the datasets were looked at "
        f"while the package was developed, {new} not. "
    )
    if new:
        seen += "Only the latter show what the defaults are worth on new problems."
    else:
        seen += "What the defaults are worth on new problems is therefore not known yet."
    return [
        "**Time.** Search and final trainings share minutes, and "
        f"{few_trials} of the {len(results)} studies finished fewer than {FEW_TRIALS} trials. The "
        "published FCN, ResNet, InceptionTime and LITETime were trained for 1,500 epochs or more.",
        "**Small validation splits.** A study chooses its winner on a fifth of the training "
        f"sequences. In {few_sequences} of the datasets these are {FEW_SEQUENCES} sequences or "
        "fewer, so the choice is partly luck.",
        "**One run.** Each accuracy is that of a single study. Most published ones are means or "
        "ensembles of 5 runs.",
        seen,
    ]


def _finished(result: Mapping[str, Any]) -> int:
    """Return the number of trials that were trained to their end or pruned."""
    trials = result["trials"]
    return trials.get("complete", 0) + trials.get("pruned", 0)


def standing(accuracies: Accuracies, ours: str, published: Sequence[str]) -> list[str]:
    """Return list items: than which models ours is clearly better, clearly worse, and neither."""
    better, worse, level = [], [], []
    for model in published:
        pair = compare(accuracies, ours, model)
        if pair is None or pair.p is None:
            continue
        if pair.p >= CLEAR:
            level.append(_in_words(model, pair))
        elif pair.wins > pair.losses:
            better.append(_in_words(model, pair))
        else:
            worse.append(_in_words(model, pair))
    groups = {
        "clearly better than": better,
        "clearly worse than": worse,
        "not clearly different from": level,
    }
    items = [f"**{name}** {'; '.join(models)}" for name, models in groups.items() if models]
    return items or ["not compared: fewer than six datasets are measured"]


def _in_words(model: str, pair: Pair) -> str:
    return f"{model} ({pair.ours:.3f} against {pair.theirs:.3f}, {pair.datasets} datasets)"


def farthest(accuracies: Accuracies, ours: str, published: Sequence[str]) -> str:
    """Return sentences about the datasets farthest above and below the best published model."""
    distances = []
    for dataset, row in accuracies.items():
        others = {model: row[model] for model in published if model in row}
        if ours not in row or not others:
            continue
        model = max(others, key=lambda name: others[name])
        above = round(round(row[ours], DIGITS) - round(others[model], DIGITS), DIGITS)
        distances.append(Distance(dataset, above, row[ours], others[model], model))
    distances.sort(key=lambda distance: distance.above)
    below = [distance for distance in distances if distance.above < 0]
    above = [distance for distance in reversed(distances) if distance.above > 0]
    text = (
        "Which published model is best differs from dataset to dataset. Ours is above the best of "
        f"them on {len(above)} datasets, equal to it on "
        f"{len(distances) - len(above) - len(below)} and below it on {len(below)}."
    )
    for name, shown in (("above", above[:NAMED]), ("below", below[:NAMED])):
        if shown:
            text += f" Farthest {name} it: {'; '.join(map(_distance_in_words, shown))}."
    return text


def _distance_in_words(distance: Distance) -> str:
    return (
        f"{distance.dataset} ({distance.ours:.3f} against {distance.theirs:.3f} of "
        f"{distance.model})"
    )
