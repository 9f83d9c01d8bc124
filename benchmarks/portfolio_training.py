"""Train configurations for the portfolio: as trials, or as long as final trainings."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from portfolio_candidates import key_of
from suite_study import machine, recorded_trials, usable_file, versions
from suite_tables import read_result, write_result

import tcn_search as ts
from tcn_search.search.definition import Definition
from tcn_search.search.known_configurations import KnownConfiguration
from tcn_search.search.portfolio import PortfolioEntry, architecture_in, settings_in
from tcn_search.search.warm_start import WarmStart, warm_start
from tcn_search.study.creation import store_study
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.backends import resolve_backend

SECONDS_OF_A_TRIAL = 120.0
MOST_SCORED = 300  # sequences of a test split; every epoch is scored


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Work in a folder of its own, which is removed at the end."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="portfolio-") as folder:
        os.chdir(folder)
        try:
            yield Path(folder)
        finally:
            os.chdir(before)


def make_study(
    name: str,
    task: ts.Task,
    entries: Sequence[PortfolioEntry],
    search: ts.SearchSettings,
    *,
    long: bool = False,
    changes: Mapping[str, Any] | None = None,
) -> tuple[ts.Study, WarmStart]:
    """Create a study that tries these entries first.

    Args:
        long: train as many epochs as in final trainings.
        changes: training settings that are not the defaults.
    """
    definition = replace(Definition.of(task, search=search), backend=resolve_backend("auto"))
    training = replace(definition.training, **(changes or {}))
    if long:
        training = replace(training, epochs=definition.final_epochs)
    definition = replace(definition, training=training)
    space = definition.task_space()
    configurations = [
        KnownConfiguration(
            key_of(entry), architecture_in(entry, space, "relu"), settings_in(entry, space)
        )
        for entry in entries
    ]
    start = warm_start(definition, configurations)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    store_study(name, None, definition, start)
    return ts.load_study(name), start


def train(file: Path, entries: Sequence[PortfolioEntry], folder: Path) -> None:
    """Train the entries that the dataset's result lacks, and add them to it.

    Raises:
        SystemExit: the earlier ones were trained for another number of epochs.
    """
    result = read_result(folder, file.stem) or {"dataset": file.stem, "trainings": {}}
    missing = [entry for entry in entries if key_of(entry) not in result["trainings"]]
    if not missing:
        return
    with scratch_folder() as scratch:
        task = ts.load_task(str(usable_file(file, scratch)))
        search = ts.SearchSettings(pruner="none", warm_start=False)
        study, start = make_study(file.stem, task, missing, search)
        result["epochs"] = epochs_of(study, result, "trainings", folder)
        study.run(len(start.trials), trial_timeout=SECONDS_OF_A_TRIAL)
        rows = {row["name"]: row for row in recorded_trials(study)}
    for entry in missing:
        row = rows.get(key_of(entry), {})
        result["trainings"][key_of(entry)] = {
            "entry": asdict(entry),
            "status": row.get("status", "outside the space, or the same as another"),
            "numbers": row.get("numbers", {}),
            "seconds": row.get("seconds"),
        }
    result |= {"classes": task.spec.outputs, "versions": versions(), "machine": machine()}
    write_result(folder, result)


def epochs_of(study: ts.Study, result: Mapping[str, Any], kept: str, folder: Path) -> int:
    """Return the epochs of a study's trainings.

    Args:
        result: of the study's dataset, with earlier trainings under the name `kept`.

    Raises:
        SystemExit: these were of another number of epochs, and are no match for new ones.
    """
    epochs = study.definition.training.epochs
    if result[kept] and result.get("epochs") != epochs:
        sys.exit(
            f"{result['dataset']}: the trainings in {folder} were of "
            f"{result.get('epochs', 'an unknown number of')} epochs, new ones would be of "
            f"{epochs}. Take another --folder."
        )
    return epochs


def scored_on_test(file: Path, folder: Path) -> Path:
    """Write a copy of a file with up to 300 of its test sequences as validation split."""
    with np.load(file, allow_pickle=False) as opened:
        arrays = {name: opened[name] for name in opened.files}
    sequences = len(arrays["X_test"])
    kept = np.random.default_rng(0).permutation(sequences)[:MOST_SCORED]
    for part in ("X", "y", "lengths"):
        arrays[f"{part}_val"] = arrays[f"{part}_test"][kept]
    written = folder / f"scored-{file.name}"
    np.savez(written, **arrays)
    return written


def train_long(file: Path, entries: Sequence[PortfolioEntry], folder: Path) -> None:
    """Train the entries that the result lacks as long as final trainings, and score them on test.

    The whole training split is used, as in a refit.
    """
    result = read_result(folder, file.stem) or {"dataset": file.stem, "accuracies": {}}
    missing = [entry for entry in entries if key_of(entry) not in result["accuracies"]]
    if not missing:
        return
    with scratch_folder() as scratch:
        task = ts.load_task(str(scored_on_test(usable_file(file, scratch), scratch)))
        study, start = make_long_study(file.stem, task, missing)
        result["epochs"] = epochs_of(study, result, "accuracies", folder)
        study.run(len(start.trials))
        result["accuracies"] |= accuracies_of(study)
    result |= {"versions": versions(), "machine": machine()}
    write_result(folder, result)


def make_long_study(
    name: str,
    task: ts.Task,
    entries: Sequence[PortfolioEntry],
    changes: Mapping[str, Any] | None = None,
) -> tuple[ts.Study, WarmStart]:
    """Create a study that trains each entry to the end, as long as final trainings."""
    search = ts.SearchSettings(pruner="none", warm_start=False)
    return make_study(name, task, entries, search, long=True, changes=changes)


def accuracies_of(study: ts.Study) -> dict[str, float]:
    """Return the validation accuracy of each entry's weights at the end of its training.

    These are the weights of the last epoch, or with `weights = "lowest_loss"` those of the last
    epoch whose training loss no other one is below.
    """
    found = {}
    for record in study.results.records():
        if record.enqueued_as and record.outcome and record.status is TrialStatus.COMPLETE:
            kept = record.outcome.curve[-1]
            if study.definition.training.weights == "lowest_loss":
                kept = min(reversed(record.outcome.curve), key=lambda epoch: epoch["loss"])
            found[record.enqueued_as] = kept["val_accuracy"]
    return found
