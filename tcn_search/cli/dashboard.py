"""`tcn-search dashboard`: show the studies of a storage in Optuna's dashboard."""

from __future__ import annotations

import argparse
import errno
import importlib.util
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tcn_search.cli.study_argument import add_storage_argument, find_study
from tcn_search.errors import InputError

if TYPE_CHECKING:
    from tcn_search.report.dashboard_copy import DashboardCopy

_CANNOT_LISTEN = (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `dashboard`."""
    parser.add_argument(
        "study",
        metavar="STUDY",
        nargs="?",
        help="print the address of this study's page (default: of the list of all studies)",
    )
    add_storage_argument(parser)
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on (default: 127.0.0.1, this machine alone; there is no password)",
    )
    parser.add_argument("--port", type=int, default=8080, help="default: 8080")


def run(arguments: argparse.Namespace) -> int:
    """Print the address and serve the dashboard until Ctrl-C."""
    if importlib.util.find_spec("optuna_dashboard") is None:
        raise InputError("The dashboard needs a package: pip install 'tcn-search[dashboard]'")
    if not 0 < arguments.port < 65536:
        raise InputError(f"--port must be from 1 to 65535. Received: {arguments.port}")
    import optuna

    from tcn_search.logs import show_messages
    from tcn_search.report.dashboard_copy import DashboardCopy
    from tcn_search.storage.connection import open_storage

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    open_storage(arguments.storage)  # reports one that cannot be read
    name = None
    if arguments.study:
        name = find_study(arguments).name
    show_messages()
    with tempfile.TemporaryDirectory() as folder:
        shown = DashboardCopy(arguments.storage, Path(folder))
        page = "" if name is None else shown.page_of(name)
        shown.keep_current(name)
        print(f"http://{arguments.host}:{arguments.port}{page}  Ctrl-C ends it.", flush=True)
        try:
            _serve(shown, arguments)
        finally:
            shown.close()
    return 0


def _serve(shown: DashboardCopy, arguments: argparse.Namespace) -> None:
    import optuna_dashboard

    try:
        optuna_dashboard.run_server(
            shown.storage,
            host=arguments.host,
            port=arguments.port,
            artifact_store=shown.artifacts,
        )
    except OSError as error:
        is_unknown_host = isinstance(error, socket.gaierror)
        if not is_unknown_host and error.errno not in _CANNOT_LISTEN:
            raise
        raise InputError(
            f"The dashboard cannot listen on {arguments.host}:{arguments.port}: "
            f"{error.strerror}. Give another --port or --host."
        ) from error
