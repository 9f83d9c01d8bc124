"""`tcn-search forecast`: the steps after the last row, or the errors of a study's winner."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tcn_search.cli.files import require_model_file, write_frame
from tcn_search.cli.output import printable
from tcn_search.cli.study_argument import add_storage_argument, find_study
from tcn_search.errors import InputError
from tcn_search.workers.backends import resolve_backend, use_backend
from tcn_search.workers.keras_import import import_keras_quietly

if TYPE_CHECKING:
    import pandas as pd

    from tcn_search.study.study import Study

_EXAMPLE = """example:
  tcn-search run sales.csv --horizon 24
  tcn-search best sales
  tcn-search forecast sales --quantiles 0.05,0.95 --out next_day.csv"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `forecast`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EXAMPLE
    parser.add_argument(
        "study",
        metavar="STUDY-or-MODEL",
        help="a study whose `best` has run, its study file, or a model that it saved (.keras)",
    )
    add_storage_argument(parser)
    parser.add_argument(
        "--data",
        metavar="NEW.csv",
        help="table with the columns that were trained on (default for a study: its own file)",
    )
    parser.add_argument(
        "--horizon", type=int, metavar="H", help="the first H steps (default: all of the model)"
    )
    parser.add_argument(
        "--future",
        metavar="COVARIATES.csv",
        help="rows after the last ones, with the columns that are known in advance",
    )
    parser.add_argument(
        "--quantiles",
        metavar="LEVELS",
        help="such as 0.05,0.5,0.95 (default: those that were trained, else 0.1,0.5,0.9)",
    )
    parser.add_argument(
        "--time",
        metavar="COLUMN",
        help="time column of the table, if its name differs from the one in training",
    )
    parser.add_argument(
        "--errors",
        choices=("all", "step", "id"),
        help="in place of a forecast: the errors on the test split of the study's winner and of "
        "simple models, over all windows, by step of the horizon or by series",
    )
    parser.add_argument(
        "--out", metavar="FILE.csv", help="where to write (default: standard output)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the forecast or the errors as CSV, or write them to a file."""
    is_model = arguments.study.lower().endswith(".keras")
    if arguments.errors is not None:
        if is_model:
            raise InputError(
                "--errors shows what `best` stored in a study. Received: a model. Give the study"
            )
        frame = _errors(find_study(arguments), arguments.errors)
    else:
        frame = _forecast(arguments, is_model)
    write_frame(frame, arguments.out, "The forecast", "rows")
    return 0


def _forecast(arguments: argparse.Namespace, is_model: bool) -> pd.DataFrame:
    levels = _read_levels(arguments.quantiles)
    data = arguments.data
    if is_model:
        file = Path(arguments.study)
        require_model_file(file)
        if data is None:
            raise InputError("A model needs the rows that it forecasts from: --data NEW.csv")
        backend = resolve_backend("auto")
        custom = None
    else:
        study = find_study(arguments)
        winner = study.winner
        if winner is None:
            raise InputError(
                f"The study {study.name!r} has no winner yet. Run: tcn-search best {study.name}"
            )
        file = Path(winner.model_file)
        if data is None:
            data = _own_file(study)
        backend = study.definition.backend
        custom = study.definition.model
    for given in (data, arguments.future):
        if given is not None and not Path(given).is_file():
            raise InputError(f"There is no file {given}.")
    use_backend(backend)
    import_keras_quietly()
    from tcn_search.estimators.next_steps import predict_next
    from tcn_search.models.build import load_model

    if custom is not None:
        custom.load()
    frame = predict_next(
        load_model(file),
        data,
        horizon=arguments.horizon,
        future=arguments.future,
        quantiles=levels,
        time=arguments.time,
    )
    for note in frame.attrs["notes"]:
        print(printable(note), file=sys.stderr)
    return frame


def _own_file(study: Study) -> str:
    """Return the file that a study was made with."""
    source = study.definition.source or {"options": {}}
    file = source["options"].get("file")
    if file is None:
        raise InputError(
            f"The study {study.name!r} was not made with a file of series. "
            "Give the rows that it forecasts from: --data NEW.csv"
        )
    return str(file)


def _errors(study: Study, by: str) -> pd.DataFrame:
    """Return the errors of the winner and of the simple models on the test split."""
    from tcn_search.study.forecast_errors import forecast_errors

    errors = forecast_errors(study.results, None if by == "all" else by)
    if errors is None:
        raise InputError(
            f"The study {study.name!r} has no errors of a forecast on a test split: it is no "
            f"forecast, or `best` has not run yet. Run: tcn-search best {study.name}"
        )
    return errors


def _read_levels(text: str | None) -> list[float] | None:
    """Return "0.1,0.9" as numbers between 0 and 1.

    >>> _read_levels("0.05, 0.95")
    [0.05, 0.95]
    """
    if text is None:
        return None
    try:
        levels = [float(level) for level in text.split(",")]
    except ValueError:
        levels = []
    if not levels or not all(0 < level < 1 for level in levels):
        raise InputError(
            f"--quantiles must be numbers between 0 and 1, such as 0.1,0.9. Received: {text!r}"
        )
    return sorted(set(levels))
