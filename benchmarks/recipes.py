"""What each part of the training recipe brings: final trainings with one setting changed at a time.

    python benchmarks/recipes.py --data-dir DIR [--only NAME,...]    # hours; resumable
    python benchmarks/recipes.py                                     # the results that there are

The first two configurations of the portfolio, one with batch norm and one with weight norm, are
trained as long as final trainings on the whole training split, and scored on up to 300 sequences of
the test split. Only datasets of the suite's half "dev" are used, whose test splits were looked at
while the defaults were chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from portfolio import train_and_report
from portfolio_candidates import key_of
from portfolio_training import (
    accuracies_of,
    epochs_of,
    make_long_study,
    scored_on_test,
    scratch_folder,
)
from suite_statistics import Accuracies, compare
from suite_study import machine, usable_file, versions
from suite_tables import HERE, read_result, write_result

import tcn_search as ts
from tcn_search.search.portfolio import portfolio

FOLDER = HERE / "recipe_results"
CONFIGURATIONS = 2
DEFAULTS = "the defaults"
RECIPES: dict[str, dict[str, Any]] = {
    DEFAULTS: {},
    "constant learning rate": {"schedule": "constant"},
    "plateau of the training loss, weights of the lowest": {
        "schedule": "train_plateau",
        "weights": "lowest_loss",
    },
    "moving average of the weights": {"weights": "ema"},
    "warm-up in the first tenth": {"warmup": 0.1},
    "labels smoothed by 0.1": {"label_smoothing": 0.1},
    "inputs normalised by series": {"input_norm": "series"},
}


def train(file: Path, folder: Path) -> None:
    """Train with the recipes that the dataset's result lacks, and add them to it."""
    result = read_result(folder, file.stem) or {"dataset": file.stem, "accuracies": {}}
    for recipe, changes in RECIPES.items():
        if recipe in result["accuracies"]:
            continue
        print(f"{file.stem}: {recipe}", flush=True)
        with scratch_folder() as scratch:
            task = ts.load_task(str(scored_on_test(usable_file(file, scratch), scratch)))
            entries = portfolio().configurations[:CONFIGURATIONS]
            study, start = make_long_study("recipe", task, entries, changes)
            result["epochs"] = epochs_of(study, result, "accuracies", folder)
            study.run(len(start.trials))
            result["accuracies"][recipe] = accuracies_of(study)
        result |= {"versions": versions(), "machine": machine()}
        write_result(folder, result)


def report(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a table for each configuration: every recipe beside the defaults."""
    texts = []
    for entry in portfolio().configurations[:CONFIGURATIONS]:
        accuracies = {
            name: {
                recipe: trained[key_of(entry)]
                for recipe, trained in result["accuracies"].items()
                if key_of(entry) in trained
            }
            for name, result in results.items()
        }
        texts.append(
            f"{entry.architecture.norm} norm, {entry.architecture.readout} over time:\n"
            + "\n".join(_rows(accuracies))
        )
    return "\n\n".join(texts)


def _rows(accuracies: Accuracies) -> Iterator[str]:
    """Yield the lines of a configuration's table."""
    yield "| recipe | datasets | mean accuracy | defaults | better / equal / worse | p |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for recipe in list(RECIPES)[1:]:
        pair = compare(accuracies, recipe, DEFAULTS)
        if pair is not None:
            p = "–" if pair.p is None else f"{pair.p:.3f}"
            yield (
                f"| {recipe} | {pair.datasets} | {pair.ours:.4f} | {pair.theirs:.4f} "
                f"| {pair.wins} / {pair.ties} / {pair.losses} | {p} |"
            )


if __name__ == "__main__":
    train_and_report(str(__doc__), FOLDER, train, report)
