"""Choose the portfolio: the configurations that a study tries first.

    python benchmarks/portfolio.py train --data-dir DIR     # hours; resumable
    python benchmarks/portfolio.py choose [--write]
    python benchmarks/portfolio.py order --data-dir DIR     # hours; resumable
    python benchmarks/portfolio.py gain --data-dir DIR      # hours; resumable

`train` trains every candidate once on each dataset of the half "dev" of the suite, as a trial of a
study with the defaults: networks like published ones, and the best trials of the suite's results.
`choose` takes those that together are best, and says what a portfolio chosen without a dataset is
worth on it; `--write` puts the portfolio into the package. `gain` runs two studies a dataset, one
that begins with a portfolio chosen without that dataset and one that begins with nothing, and
compares their best trials after 3, 6 and 12. All of these look at validation splits only.

Small validation splits rank networks by chance, and a study then prefers the first configuration of
the portfolio. Which one that is follows from longer trainings: `order` trains the first
configurations as long as final trainings, and scores them on the test splits of the half "dev". So
the suite's results on this half do not show what the portfolio is worth on new data. `choose` puts
the configurations that have such scores first, the best one before the others.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from portfolio_candidates import best_of_suite, each_once, key_of, like_published
from portfolio_choice import (
    COUNTS,
    Score,
    at_random,
    by_long_trainings,
    in_words,
    left_out,
    score_of,
    together_best,
    without,
)
from portfolio_training import SECONDS_OF_A_TRIAL, make_study, scratch_folder, train, train_long
from suite_statistics import compare
from suite_study import recorded_trials, usable_file
from suite_tables import HERE, RESULTS, datasets, read_result, read_results, write_result

import tcn_search as ts
from tcn_search.atomic_files import replacing
from tcn_search.search.portfolio import PortfolioEntry, portfolio, portfolio_from
from tcn_search.text import minutes

FOLDER = HERE / "portfolio_results"
PACKAGE_FILE = HERE.parent / "tcn_search" / "search" / "portfolio.json"
SIZE = 8


def scores_of(results: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Score]]:
    """Return the scores of complete trainings, by dataset and configuration."""
    return {
        dataset: {
            key: score_of(training["numbers"], result["classes"])
            for key, training in result["trainings"].items()
            if training["status"] == "complete"
        }
        for dataset, result in results.items()
    }


def entries_of(results: Mapping[str, Mapping[str, Any]]) -> dict[str, PortfolioEntry]:
    """Return the trained entries by their key."""
    rows = [
        training["entry"]
        for result in results.values()
        for training in result["trainings"].values()
    ]
    read = portfolio_from({"source": "", "configurations": rows}).configurations
    return {key_of(entry): entry for entry in read}


def choose(folder: Path, size: int, write: bool) -> None:
    """Print the portfolio and what it is worth; write it into the package if asked to."""
    results = read_results(folder, names_of_dev())
    if len(results) < 2:
        sys.exit(f"{folder} has {len(results)} datasets. Run `portfolio.py train` first.")
    scores = scores_of(results)
    entries = entries_of(results)
    long = long_accuracies(folder)
    order = by_long_trainings(together_best(scores, size), long)
    chosen = [entries[key] for key in order]
    for number, entry in enumerate(chosen, start=1):
        print(f"{number}. {entry.name}: {asdict(entry.architecture)} {entry.settings}")
    print(_title(len(scores)))
    print(f"  portfolio chosen without the dataset: {in_words(left_out(scores, size))}")
    print(f"  candidates at random:                 {in_words(at_random(scores))}")
    if write:
        values = {
            "source": (
                f"chosen by benchmarks/portfolio.py from {len(entries)} configurations, each "
                f"trained on {len(scores)} datasets: {', '.join(scores)}; the first ones are "
                f"ordered by their accuracy after longer trainings on {len(long)} datasets"
            ),
            "configurations": [asdict(entry) for entry in chosen],
            "forecasts": [asdict(entry) for entry in portfolio().forecasts],
        }
        portfolio_from(values)
        with replacing(PACKAGE_FILE) as part:
            part.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
        print(f"written to {PACKAGE_FILE}")


def long_accuracies(folder: Path) -> dict[str, dict[str, float]]:
    """Return what `order` has measured, by dataset and configuration."""
    results = read_results(folder / "long", names_of_dev())
    return {name: result["accuracies"] for name, result in results.items()}


def best_after(rows: Sequence[Mapping[str, Any]], direction: str) -> dict[int, float]:
    """Return the accuracy of the best complete trial after 3, 6, 12 finished trials.

    0 where none of them is complete.

    Args:
        rows: recorded trials, in their order.
        direction: of the score, "maximize" or "minimize".
    """
    finished = [row for row in rows if row["status"] in ("complete", "pruned")]
    sign = -1 if direction == "maximize" else 1
    found = {}
    for count in COUNTS:
        complete = [row for row in finished[:count] if row["status"] == "complete"]
        found[count] = 0.0
        if complete:
            best = min(complete, key=lambda row: sign * row["score"])
            found[count] = best["numbers"]["val_accuracy"]
    return found


def measure_gain(file: Path, order: Sequence[PortfolioEntry]) -> dict[str, Any]:
    """Run a study that begins with a portfolio, and one that begins with nothing."""
    found: dict[str, Any] = {"dataset": file.stem}
    with scratch_folder() as scratch:
        task = ts.load_task(str(usable_file(file, scratch)))
        for name, entries in (("with", order), ("without", ())):
            study, _ = make_study(name, task, entries, ts.SearchSettings(warm_start=False))
            study.run(max(COUNTS), trial_timeout=SECONDS_OF_A_TRIAL)
            found[name] = best_after(recorded_trials(study), study.definition.objective.direction)
    return found


def gain(files: Sequence[Path], folder: Path, size: int) -> None:
    """Measure the gain on each dataset that has none yet, and print what they are together."""
    results = read_results(folder, names_of_dev())
    scores = scores_of(results)
    entries = entries_of(results)
    place = folder / "gain"
    for file in with_time_left([file for file in files if file.stem in scores], place):
        order = [entries[key] for key in together_best(without(scores, file.stem), size)]
        write_result(place, measure_gain(file, order))
    found = read_results(place, names_of_dev())
    if not found:
        sys.exit(f"No dataset of the half dev has trainings in {folder}.")
    print(_title(len(found)))
    for name in ("with", "without"):
        rows = {
            dataset: {count: result[name][str(count)] for count in COUNTS}
            for dataset, result in found.items()
        }
        print(f"  {name} the portfolio: {in_words(rows)}")
    print(f"  better / equal / worse with it: {better_equal_worse(found)}")


def better_equal_worse(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Count the datasets on which a portfolio is better, equal and worse, for each of COUNTS."""
    texts = []
    for count in map(str, COUNTS):
        accuracies = {
            dataset: {name: result[name][count] for name in ("with", "without")}
            for dataset, result in found.items()
        }
        pair = compare(accuracies, "with", "without")
        assert pair is not None
        texts.append(f"{pair.wins} / {pair.ties} / {pair.losses}")
    return ", ".join(texts)


