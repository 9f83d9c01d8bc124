"""`tcn-search best`: the winners over seeds, the winner scored on the test split, the model saved."""

from __future__ import annotations

import argparse
import signal
from typing import TYPE_CHECKING

from tcn_search.cli.find_study import add_study_arguments, find_study
from tcn_search.cli.quiet import import_keras_quietly
from tcn_search.errors import InputError
from tcn_search.workers.backends import use_backend

if TYPE_CHECKING:
    from tcn_search.evaluation.final_training import SeedRun


def configure(parser: argparse.ArgumentParser) -> None:
    add_study_arguments(parser)
    parser.add_argument(
        "--top", type=int, default=1, metavar="K", help="how many of the best trials (default: 1)"
    )
    parser.add_argument(
        "--seeds", type=int, default=3, metavar="N", help="trainings of each (default: 3)"
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
        help="train the winner again on training and validation split together, and judge and save that",
    )
    parser.add_argument(
        "--out",
        metavar="FILE.keras",
        help="where to save the model (default: runs/NAME/best.keras)",
    )


def run(arguments: argparse.Namespace) -> int:
    if arguments.out is not None and not arguments.out.endswith(".keras"):
        raise InputError(f"--out must be a file that ends in .keras. Received: {arguments.out}")
    limits = dict(map(read_limit, arguments.limit))
    study = find_study(arguments)
    objective = study.definition.objective.name

    def show(run: SeedRun) -> None:
        print(
            f"trial {run.trial}, seed {run.seed}: {objective} {run.score:.4g} at epoch {run.best_epoch}, "
            f"{run.seconds:.0f} s",
            flush=True,
        )

    before = study.test_evaluations
    use_backend(study.definition.backend)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a cluster's "stop" is a Ctrl-C
    import_keras_quietly()
    winner = study.best(
        arguments.top,
        arguments.seeds,
        limits=limits,
        out=arguments.out,
        refit=arguments.refit,
        on_run=show,
    )
    if study.test_evaluations == before and winner.test_scores:
        print(
            "These trainings are stored; nothing is trained, and nothing is scored on the test split again."
        )
    print(f"\nbest architecture: {study.results.architecture_of(winner.trial)}")
    print(winner)
    print(f"saved: {winner.model_file} (seed {winner.saved_seed}, the best on validation)")
    return 0


def read_limit(text: str) -> tuple[str, float]:
    """ "params=50000" as name and number.

    >>> read_limit("params=50_000")
    ('params', 50000.0)
    """
    name, _, most = text.partition("=")
    try:
        return name.strip(), float(most)
    except ValueError as error:
        raise InputError(
            f"--limit must be NAME=NUMBER, such as params=50000. Received: {text!r}"
        ) from error
