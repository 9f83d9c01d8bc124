"""`tcn-search check`: does this network see the sequence? Exit code 0 covers, 1 falls short, 2 bad input."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tcn_search.cli.data_options import add_data_arguments, data_options
from tcn_search.cli.output import printable
from tcn_search.errors import InputError
from tcn_search.formats.file_names import file_format, require_table
from tcn_search.planning.architecture import NORMS, PADDINGS, Architecture
from tcn_search.planning.check import check
from tcn_search.planning.cost import body_channels
from tcn_search.planning.ranges import dilation_list
from tcn_search.planning.saved_model import FoundTCN, find_tcn

if TYPE_CHECKING:
    from tcn_search.tasks.task import Task


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `check`."""
    parser.add_argument(
        "model", nargs="?", metavar="MODEL.keras", help="a saved model, in place of what follows"
    )
    parser.add_argument(
        "--layer", metavar="NAME", help="which TCN of the model, where it has several"
    )
    parser.add_argument(
        "--task",
        metavar="NAME",
        help="take sequence length, channels and required context from a task: a name, a data file or a STUDY.toml",
    )
    parser.add_argument(
        "--data-dir",
        metavar="DIR",
        help="where a task's downloaded data is (default: $TCN_SEARCH_DATA, else the user's cache directory)",
    )
    add_data_arguments(parser)
    parser.add_argument("--seq-len", type=int, metavar="T", help="steps of the sequences")
    parser.add_argument(
        "--kernel-size", type=int, metavar="K", help="taps of each dilated convolution"
    )
    parser.add_argument("--dilations", metavar="1,2,4", help="one dilation for each level")
    parser.add_argument(
        "--stacks", type=int, metavar="N", help="how often the levels are repeated (1)"
    )
    parser.add_argument("--padding", metavar="KIND", help=f"{', '.join(PADDINGS)} (causal)")
    parser.add_argument(
        "--filters",
        metavar="F",
        help="channels of each convolution, one number or one a level (64)",
    )
    parser.add_argument("--norm", metavar="KIND", help=f"{', '.join(NORMS)} (none)")
    parser.add_argument(
        "--no-skip-connections", action="store_true", help="only the last block is read"
    )
    parser.add_argument("--channels", type=int, metavar="C", help="channels of the input (1)")
    parser.add_argument(
        "--required-context", type=int, metavar="N", help="steps that the task needs to see (T)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the report: a verdict in words, then the numbers."""
    found = (
        _from_model(arguments)
        if arguments.model
        else FoundTCN("", _from_arguments(arguments), None, None)
    )
    required_context = arguments.required_context
    reason = ""
    described = ""
    if arguments.task is not None:
        task, context = _asked_by(arguments)
        lines = [f"{task.name}: {task.shape}; {task.inferred}", *task.notes]
        described = "\n".join(map(printable, lines))
        spec = task.spec
        seen = body_channels(found.architecture, spec.input_channels, spec.vocabulary)
        found = found._replace(seq_len=spec.seq_len, input_channels=seen)
        if required_context is None:
            required_context = context
            reason = spec.context_reason if context == spec.required_context else ""
    seq_len = found.seq_len if arguments.seq_len is None else arguments.seq_len
    if seq_len is None:
        raise InputError(
            "--seq-len is missing: how many steps have your sequences? Or name a --task."
        )
    channels = found.input_channels if arguments.channels is None else arguments.channels
    report = check(found.architecture, seq_len, channels, required_context)
    verdict, _, numbers = str(report).partition("\n")
    print(verdict)
    if described:
        print(described)
    print(numbers)
    if reason:
        print(f"\n{arguments.task} requires {report.required_context:,} steps: {reason}.")
    return 0 if report.covers else 1


def _described(arguments: argparse.Namespace) -> dict[str, object]:
    """What was said about the network on the command line, under the names of `Architecture`."""
    filters = None if arguments.filters is None else dilation_list("filters", arguments.filters)
    said = {
        "kernel_size": arguments.kernel_size,
        "dilations": None
        if arguments.dilations is None
        else dilation_list("dilations", arguments.dilations),
        "nb_stacks": arguments.stacks,
        "padding": arguments.padding,
        "nb_filters": filters[0] if filters and len(filters) == 1 else filters,
        "norm": arguments.norm,
        "use_skip_connections": False if arguments.no_skip_connections else None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _asked_by(arguments: argparse.Namespace) -> tuple[Task, int | None]:
    """A task, or that of a study file, and the required context if it is not all steps."""
    from tcn_search.study.study_file import read_study_file
    from tcn_search.tasks.registry import load_task

    said = data_options(arguments)
    if arguments.task.lower().endswith(".toml"):
        file = read_study_file(
            arguments.task, {f"task.{name}": value for name, value in said.items()}
        )
        found = file.load_task()
        context = file.constraints.required_context
        return found, context if isinstance(context, int) else found.spec.required_context
    name = arguments.task
    if "horizon" in said and file_format(name):
        require_table(name)
        said["file"] = name
        name = "forecast"
    if arguments.seq_len is not None:
        said["look_back" if name == "forecast" else "seq_len"] = arguments.seq_len
    found = load_task(name, **said)
    return found, found.spec.required_context


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
    return find_tcn(arguments.model, arguments.layer)
