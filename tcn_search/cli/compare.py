"""`tcn-search compare`: compare the winner with other networks and classifiers."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tcn_search.cli.output import read_workers
from tcn_search.cli.process_setup import import_keras_quietly, stop_on_sigterm
from tcn_search.cli.study_argument import add_study_arguments, find_study
from tcn_search.workers.backends import use_backend
from tcn_search.workers.resources import this_machine

if TYPE_CHECKING:
    from tcn_search.evaluation.comparison import Comparison, Run
    from tcn_search.evaluation.simple_baselines import SimpleBaselines


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
    parser.add_argument(
        "--workers",
        default="auto",
        metavar="N",
        help="trainings at the same time (default: auto, one per core up to 8, or one per GPU)",
    )
    parser.add_argument("--out", metavar="DIR", help="folder to write to (default: runs/NAME)")
    parser.add_argument(
        "--format",
        choices=("text", "latex"),
        default="text",
        help="latex: also write the table as comparison.tex, for a paper (default: text)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print each training as it ends and the comparison; write the comparison to files."""
    from tcn_search.cli.progress import show_final_progress

    workers = read_workers(arguments.workers)
    study = find_study(arguments)
    against = [name.strip() for name in arguments.against.split(",") if name.strip()]
    use_backend(study.definition.backend)
    stop_on_sigterm()
    import_keras_quietly(make_tensor=not this_machine().gpus)  # a GPU belongs to the workers
    try:
        with show_final_progress() as on_progress:
            comparison = study.compare(
                against,
                arguments.learning_rates,
                arguments.seeds,
                workers=workers,
                on_run=_print_estimator,
                on_progress=on_progress,
            )
    except KeyboardInterrupt:
        print("\nStopped. Finished trainings are kept; the same command continues.")
        raise
    baselines = study.results.simple_baselines
    print(f"\n{_table(comparison, baselines)}\n{comparison.verdict()}")
    if study.test_evaluations:
        from tcn_search.evaluation.winner import EVALUATIONS, evaluations_in_words

        print(f"{EVALUATIONS}: {evaluations_in_words(study.test_evaluations)}")
    folder = Path(arguments.out) if arguments.out else Path("runs") / study.name
    _write(comparison, folder, baselines)
    print(f"wrote comparison.csv, comparison.png and comparison.svg to {folder}")
    if arguments.format == "latex":
        from tcn_search.report.comparison import write_latex

        print(f"wrote {write_latex(comparison, folder, baselines)}")
    return 0


def _print_estimator(run: Run) -> None:
    """Print a line about a contender that is no network: the progress shows the networks."""
    from tcn_search.baselines.contender_names import AEON, title

    if run.contender in AEON:
        name = title(run.contender)
        text = f"{name}, seed {run.seed}: validation {run.metric:.4g}, {run.seconds:.3g} s"
        print(text, flush=True)


def _table(comparison: Comparison, baselines: SimpleBaselines | None) -> str:
    from tcn_search.baselines.contender_names import title
    from tcn_search.report.comparison import comparison_frame

    frame = comparison_frame(comparison, baselines)
    parameters = frame["parameters"].fillna(0)
    frame["contender"] = frame["contender"].map(title)
    # pandas writes <NA> for a missing integer, whatever na_rep says.
    frame["parameters"] = [f"{count:,}" if count > 0 else "" for count in parameters]
    text: str = frame.to_string(index=False, na_rep="", float_format=lambda value: f"{value:.4g}")
    return text


def _write(comparison: Comparison, folder: Path, baselines: SimpleBaselines | None) -> None:
    from tcn_search.report.comparison import write_comparison

    write_comparison(comparison, folder, baselines)
