"""`tcn-search dashboard`: Optuna's dashboard of a storage, for this machine alone unless told otherwise."""

from __future__ import annotations

import argparse
import errno
import importlib.util
import socket

from tcn_search.cli.find_study import add_storage_argument, find_study
from tcn_search.errors import InputError


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "study",
        metavar="STUDY",
        nargs="?",
        help="a study, whose page is named; default: the list of all",
    )
    add_storage_argument(parser)
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on (default: 127.0.0.1, this machine alone; there is no password)",
    )
    parser.add_argument("--port", type=int, default=8080, help="default: 8080")


def run(arguments: argparse.Namespace) -> int:
    if importlib.util.find_spec("optuna_dashboard") is None:
        raise InputError('The dashboard needs a package: pip install "tcn_search[dashboard]"')
    if not 0 < arguments.port < 65536:
        raise InputError(f"--port must be from 1 to 65535. Received: {arguments.port}")
    import optuna
    import optuna_dashboard

    from tcn_search.storage.connection import open_storage

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    page = (
        f"/dashboard/studies/{find_study(arguments).results.storage_id}" if arguments.study else ""
    )
    storage = open_storage(arguments.storage)
    print(f"http://{arguments.host}:{arguments.port}{page}  Ctrl-C ends it.", flush=True)
    try:
        optuna_dashboard.run_server(storage, host=arguments.host, port=arguments.port)
    except OSError as error:
        unknown_host = isinstance(error, socket.gaierror)
        if not unknown_host and error.errno not in (
            errno.EADDRINUSE,
            errno.EADDRNOTAVAIL,
            errno.EACCES,
        ):
            raise
        raise InputError(
            f"The dashboard cannot listen on {arguments.host}:{arguments.port}: {error.strerror}. "
            "Give another --port or --host."
        ) from error
    return 0
