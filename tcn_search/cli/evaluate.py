"""`tcn-search evaluate`: score a saved winner on labelled data."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tcn_search.cli.data_options import add_model_arguments, add_model_data_arguments
from tcn_search.cli.files import load_saved_model, require_model_file
from tcn_search.cli.output import add_format, print_json, printable
from tcn_search.errors import InputError

_EXAMPLE = """example:
  tcn-search evaluate runs/my_data/best.keras new_data.npz
  tcn-search evaluate runs/my_data/best.keras new_data.npz --format json > scores.json"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `evaluate`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EXAMPLE
    add_model_arguments(parser)
    parser.add_argument(
        "data",
        metavar="DATA",
        help="an .npz with X and y (or X_test and y_test), and lengths if they differ; "
        "a .csv, .tsv or .ts as for training; a folder of .wav, by class; "
        "or the table of a forecast, whose later rows are the truth",
    )
    add_model_data_arguments(
        parser, "target column of a table, if its name differs from the one in training"
    )
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the scores."""
    require_model_file(arguments.model)
    if not Path(arguments.data).exists():
        raise InputError(f"There is no file {arguments.data}.")
    model = load_saved_model(arguments.model, arguments.code)
    from tcn_search.evaluation.evaluate import evaluate

    evaluation = evaluate(
        model,
        arguments.data,
        target=arguments.target,
        time=arguments.time,
        axes=arguments.axes,
    )
    for note in evaluation.notes:
        print(printable(note), file=sys.stderr)
    if arguments.format == "json":
        print_json(evaluation.to_dict())
        return 0
    for line in str(evaluation).splitlines():
        print(printable(line))
    return 0
