"""`tcn-search trials`: the table of a study's trials, as CSV, Parquet or LaTeX."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tcn_search.cli.slow_steps import slow_steps
from tcn_search.cli.study_argument import add_study_arguments, find_study
from tcn_search.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from tcn_search.study.results import StudyResults

_EXAMPLE = """example:
  tcn-search trials osuleaf --out trials.parquet
  tcn-search trials osuleaf --top 10 --out trials.tex"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `trials`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EXAMPLE
    add_study_arguments(parser)
    parser.add_argument(
        "--top",
        type=int,
        metavar="N",
        help="the N best complete trials, best first (default: all trials, by number)",
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="a .csv, a .parquet or a .tex (default: CSV on standard output)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the table, or write it to a file."""
    if arguments.top is not None and arguments.top < 1:
        raise InputError(f"--top must be at least 1. Received: {arguments.top}")
    study = find_study(arguments)
    with slow_steps() as begin:
        begin(f"reading the trials of {study.name}")
        snapshot = study.snapshot()
        trials = snapshot.trials()
        if arguments.top is not None:
            trials = _best(snapshot, arguments.top)
    if arguments.out is None:
        print(trials.to_csv(index=False), end="")
        return 0
    from tcn_search.report.tables import write_trials

    caption = f"Trials of the study {study.name} by {study.definition.score_name}."
    if arguments.top is not None:
        caption = (
            f"The {len(trials)} best trials of the study {study.name} by "
            f"{study.definition.score_name}."
        )
    write_trials(trials, Path(arguments.out), caption)
    print(f"wrote {len(trials)} trials to {arguments.out}")
    return 0


def _best(study: StudyResults, top: int) -> pd.DataFrame:
    """Return the rows of the best complete trials, best first."""
    from tcn_search.search.ranking import ranked

    best = ranked(study.records(), study.definition.objective.direction)[:top]
    numbers = [record.number for record in best]
    return study.trials().set_index("trial").loc[numbers].reset_index()
