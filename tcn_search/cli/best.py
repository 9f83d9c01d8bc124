"""`tcn-search best`: train the best trials over seeds, then score and save the winner."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tcn_search.cli.process_setup import import_keras_quietly, stop_on_sigterm
from tcn_search.cli.study_argument import add_study_arguments, find_study
from tcn_search.errors import InputError
from tcn_search.workers.backends import use_backend

if TYPE_CHECKING:
    from tcn_search.evaluation.final_training import SeedRun


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `best`."""
    add_study_arguments(parser)
    parser.add_argument(
        "--top", type=int, default=1, metavar="K", help="number of best trials (default: 1)"
    )
    parser.add_argument(
        "--seeds", type=int, default=3, metavar="N", help="trainings of each trial (default: 3)"
    )
    parser.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="NAME=MOST",
        help="only trials that cost at most this: params=50000, multiply_adds=2e6, latency=3",
    )
    parser.add_argument(
        "--refit",
        action="store_true",
        help="train the winner again on training and validation split together; "
        "score and save that model",
    )
    parser.add_argument(
        "--out",
        metavar="FILE.keras",
        help="where to save the model (default: runs/NAME/best.keras)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print each training as it ends, the winner, and where its model is saved."""
    if arguments.out is not None and not arguments.out.endswith(".keras"):
        raise InputError(f"--out must be a file that ends in .keras. Received: {arguments.out}")
    limits = dict(map(_read_limit, arguments.limit))
    study = find_study(arguments)
    objective = study.definition.objective.name

    def print_run(run: SeedRun) -> None:
        print(
            f"trial {run.trial}, seed {run.seed}: {objective} {run.score:.4g} "
            f"at epoch {run.best_epoch}, {run.seconds:.0f} s",
            flush=True,
        )

    evaluations_before = study.test_evaluations
    use_backend(study.definition.backend)
    stop_on_sigterm()
    import_keras_quietly()
    winner = study.best(
        arguments.top,
        arguments.seeds,
        limits=limits,
        out=arguments.out,
        refit=arguments.refit,
        on_run=print_run,
    )
    if study.test_evaluations == evaluations_before and winner.test_scores:
        print(
            "These trainings are stored; "
            "nothing is trained, and nothing is scored on the test split again."
        )
    print(f"\nbest architecture: {study.results.architecture_of(winner.trial)}")
    print(winner)
    for name, text in study.results.baseline_facts().items():
        print(f"{name}: {text}")
    print(f"saved: {winner.model_file} (seed {winner.saved_seed}, the best on validation)")
    return 0


def _read_limit(text: str) -> tuple[str, float]:
    """Return "params=50000" as name and number.

    >>> _read_limit("params=50_000")
    ('params', 50000.0)
    """
    name, _, number = text.partition("=")
    try:
        return name.strip(), float(number)
    except ValueError as error:
        raise InputError(
            f"--limit must be NAME=NUMBER, such as params=50000. Received: {text!r}"
        ) from error
