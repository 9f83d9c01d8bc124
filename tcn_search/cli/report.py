"""`tcn-search report`: write the table, the figures and the HTML page of a study."""

from __future__ import annotations

import argparse

from tcn_search.cli.slow_steps import slow_steps
from tcn_search.cli.study_argument import add_study_arguments, find_study


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `report`."""
    add_study_arguments(parser)
    parser.add_argument("--out", metavar="DIR", help="folder to write to (default: runs/NAME)")


def run(arguments: argparse.Namespace) -> int:
    """Write the report and print where it is."""
    from tcn_search.report.write import write_report

    study = find_study(arguments)
    with slow_steps() as begin:
        folder = write_report(study, arguments.out, on_step=begin)
    print(f"wrote {folder / 'report.html'}, trials.csv and the figures as PNG, SVG and PDF")
    return 0
