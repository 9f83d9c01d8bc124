"""`tcn-search compare`: compare the winner with other networks and classifiers."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcn_search.cli.executor_options import add_executor_arguments, read_executor
from tcn_search.cli.output import (
    add_format,
    folded,
    print_json,
    print_text,
    read_workers,
    table_lines,
)
from tcn_search.cli.process_setup import stop_on_sigterm
from tcn_search.cli.progress import ProgressDisplay, show_progress
from tcn_search.cli.study_argument import add_study_arguments, find_study
from tcn_search.errors import InputError
from tcn_search.text import counted
from tcn_search.workers.backends import use_backend

if TYPE_CHECKING:
    from tcn_search.evaluation.comparison import Comparison, Run
    from tcn_search.evaluation.simple_baselines import SimpleBaselines
    from tcn_search.study.study import Study
    from tcn_search.workers.ray_executor import RayExecutor


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
    add_executor_arguments(parser)
    parser.add_argument("--out", metavar="DIR", help="folder to write to (default: runs/NAME)")
    add_format(parser, "latex: also write the table as comparison.tex, for a paper", ("latex",))


def run(arguments: argparse.Namespace) -> int:
    """Show each training as it ends; print the comparison and write it to files."""
    workers = read_workers(arguments.workers)
    executor = read_executor(arguments)
    against = [name.strip() for name in arguments.against.split(",") if name.strip()]
    as_json = arguments.format == "json"
    with show_progress(on_stderr=as_json) as display:
        display.step(f"reading the study {arguments.study}", only_live=True)
        study = find_study(arguments)
        folder = Path(arguments.out) if arguments.out else Path("runs") / study.name
        if folder.exists() and not folder.is_dir():
            raise InputError(f"--out must be a folder. Received: {folder}, which is a file")
        display.step(f"preparing the trainings of {study.name}")
        comparison = _train(study, arguments, against, workers, executor, display)
    baselines = study.results.simple_baselines
    _write(comparison, folder, baselines)
    if as_json:
        print_json(_values(study, comparison, baselines))
        return 0
    print("\n" + "\n".join(_table(comparison, baselines)) + "\n")
    print_text(comparison.verdict())
    if study.test_evaluations:
        from tcn_search.evaluation.winner import EVALUATIONS, evaluations_in_words

        print_text(f"{EVALUATIONS}: {evaluations_in_words(study.test_evaluations)}")
    print_text(f"wrote comparison.csv, and its figure as PNG, SVG and PDF, to {folder}")
    if arguments.format == "latex":
        from tcn_search.report.comparison import write_latex

        print_text(f"wrote {write_latex(comparison, folder, baselines)}")
    return 0


def _train(
    study: Study,
    arguments: argparse.Namespace,
    against: list[str],
    workers: int | str,
    executor: RayExecutor | None,
    display: ProgressDisplay,
) -> Comparison:
    use_backend(study.definition.backend)
    stop_on_sigterm()
    try:
        return study.compare(
            against,
            arguments.learning_rates,
            arguments.seeds,
            workers=workers,
            executor=executor,
            on_run=_print_estimator,
            on_progress=display.on_training,
        )
    except KeyboardInterrupt:
        print("\nStopped. Finished trainings are kept; the same command continues.")
        raise


def _print_estimator(run: Run) -> None:
    """Print a line about a contender that is no network: the progress shows the networks."""
    from tcn_search.baselines.contender_names import AEON, title

    if run.contender in AEON:
        name = title(run.contender)
        text = f"{name}, seed {run.seed}: validation {run.metric:.4g}, {run.seconds:.3g} s"
        print(text, flush=True)


def _table(comparison: Comparison, baselines: SimpleBaselines | None) -> list[str]:
    """Return the table in 80 columns; comparison.csv has more of them."""
    from tcn_search.baselines.contender_names import title
    from tcn_search.report.comparison import comparison_frame

    head = ("contender", "parameters", "rate", "validation", "test", "TCN", "seconds")
    rows = []
    for row in comparison_frame(comparison, baselines).itertuples():
        rows.append(
            (
                folded(_name(title(row.contender), row.diverged), 20),
                _number(row.parameters, ",.0f"),
                _number(row.learning_rate, ".2g"),
                _with_spread(row.validation, row.validation_spread),
                _with_spread(row.test, row.test_spread),
                "" if _is_missing(row.against_tcn) else row.against_tcn,
                _number(row.seconds, ".3g"),
            )
        )
    return [
        f"{comparison.metric} over {counted(comparison.seeds, 'seed')}, and against the TCN:",
        *table_lines(head, rows, left=(0, 5)),
    ]


def _number(value: Any, form: str) -> str:
    """Return a number, or "" where it is missing; networks alone have parameters."""
    if _is_missing(value) or not value > 0:
        return ""
    return format(float(value), form)


def _name(title: str, diverged: Any) -> str:
    """Return the name of a contender, with the number of its final trainings that diverged."""
    if not _is_missing(diverged) and diverged > 0:
        return f"{title} ({diverged:.0f} diverged)"
    return title


def _is_missing(value: Any) -> bool:
    import pandas as pd

    return bool(pd.isna(value))


def _with_spread(mean: Any, spread: Any) -> str:
    if _is_missing(mean):
        return ""
    if _is_missing(spread):
        return f"{mean:.4g}"
    return f"{mean:.4g}\n± {spread:.2g}"


def _values(
    study: Study, comparison: Comparison, baselines: SimpleBaselines | None
) -> dict[str, Any]:
    """Return what --format json prints; docs/command-line.md has the keys."""
    from tcn_search.report.comparison import comparison_frame

    frame = comparison_frame(comparison, baselines)
    return {
        "study": study.name,
        "trial": comparison.trial,
        "metric": comparison.metric,
        "direction": comparison.metric_direction,
        "contenders": json.loads(frame.to_json(orient="records", double_precision=15)),
        "verdict": comparison.verdict(),
        "test_evaluations": study.test_evaluations,
    }


def _write(comparison: Comparison, folder: Path, baselines: SimpleBaselines | None) -> None:
    from tcn_search.report.comparison import write_comparison

    write_comparison(comparison, folder, baselines)
