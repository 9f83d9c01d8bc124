"""`tcn-search check`: say whether a network sees the whole sequence.

The exit code is 0 if the network covers the required context, 1 if not, 2 for bad input.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tcn_search.cli.data_options import add_data_arguments, data_options
from tcn_search.cli.output import add_format, print_json, printable
from tcn_search.errors import InputError
from tcn_search.formats.file_names import file_format, require_table
from tcn_search.planning.architecture import NORMS, PADDINGS, READOUTS, Architecture
from tcn_search.planning.check import check
from tcn_search.planning.check_report import Report
from tcn_search.planning.cost import body_channels
from tcn_search.planning.ranges import dilation_list
from tcn_search.planning.saved_model import TCNDescription, find_tcn

if TYPE_CHECKING:
    from tcn_search.tasks.task import Task
    from tcn_search.tasks.task_spec import TaskSpec


_MOST_RUNS = 1_000  # of blind spots, in JSON


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `check`."""
    parser.add_argument(
        "model",
        nargs="?",
        metavar="MODEL.keras",
        help="a saved model, in place of the options about the network",
    )
    parser.add_argument(
        "--layer", metavar="NAME", help="the TCN to check, if the model has several"
    )
    parser.add_argument(
        "--task",
        metavar="NAME",
        help="take sequence length, channels and required context from a task: "
        "a name, a data file or a STUDY.toml",
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
        help="channels of each convolution, one number, or one per level (64)",
    )
    parser.add_argument("--norm", metavar="KIND", help=f"{', '.join(NORMS)} (none)")
    parser.add_argument(
        "--patch", type=int, metavar="P", help="steps that a stem joins to one step of the TCN (1)"
    )
    parser.add_argument(
        "--patch-stride", type=int, metavar="S", help="steps from one patch to the next (P)"
    )
    parser.add_argument(
        "--no-skip-connections", action="store_true", help="use the output of the last block only"
    )
    parser.add_argument(
        "--readout",
        metavar="KIND",
        help=f"{', '.join(READOUTS)} (last); through max, average and flatten the output sees "
        "every step",
    )
    parser.add_argument("--channels", type=int, metavar="C", help="channels of the input (1)")
    parser.add_argument(
        "--required-context",
        type=int,
        metavar="N",
        help="steps that one step must see (T; no bound for max, average and flatten)",
    )
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the report: a verdict in words, then the numbers."""
    network = _network(arguments)
    if arguments.readout is not None:
        changed = replace(network.architecture, readout=arguments.readout)
        network = network._replace(architecture=changed)
    required_context = arguments.required_context
    reason = ""
    task_lines: list[str] = []
    if arguments.task is not None:
        task, rule = _task_and_rule(arguments)
        spec = task.spec
        task_lines = [f"{task.name}: {task.shape}; {task.inferred}", *task.notes]
        network = network._replace(
            seq_len=spec.seq_len,
            input_channels=body_channels(
                network.architecture, spec.input_channels, spec.vocabulary
            ),
        )
        if required_context is None:
            required_context = _required_context(rule, network.architecture, spec)
            if required_context == (spec.required_context or spec.seq_len):
                reason = spec.context_reason
    if arguments.seq_len is not None:
        network = network._replace(seq_len=arguments.seq_len)
    if arguments.channels is not None:
        network = network._replace(input_channels=arguments.channels)
    if network.seq_len is None:
        raise InputError(
            "--seq-len is missing: give the number of steps of your sequences, or a --task."
        )
    report = check(network.architecture, network.seq_len, network.input_channels, required_context)
    if arguments.format == "json":
        print_json(_values(report))
        return 0 if report.covers else 1
    verdict, _, numbers = str(report).partition("\n")
    print(verdict)
    for line in task_lines:
        print(printable(line))
    print(numbers)
    if reason:
        print(f"\n{arguments.task} requires {required_context:,} steps: {reason}.")
    return 0 if report.covers else 1


def _values(report: Report) -> dict[str, Any]:
    """Return what --format json prints; docs/command-line.md has the keys."""
    cost = report.cost
    return {
        "covers": report.covers,
        "suffices": report.suffices,
        "verdict": report.verdict,
        "seq_len": report.seq_len,
        "required_context": report.required_context,
        "receptive_field": report.receptive_field,
        "output_receptive_field": report.output_receptive_field,
        "look_back": report.look_back,
        "look_ahead": report.look_ahead,
        "blind_spots": report.coverage.blind_spot_count,
        "blind_runs": report.coverage.blind_runs(_MOST_RUNS),
        "wasted_taps": len(report.wasted_taps),
        "effective_receptive_field": report.effective.steps,
        "parameters": None if cost is None else cost.parameters,
        "multiply_adds": None if cost is None else cost.multiply_adds,
        "multiply_adds_last_step": None if cost is None else cost.multiply_adds_last_step,
        "changes": [change.text for change in report.changes],
        "architecture": (report.stem or report.architecture).to_dict(),
    }


def _network(arguments: argparse.Namespace) -> TCNDescription:
    """Return the network of the saved model, or of the options."""
    options = _architecture_options(arguments)
    if arguments.model:
        if options:
            raise InputError(
                f"{arguments.model} defines the network's {', '.join(options)} itself. "
                "Leave these options out."
            )
        return find_tcn(arguments.model, arguments.layer)
    if arguments.layer is not None:
        raise InputError("--layer chooses a TCN of a saved model: name the model's file too.")
    for name, option in (("kernel_size", "--kernel-size"), ("dilations", "--dilations")):
        if name not in options:
            raise InputError(f"{option} is missing; or give a saved model, MODEL.keras.")
    return TCNDescription(
        name="", architecture=Architecture.from_dict(options), seq_len=None, input_channels=None
    )


def _architecture_options(arguments: argparse.Namespace) -> dict[str, object]:
    """Return the given options about the network under the names of `Architecture`."""
    filters: tuple[int, ...] | int | None = _numbers("filters", arguments.filters)
    if isinstance(filters, tuple) and len(filters) == 1:
        filters = filters[0]
    options = {
        "kernel_size": arguments.kernel_size,
        "dilations": _numbers("dilations", arguments.dilations),
        "nb_stacks": arguments.stacks,
        "padding": arguments.padding,
        "nb_filters": filters,
        "norm": arguments.norm,
        "patch": arguments.patch,
        "patch_stride": arguments.patch_stride,
        "use_skip_connections": False if arguments.no_skip_connections else None,
    }
    return {name: value for name, value in options.items() if value is not None}


def _numbers(name: str, text: str | None) -> tuple[int, ...] | None:
    return None if text is None else dilation_list(name, text)


def _required_context(rule: int | str, architecture: Architecture, spec: TaskSpec) -> int | None:
    """Return the steps that one step must see by a study's rule; None as for `check`."""
    if isinstance(rule, int):
        return rule
    if rule == "auto" and architecture.is_pooled:
        return None
    return spec.required_context or spec.seq_len


def _task_and_rule(arguments: argparse.Namespace) -> tuple[Task, int | str]:
    """Load the task of --task; return it with the `required_context` of its study file."""
    from tcn_search.study.study_file import read_study_file
    from tcn_search.tasks.registry import load_task

    name = arguments.task
    options = data_options(arguments)
    if name.lower().endswith(".toml"):
        changes = {f"task.{option}": value for option, value in options.items()}
        file = read_study_file(name, changes)
        return file.load_task(), file.constraints.required_context
    if "horizon" in options and file_format(name):
        require_table(name)
        options["file"] = name
        name = "forecast"
    if arguments.seq_len is not None:
        length_option = "look_back" if name == "forecast" else "seq_len"
        options[length_option] = arguments.seq_len
    return load_task(name, **options), "auto"
