"""`tcn-search compare`: the winner against recurrent networks of its size."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from tcn_search.cli.find_study import add_study_arguments, find_study
from tcn_search.cli.quiet import import_keras_quietly
from tcn_search.workers.backends import use_backend

if TYPE_CHECKING:
    from tcn_search.evaluation.comparison import Comparison, Run


def configure(parser: argparse.ArgumentParser) -> None:
    add_study_arguments(parser)
    parser.add_argument(
        "--against",
        default="simple_rnn,gru,lstm",
        metavar="NAMES",
        help="recurrent networks; lstm:2 has two layers (default: simple_rnn,gru,lstm)",
    )
    parser.add_argument(
        "--learning-rates",
        type=int,
        default=3,
        metavar="N",
        help="tried for each contender (default: 3)",
    )
    parser.add_argument(
        "--seeds", type=int, default=3, metavar="N", help="final trainings of each (default: 3)"
    )
    parser.add_argument("--out", metavar="DIR", help="folder to write to (default: runs/NAME)")


def run(arguments: argparse.Namespace) -> int:
    study = find_study(arguments)
    against = [name.strip() for name in arguments.against.split(",") if name.strip()]
    objective = study.definition.objective.name

    def show(run: Run) -> None:
        print(
            f"{run.contender}, {run.parameters:,} parameters, learning rate {run.learning_rate:.2g}, seed {run.seed}: "
            f"{objective} {run.score:.4g} at epoch {run.best_epoch}, {run.seconds_an_epoch:.3g} s an epoch",
            flush=True,
        )

    use_backend(study.definition.backend)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a cluster's "stop" is a Ctrl-C
    import_keras_quietly()
    comparison = study.compare(against, arguments.learning_rates, arguments.seeds, on_run=show)
    print(f"\n{_table(comparison)}\n{comparison.verdict()}")
    if study.test_evaluations:
        from tcn_search.evaluation.winner import EVALUATIONS, evaluations_in_words

        print(f"{EVALUATIONS}: {evaluations_in_words(study.test_evaluations)}")
    folder = _write(comparison, Path(arguments.out) if arguments.out else Path("runs") / study.name)
    print(f"wrote comparison.csv, comparison.png and comparison.svg to {folder}")
    return 0


def _table(comparison: Comparison) -> str:
    frame = comparison.frame()
    return frame.to_string(index=False, na_rep="", float_format=lambda value: f"{value:.4g}")


def _write(comparison: Comparison, folder: Path) -> Path:
    from tcn_search.report.comparison import write_comparison

    return write_comparison(comparison, folder)
