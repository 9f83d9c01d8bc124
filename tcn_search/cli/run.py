"""`tcn-search run`: launches a study, or continues it."""

from __future__ import annotations

import argparse
import re
import signal
import time
from typing import TYPE_CHECKING

from tcn_search.cli.find_study import add_storage_argument
from tcn_search.errors import InputError

if TYPE_CHECKING:
    from tcn_search.study.study import Study


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "study",
        metavar="STUDY.toml",
        help="a study file, or an .npz with X_train and y_train for a study of defaults",
    )
    parser.add_argument(
        "--trials", type=int, metavar="N", help="finished trials that the study shall have in the end"
    )
    parser.add_argument(
        "--timeout", metavar="TIME", help="start no further trial after this time: 90s, 30m, 2h"
    )
    parser.add_argument(
        "--workers", type=int, default=1, metavar="N", help="trials at the same time (default: 1)"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a value in place of the file's: training.epochs=5",
    )
    add_storage_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    import optuna

    from tcn_search.cli.progress import show_progress
    from tcn_search.study.study import Study
    from tcn_search.study.study_file import parse_change, read_study_file

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    file = read_study_file(arguments.study, dict(map(parse_change, arguments.set)))
    timeout = None if arguments.timeout is None else seconds(arguments.timeout)
    trials = file.trials if arguments.trials is None else arguments.trials
    if trials < 1:
        raise InputError(f"--trials must be at least 1. Received: {trials}")
    if arguments.workers < 1:
        raise InputError(f"--workers must be at least 1. Received: {arguments.workers}")
    task = file.load_task()
    study = Study(
        file.name,
        task,
        file.space,
        file.constraints,
        file.training_settings(task),
        file.search,
        storage=arguments.storage,
    )
    print(
        f"{study.name}: {task.inferred}; {len(task.train)} training, {len(task.validation)} validation sequences"
    )
    print(study.definition.task_space().describe(), flush=True)
    if study.finished >= trials:
        print(f"{study.finished} trials are finished already. --trials {study.finished + 10} would go on.")
    started = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a cluster's "stop" is a Ctrl-C
    try:
        with show_progress() as on_progress:
            study.run(trials, timeout=timeout, workers=arguments.workers, on_progress=on_progress)
    except KeyboardInterrupt:
        print(f"\nStopped after {study.finished} finished trials. The same command continues.")
        raise
    _print_end(study, arguments, time.monotonic() - started)
    return 0


def _print_end(study: Study, arguments: argparse.Namespace, spent: float) -> None:
    from tcn_search.study.progress import minutes

    storage = f" --storage {arguments.storage}" if arguments.storage else ""
    if study.best_trial is None:
        print(f"{study.finished} trials in {minutes(spent)}, none of them complete.")
        return
    architecture = study.best_architecture
    print(f"\n{study.finished} trials finished, {minutes(spent)}")
    print(f"best: {study.definition.objective.name} {study.best_score:.4g}, trial {study.best_trial}")
    print(f"      {architecture}")
    print(
        f"      receptive field {architecture.receptive_field:,}, required context "
        f"{study.definition.required_context:,}, sequence length {study.definition.spec.seq_len:,}"
    )
    print(
        f"next: tcn-search best {study.name}{storage}     re-runs it over seeds and reads the test part once"
    )
    print(f"      tcn-search report {study.name}{storage}   writes table and figures")


def seconds(text: str) -> float:
    """ "90s", "30m", "2h" or a plain number of seconds.

    >>> seconds("30m")
    1800.0
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if not found or float(found[1]) <= 0:
        raise InputError(f"--timeout must be a time above 0 such as 90s, 30m or 2h. Received: {text!r}")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]
