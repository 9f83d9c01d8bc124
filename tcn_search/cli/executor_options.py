"""The options of `run`, `best` and `compare` that say where trainings run."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tcn_search.cli.output import read_workers
from tcn_search.errors import InputError

if TYPE_CHECKING:
    from tcn_search.workers.ray_executor import RayExecutor


def add_executor_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --executor and the options of a cluster."""
    parser.add_argument(
        "--executor",
        choices=("processes", "ray"),
        default="processes",
        help="train in processes of this machine, or on a Ray cluster (pip install "
        "'tcn-search[ray]') (default: processes)",
    )
    parser.add_argument(
        "--address",
        metavar="auto|HOST:PORT",
        help="with --executor ray: the cluster of this machine, or its head (default: start a "
        "cluster of this machine alone)",
    )
    parser.add_argument(
        "--cpus-per-trial",
        type=int,
        metavar="N",
        help="with --executor ray: cores that a training takes (default: 1)",
    )
    parser.add_argument(
        "--gpus-per-trial",
        type=float,
        metavar="SHARE",
        help="with --executor ray: share of a GPU, such as 0.25 (default: 1 if the cluster has "
        "GPUs, otherwise 0)",
    )


def read_executor(arguments: argparse.Namespace) -> RayExecutor | None:
    """Return the executor of a cluster, or None for processes of this machine."""
    if arguments.executor == "processes":
        for name in ("address", "cpus_per_trial", "gpus_per_trial"):
            value = getattr(arguments, name)
            if value is not None:
                option = f"--{name.replace('_', '-')}"
                raise InputError(f"{option} goes with --executor ray. Received: {option} {value}")
        return None
    from tcn_search.workers.ray_executor import RayExecutor

    cpus = arguments.cpus_per_trial
    if cpus is None:
        cpus = 1
    return RayExecutor(
        arguments.address,
        workers=read_workers(arguments.workers),
        cpus_per_trial=cpus,
        gpus_per_trial=arguments.gpus_per_trial,
    )
