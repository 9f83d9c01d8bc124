"""`tcn-search tasks`: what can be searched on without data of one's own."""

from __future__ import annotations

import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """No options."""


def run(arguments: argparse.Namespace) -> int:
    from tcn_search.tasks.builtin.ucr import problem_names
    from tcn_search.tasks.registry import BUILT_IN

    for name, built_in in BUILT_IN.items():
        print(
            f"{name}: {built_in.shape}\n    required context {built_in.context}\n    data: {built_in.source}"
        )
    try:
        count = f"{len(problem_names())} problems"
    except ImportError:
        count = "problems, with pip install 'tcn-search[ucr]'"
    print(
        f"osuleaf, gunpoint, japanesevowels, ...: any name of the UCR/UEA archive ({count}); read through aeon"
    )
    print(
        "path/to/data.npz, .csv or .ts: your own; X_train (n, T, C) and y_train in an .npz (docs/data-files.md)"
    )
    return 0
