"""`tcn-search compare`: compare the winner with other networks and classifiers."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tcn_search.cli.process_setup import import_keras_quietly, stop_on_sigterm
from tcn_search.cli.study_argument import add_study_arguments, find_study
from tcn_search.workers.backends import use_backend

if TYPE_CHECKING:
    from tcn_search.evaluation.comparison import Comparison, Run


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `compare`."""
    add_study_arguments(parser)
    parser.add_argument(
        "--against",
        default="simple_rnn,gru,lstm",
        metavar="NAMES",
        help="recurrent networks of its size: simple_rnn, gru, lstm (lstm:2 has two layers); "
        "fcn, resnet; and with pip install 'tcn-search[ucr]': mini_rocket, nn_dtw, hydra (hydra "
        "needs torch too) (default: simple_rnn,gru,lstm)",
    )
    parser.add_argument(
        "--learning-rates",
        type=int,
        default=3,
        metavar="N",
        help="learning rates to try for each network (default: 3)",
    )
    parser.add_argument(
        "--seeds",
        type=int,
        default=3,
        metavar="N",
        help="final trainings of each contender (default: 3)",
    )
    parser.add_argument("--out", metavar="DIR", help="folder to write to (default: runs/NAME)")


def run(arguments: argparse.Namespace) -> int:
    """Print each training as it ends and the comparison; write the comparison to files."""
    study = find_study(arguments)
    against = [name.strip() for name in arguments.against.split(",") if name.strip()]
    objective = study.definition.objective.name

    def print_run(run: Run) -> None:
        print(_in_words(run, objective), flush=True)

    use_backend(study.definition.backend)
    stop_on_sigterm()
    import_keras_quietly()
    comparison = study.compare(against, arguments.learning_rates, arguments.seeds, on_run=print_run)
    print(f"\n{_table(comparison)}\n{comparison.verdict()}")
    if study.test_evaluations:
        from tcn_search.evaluation.winner import EVALUATIONS, evaluations_in_words

        print(f"{EVALUATIONS}: {evaluations_in_words(study.test_evaluations)}")
    folder = Path(arguments.out) if arguments.out else Path("runs") / study.name
    _write(comparison, folder)
    print(f"wrote comparison.csv, comparison.png and comparison.svg to {folder}")
    return 0


def _in_words(run: Run, objective: str) -> str:
    """Return a line about a training."""
    from tcn_search.baselines.contender_names import AEON, title

    name = title(run.contender)
    if run.contender in AEON:
        return f"{name}, seed {run.seed}: validation {run.metric:.4g}, {run.seconds:.3g} s"
    return (
        f"{name}, {run.parameters:,} parameters, "
        f"learning rate {run.learning_rate:.2g}, seed {run.seed}: "
        f"{objective} {run.score:.4g} at epoch {run.best_epoch}, "
        f"{run.seconds_an_epoch:.3g} s an epoch"
    )


def _table(comparison: Comparison) -> str:
    from tcn_search.baselines.contender_names import title

    frame = comparison.frame()
    parameters = frame["parameters"].fillna(0)
    frame["contender"] = frame["contender"].map(title)
    # pandas writes <NA> for a missing integer, whatever na_rep says.
    frame["parameters"] = [f"{count:,}" if count > 0 else "" for count in parameters]
    text: str = frame.to_string(index=False, na_rep="", float_format=lambda value: f"{value:.4g}")
    return text


def _write(comparison: Comparison, folder: Path) -> None:
    from tcn_search.report.comparison import write_comparison

    write_comparison(comparison, folder)
