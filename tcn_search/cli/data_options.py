"""Options about a data file that stands in place of a study file or a task's name."""

from __future__ import annotations

import argparse
from typing import Any


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """--target and --horizon."""
    parser.add_argument(
        "--target",
        action="append",
        metavar="COLUMN",
        help="column of a table to predict, if it is not called as usual; several times for several",
    )
    parser.add_argument(
        "--horizon", type=int, metavar="N", help="forecast the next N steps of a table's series"
    )


def data_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options of a task that were given."""
    found: dict[str, Any] = {}
    if arguments.target is not None:
        found["target"] = arguments.target if len(arguments.target) > 1 else arguments.target[0]
    if arguments.horizon is not None:
        found["horizon"] = arguments.horizon
    if arguments.data_dir is not None:
        found["data_dir"] = arguments.data_dir
    return found
