"""`tcn-search check`: does this network see the sequence? Exit code 0 covers, 1 falls short, 2 bad input."""

from __future__ import annotations

import argparse

from tcn_search.errors import InputError
from tcn_search.planning.architecture import NORMS, PADDINGS, Architecture
from tcn_search.planning.check import check
from tcn_search.planning.ranges import dilation_list
from tcn_search.planning.saved_model import FoundTCN, found_in


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `check`."""
    parser.add_argument(
        "model", nargs="?", metavar="MODEL.keras", help="a saved model, in place of what follows"
    )
    parser.add_argument("--layer", metavar="NAME", help="which TCN of the model, where it has several")
    parser.add_argument("--seq-len", type=int, metavar="T", help="steps of the sequences")
    parser.add_argument("--kernel-size", type=int, metavar="K", help="taps of each dilated convolution")
    parser.add_argument("--dilations", metavar="1,2,4", help="one dilation for each level")
    parser.add_argument("--stacks", type=int, metavar="N", help="how often the levels are repeated (1)")
    parser.add_argument("--padding", metavar="KIND", help=f"{', '.join(PADDINGS)} (causal)")
    parser.add_argument(
        "--filters", metavar="F", help="channels of each convolution, one number or one a level (64)"
    )
    parser.add_argument("--norm", metavar="KIND", help=f"{', '.join(NORMS)} (none)")
    parser.add_argument("--no-skip-connections", action="store_true", help="only the last block is read")
    parser.add_argument("--channels", type=int, metavar="C", help="channels of the input (1)")
    parser.add_argument(
        "--required-context", type=int, metavar="N", help="steps that the task needs to see (T)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the report: a verdict in words, then the numbers."""
    found = (
        _from_model(arguments) if arguments.model else FoundTCN("", _from_arguments(arguments), None, None)
    )
    seq_len = found.seq_len if arguments.seq_len is None else arguments.seq_len
    if seq_len is None:
        raise InputError("--seq-len is missing: how many steps have your sequences?")
    channels = found.input_channels if arguments.channels is None else arguments.channels
    report = check(found.architecture, seq_len, channels, arguments.required_context)
    print(report)
    return 0 if report.covers else 1


def _described(arguments: argparse.Namespace) -> dict[str, object]:
    """What was said about the network on the command line, under the names of `Architecture`."""
    filters = None if arguments.filters is None else dilation_list("filters", arguments.filters)
    said = {
        "kernel_size": arguments.kernel_size,
        "dilations": None if arguments.dilations is None else dilation_list("dilations", arguments.dilations),
        "nb_stacks": arguments.stacks,
        "padding": arguments.padding,
        "nb_filters": filters[0] if filters and len(filters) == 1 else filters,
        "norm": arguments.norm,
        "use_skip_connections": False if arguments.no_skip_connections else None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _from_arguments(arguments: argparse.Namespace) -> Architecture:
    if arguments.layer is not None:
        raise InputError("--layer chooses a TCN of a saved model: name the model's file too.")
    described = _described(arguments)
    for name, option in (("kernel_size", "--kernel-size"), ("dilations", "--dilations")):
        if name not in described:
            raise InputError(f"{option} is missing; or give a saved model, MODEL.keras.")
    return Architecture.from_dict(described)


def _from_model(arguments: argparse.Namespace) -> FoundTCN:
    described = _described(arguments)
    if described:
        raise InputError(
            f"{arguments.model} says the network's {', '.join(described)} itself. Leave those options out."
        )
    return found_in(arguments.model, arguments.layer)
