"""`tcn-search tasks`: list the built-in tasks and the other sources of data."""

from __future__ import annotations

import argparse

from tcn_search.cli.output import add_format, print_json


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `tasks`."""
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print each built-in task, then the sources of other tasks."""
    from tcn_search.tasks.builtin.ucr import problem_names
    from tcn_search.tasks.registry import BUILT_IN

    if arguments.format == "json":
        print_json(
            [
                {
                    "name": name,
                    "shape": task.shape,
                    "required_context": task.context,
                    "source": task.source,
                }
                for name, task in BUILT_IN.items()
            ]
        )
        return 0
    for name, built_in in BUILT_IN.items():
        print(f"{name}: {built_in.shape}")
        print(f"    required context {built_in.context}")
        print(f"    data: {built_in.source}")
    try:
        count = f"{len(problem_names())} problems"
    except ImportError:
        count = "problems, with pip install 'tcn-search[ucr]'"
    print(
        "osuleaf, gunpoint, japanesevowels, ...: "
        f"any name of the UCR/UEA archive ({count}); from aeon or downloaded"
    )
    print(
        "path/to/data.npz, .csv or .ts: your own; X_train (n, T, C) and y_train in an .npz "
        "(docs/data-files.md)"
    )
    return 0
