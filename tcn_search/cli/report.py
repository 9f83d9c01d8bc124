"""`tcn-search report`: trials.csv, figures and one HTML page."""

from __future__ import annotations

import argparse

from tcn_search.cli.find_study import add_study_arguments, find_study
from tcn_search.cli.steps import slow_steps


def configure(parser: argparse.ArgumentParser) -> None:
    add_study_arguments(parser)
    parser.add_argument("--out", metavar="DIR", help="folder to write to (default: runs/NAME)")


def run(arguments: argparse.Namespace) -> int:
    from tcn_search.report.write import write_report

    study = find_study(arguments)
    with slow_steps() as begin:
        folder = write_report(study, arguments.out, on_step=begin)
    print(f"wrote {folder / 'report.html'}, trials.csv and the figures as PNG and SVG")
    return 0
