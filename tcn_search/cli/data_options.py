"""Options about data: in place of a study file or the name of a task, or for a saved model."""

from __future__ import annotations

import argparse
from typing import Any


def add_data_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --target, --horizon and --data-dir."""
    parser.add_argument(
        "--target",
        action="append",
        metavar="COLUMN",
        help="column of a table to predict (default: a column called target, label, class or y; "
        "in a forecast all columns); repeatable",
    )
    parser.add_argument(
        "--horizon", type=int, metavar="N", help="forecast the next N steps of a table's series"
    )
    parser.add_argument(
        "--data-dir",
        metavar="DIR",
        help="folder of downloaded data "
        "(default: $TCN_SEARCH_DATA, else the user's cache directory)",
    )


def data_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the given options under the names that `load_task` takes."""
    options: dict[str, Any] = {}
    if arguments.target is not None:
        targets = arguments.target
        options["target"] = targets if len(targets) > 1 else targets[0]
    if arguments.horizon is not None:
        options["horizon"] = arguments.horizon
    if arguments.data_dir is not None:
        options["data_dir"] = arguments.data_dir
    return options


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Add MODEL.keras and --import."""
    parser.add_argument("model", metavar="MODEL.keras", help="a model saved by `tcn-search best`")
    parser.add_argument(
        "--import",
        dest="code",
        metavar="FILE.py",
        help="import this file first: it defines custom layers of the model",
    )


def add_model_data_arguments(parser: argparse.ArgumentParser, target_help: str) -> None:
    """Add the options of commands that read new data for a saved model."""
    parser.add_argument("--target", metavar="COLUMN", help=target_help)
    parser.add_argument(
        "--time",
        metavar="COLUMN",
        help="time column of a table, if its name differs from the one in training",
    )
    parser.add_argument(
        "--axes",
        metavar="AXES",
        help="channels_steps if the array of an .npz is (sequences, channels, steps), "
        "as for training",
    )
