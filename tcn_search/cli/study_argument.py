"""The STUDY argument of a command: a study file, a data file or the name of a study."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tcn_search.formats.file_names import file_format

if TYPE_CHECKING:
    from tcn_search.study.study import Study


def add_study_arguments(parser: argparse.ArgumentParser) -> None:
    """Add STUDY and --storage."""
    parser.add_argument(
        "study", metavar="STUDY", help="a study file (.toml), or the name of a study in the storage"
    )
    add_storage_argument(parser)


def add_storage_argument(parser: argparse.ArgumentParser) -> None:
    """Add --storage."""
    parser.add_argument(
        "--storage",
        metavar="URL",
        help="database of the studies "
        "(default: $TCN_SEARCH_STORAGE, else sqlite:///runs/studies.db)",
    )


def find_study(arguments: argparse.Namespace) -> Study:
    """Load the existing study that STUDY stands for.

    Raises:
        InputError: there is no such study.
    """
    import optuna

    from tcn_search.study.open_study import load_study

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return load_study(study_name(arguments.study), arguments.storage)


def study_name(text: str) -> str:
    """Return the name of the study that STUDY stands for."""
    from tcn_search.study.study_file import read_study_file

    return read_study_file(text).name if _is_file(text) else text


def _is_file(text: str) -> bool:
    """Return whether STUDY is a file, not the name of a study."""
    return Path(text).suffix.lower() == ".toml" or file_format(text) != ""
