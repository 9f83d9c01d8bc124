"""`tcn-search best`: train the best trials over seeds, then score and save the winner."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tcn_search.cli.executor_options import add_executor_arguments, read_executor
from tcn_search.cli.output import add_format, print_json, print_text, read_workers
from tcn_search.cli.process_setup import stop_on_sigterm
from tcn_search.cli.progress import ProgressDisplay, show_progress
from tcn_search.cli.study_argument import add_study_arguments, find_study
from tcn_search.errors import InputError
from tcn_search.workers.backends import use_backend

if TYPE_CHECKING:
    from tcn_search.evaluation.winner import Winner
    from tcn_search.study.study import Study
    from tcn_search.workers.ray_executor import RayExecutor


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `best`."""
    add_study_arguments(parser)
    parser.add_argument(
        "--top",
        type=int,
        metavar="K",
        help="number of best trials that are trained again before one is chosen "
        "(default: the study's, 3)",
    )
    parser.add_argument(
        "--seeds",
        type=int,
        metavar="N",
        help="final trainings of the chosen one (default: the study's, 5)",
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
        action=argparse.BooleanOptionalAction,
        help="train on training and validation split together (default: the study's: if the "
        "validation split was cut from the training data)",
    )
    parser.add_argument(
        "--single",
        action=argparse.BooleanOptionalAction,
        help="save the best final training on validation, not the ensemble of all",
    )
    parser.add_argument(
        "--workers",
        default="auto",
        metavar="N",
        help="trainings at the same time (default: auto, one per core up to 8, or one per GPU)",
    )
    add_executor_arguments(parser)
    parser.add_argument(
        "--timeout",
        metavar="TIME",
        help="time for all trainings, with fewer and shorter ones to keep it: 90s, 30m, 2h",
    )
    parser.add_argument(
        "--out",
        metavar="FILE.keras",
        help="where to save the model (default: runs/NAME/best.keras)",
    )
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show each training as it ends; print the winner, and where its model is saved."""
    if arguments.out is not None and not arguments.out.endswith(".keras"):
        raise InputError(f"--out must be a file that ends in .keras. Received: {arguments.out}")
    limits = dict(map(_read_limit, arguments.limit))
    workers = read_workers(arguments.workers)
    executor = read_executor(arguments)
    as_json = arguments.format == "json"
    with show_progress(on_stderr=as_json) as display:
        display.step(f"reading the study {arguments.study}", only_live=True)
        study = find_study(arguments)
        display.step(f"preparing the trainings of {study.name}")
        evaluations_before = study.test_evaluations
        winner = _train(study, arguments, limits, workers, executor, display)
    if as_json:
        from tcn_search.study.study_values import winner_values

        print_json({"study": study.name, **(winner_values(study.results) or {})})
        return 0
    if study.test_evaluations == evaluations_before and winner.test_scores:
        print_text(
            "These trainings are stored; "
            "nothing is trained, and nothing is scored on the test split again."
        )
    _print_winner(study, winner)
    return 0


def _train(
    study: Study,
    arguments: argparse.Namespace,
    limits: dict[str, float],
    workers: int | str,
    executor: RayExecutor | None,
    display: ProgressDisplay,
) -> Winner:
    from tcn_search.study.study_file import seconds

    timeout = seconds("--timeout", arguments.timeout)
    use_backend(study.definition.backend)
    stop_on_sigterm()
    try:
        return study.best(
            arguments.top,
            arguments.seeds,
            limits=limits,
            out=arguments.out,
            refit=arguments.refit,
            single=arguments.single,
            workers=workers,
            executor=executor,
            timeout=timeout,
            on_progress=display.on_training,
        )
    except KeyboardInterrupt:
        print("\nStopped. Finished trainings are kept; the same command continues.")
        raise


def _print_winner(study: Study, winner: Winner) -> None:
    from tcn_search.search.receptive_field_text import receptive_field_text
    from tcn_search.study.study_values import winner_configuration

    architecture = study.results.architecture_of(winner.trial)
    print_text(f"\nwinner: {winner_configuration(study.results)}")
    print_text(receptive_field_text(study.definition, architecture), indent=4)
    facts = {**winner.facts(), **study.results.baseline_facts()}
    for name, text in facts.items():
        print_text(f"{name}: {text}")
    print_text(f"saved: {winner.model_file} ({winner.saved_in_words()})")


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