def with_time_left(files: Sequence[Path], folder: Path | None = None) -> Iterator[Path]:
    """Yield the files one after another, printing the time left; those with a result are left out.

    Args:
        folder: of the results; None yields every file.
    """
    left = [file for file in files if folder is None or read_result(folder, file.stem) is None]
    started = time.monotonic()
    for number, file in enumerate(left):
        text = ""
        if number:
            each = (time.monotonic() - started) / number
            text = f", about {minutes(each * (len(left) - number))} left"
        print(f"[{number + 1}/{len(left)}] {file.stem}{text}", flush=True)
        yield file


def present(names: Sequence[str], folder: Path) -> list[Path]:
    """Return the files of these datasets, and say which of them are absent."""
    paths = [(folder / f"{name}.npz").resolve() for name in names]
    absent = [file.stem for file in paths if not file.exists()]
    if absent:
        print(f"left out, not in {folder}: {', '.join(absent)}")
    return [file for file in paths if file.exists()]


def train_and_report(
    description: str,
    place: Path,
    train: Callable[[Path, Path], None],
    report: Callable[[Mapping[str, Mapping[str, Any]]], str],
) -> None:
    """Run a benchmark's command line: train on the datasets, if their folder is given, and report.

    Args:
        place: folder of the results, unless the command names another.
        train: called with a file and the folder of the results; trains what these lack.
        report: returns the text to print, given the results by dataset.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, help="folder with the .npz files")
    parser.add_argument("--only", default="", metavar="NAMES", help="datasets, with commas between")
    parser.add_argument("--folder", type=Path, default=place, help="of the results")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    if arguments.data_dir is not None:
        names = arguments.only.split(",") if arguments.only else names_of_dev()
        for file in with_time_left(present(names, arguments.data_dir)):
            train(file, folder)
    results = read_results(folder, names_of_dev())
    if not results:
        parser.error("there are no results yet: --data-dir is needed")
    print(report(results))


def names_of_dev() -> list[str]:
    """Return the names of the datasets of the half "dev"."""
    return [dataset.name for dataset in datasets() if dataset.half == "dev"]


def _title(datasets: int) -> str:
    counts = ", ".join(map(str, COUNTS))
    return (
        f"validation accuracy after {counts} trials: median over {datasets} datasets, and mean in "
        "brackets"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("train", "choose", "order", "gain"))
    parser.add_argument("--data-dir", type=Path, help="folder with the .npz files")
    parser.add_argument("--only", default="", metavar="NAMES", help="datasets, with commas between")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of the results")
    parser.add_argument("--suite", type=Path, default=RESULTS, help="results of suite.py")
    parser.add_argument(
        "--per-dataset", type=int, default=1, help="best trials of each result of the suite"
    )
    parser.add_argument("--size", type=int, default=SIZE, help="of the portfolio")
    parser.add_argument("--write", action="store_true", help="put the portfolio into the package")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    if arguments.command == "choose":
        choose(folder, arguments.size, arguments.write)
        return
    if arguments.data_dir is None:
        parser.error("--data-dir is needed")
    names = arguments.only.split(",") if arguments.only else names_of_dev()
    files = present(names, arguments.data_dir)
    if arguments.command == "gain":
        gain(files, folder, arguments.size)
        return
    if arguments.command == "order":
        for file in with_time_left(files):
            train_long(file, portfolio().configurations[: arguments.size], folder / "long")
        return
    suite = read_results(arguments.suite, names_of_dev())
    entries = each_once([*like_published(), *best_of_suite(suite.values(), arguments.per_dataset)])
    print(f"{len(entries)} configurations on {len(files)} datasets")
    for file in with_time_left(files):
        train(file, entries, folder)


if __name__ == "__main__":
    main()
