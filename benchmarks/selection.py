"""What each way of choosing between trained configurations brings.

    python benchmarks/selection.py --data-dir DIR [--only NAME,...]    # hours; resumable
    python benchmarks/selection.py                                     # the results that there are

The configurations of the portfolio are trained as trials are, with three seeds on one split and
over four folds, and then as long as final trainings on the whole training split. Every rule chooses
one configuration from the validation scores. It is judged by the accuracy that the long training of
this one has on up to 300 sequences of the test split. Only datasets of the suite's half "dev" are
used, whose test splits were looked at while the defaults were chosen.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

from portfolio import train_and_report
from portfolio_training import (
    accuracies_of,
    make_long_study,
    make_study,
    scored_on_test,
    scratch_folder,
)
from suite_study import machine, recorded_trials, usable_file, versions
from suite_tables import HERE, read_result, write_result

import tcn_search as ts
from tcn_search.evaluation.preference import STANDARD_ERRORS, standard_error
from tcn_search.search.portfolio import portfolio

FOLDER = HERE / "selection_results"
SEEDS = 3
FOLDS = 4
RERUN = 3  # best trials that are trained again

# Of one dataset: validation numbers by configuration for each seed, the order of which matters.
Trials = Sequence[Mapping[str, Mapping[str, float]]]


def most_accurate(trials: Trials, result: Mapping[str, Any]) -> str:
    """Choose by the validation accuracy of one training; of equal ones the first."""
    return max(trials[0], key=lambda name: trials[0][name]["val_accuracy"])


def lowest_loss(trials: Trials, result: Mapping[str, Any]) -> str:
    """Choose by the validation loss of one training."""
    return min(trials[0], key=lambda name: trials[0][name]["val_loss"])


def lowest_of_reruns(trials: Trials, result: Mapping[str, Any]) -> str:
    """Choose among the three of lowest loss by their mean loss over two more trainings."""
    best = sorted(trials[0], key=lambda name: trials[0][name]["val_loss"])[:RERUN]
    return min(best, key=lambda name: sum(numbers[name]["val_loss"] for numbers in trials[1:]))


def lowest_over_folds(trials: Trials, result: Mapping[str, Any]) -> str:
    """Choose by the mean validation loss over folds."""
    losses: Mapping[str, float] = result["folds"]
    return min(losses, key=lambda name: losses[name])


def preferred(trials: Trials, result: Mapping[str, Any]) -> str:
    """Choose as `best` does: the first configuration that the validation accuracies allow."""
    best = lowest_of_reruns(trials, result)
    means = {
        name: statistics.fmean(numbers[name]["val_accuracy"] for numbers in trials)
        for name in trials[0]
    }
    least = means[best] - STANDARD_ERRORS * standard_error(means[best], result["validation"])
    return next(name for name in trials[0] if means[name] >= least)


RULES: dict[str, Callable[[Trials, Mapping[str, Any]], str]] = {
    "accuracy of one training": most_accurate,
    "loss of one training": lowest_loss,
    "loss, the best three trained twice more": lowest_of_reruns,
    "the first of those within two standard errors": preferred,
    f"mean loss over {FOLDS} folds": lowest_over_folds,
}


def scores(result: Mapping[str, Any]) -> dict[str, float]:
    """Return the mean test accuracy of what each rule chooses, over the orders of the seeds."""
    test = result["test"]
    names = [
        name
        for name in test
        if name in result["folds"] and all(name in numbers for numbers in result["seeds"])
    ]
    complete = {**result, "folds": {name: result["folds"][name] for name in names}}
    seeds = [{name: numbers[name] for name in names} for numbers in result["seeds"]]
    found = {"the first configuration, always": test[names[0]]}
    found["any configuration, at random"] = statistics.fmean(test[name] for name in names)
    for rule, choose in RULES.items():
        found[rule] = statistics.fmean(
            test[choose(order, complete)] for order in permutations(seeds)
        )
    found["the best in hindsight"] = max(test[name] for name in names)
    return found


def train(file: Path, folder: Path) -> None:
    """Train what the dataset's result lacks, and add it."""
    result: dict[str, Any] = read_result(folder, file.stem) or {"dataset": file.stem, "seeds": []}

    def keep() -> None:
        write_result(folder, result | {"versions": versions(), "machine": machine()})

    entries = portfolio().configurations
    with scratch_folder() as scratch:
        usable = usable_file(file, scratch)
        task = ts.load_task(str(usable))
        result["validation"] = len(task.validation)
        for seed in range(len(result["seeds"]), SEEDS):
            settings = ts.SearchSettings(pruner="none", warm_start=False, seed=1000 * seed)
            study, start = make_study(f"seed {seed}", task, entries, settings)
            study.run(len(start.trials))
            result["seeds"].append(
                {row["name"]: row["numbers"] for row in recorded_trials(study) if _is_complete(row)}
            )
            keep()
        if "folds" not in result:
            settings = ts.SearchSettings(pruner="none", warm_start=False, folds=FOLDS)
            study, start = make_study("folds", task, entries, settings)
            study.run(len(start.trials))
            result["folds"] = {
                row["name"]: row["score"] for row in recorded_trials(study) if _is_complete(row)
            }
            keep()
        if "test" not in result:
            task = ts.load_task(str(scored_on_test(usable, scratch)))
            study, start = make_long_study("long", task, entries)
            study.run(len(start.trials))
            result["test"] = accuracies_of(study)
            keep()


def _is_complete(row: Mapping[str, Any]) -> bool:
    return bool(row["status"] == "complete")


def report(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a table of the rules: mean test accuracy over datasets of what they choose."""
    complete = {name: scores(result) for name, result in results.items() if "test" in result}
    lines = [
        f"{len(complete)} datasets: {', '.join(complete)}",
        "| chosen by | mean test accuracy |",
        "| --- | --- |",
    ]
    for rule in next(iter(complete.values()), {}):
        lines.append(f"| {rule} | {statistics.fmean(row[rule] for row in complete.values()):.4f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    train_and_report(str(__doc__), FOLDER, train, report)
