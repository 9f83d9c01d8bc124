"""`tcn-search plan`: list the architectures that cover a sequence, as table, CSV or JSON."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from typing import Any

from tcn_search.arguments import one_of
from tcn_search.atomic_files import replacing
from tcn_search.cli.output import require_option, table_lines, wrapped
from tcn_search.errors import InputError
from tcn_search.planning.architecture import POOLED_READOUTS, READOUTS, pool_in_words
from tcn_search.planning.plan import DEFAULT_RANGES, SORT_KEYS, PlannedRow, PlanResult, plan_rows
from tcn_search.planning.ranges import dilation_list

FORMATS = ("table", "csv", "json")
_RANGES = {
    "--kernel-size": ("kernel_size", "taps of each dilated convolution"),
    "--dilation-base": ("dilation_base", "dilations are base ** (0 .. levels − 1)"),
    "--levels": ("levels", "residual blocks in a stack"),
    "--stacks": ("nb_stacks", "how often the levels are repeated"),
    "--filters": ("nb_filters", "channels of each convolution"),
}
_HEAD = (
    "kernel",
    "dilations",
    "stacks",
    "filters",
    "receptive\nfield of\na step",
    "parameters",
    "mult.-\nadds",
    "depth",
)
_LEFT_ALIGNED = (1,)  # columns of the table
_WIDEST_DILATIONS = 13  # characters


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `plan`."""
    parser.add_argument(
        "--seq-len", type=int, required=True, metavar="T", help="steps of the sequences"
    )
    parser.add_argument(
        "--readout",
        metavar="KIND",
        help=f"{', '.join(READOUTS)} (last); through max, average and flatten the output sees "
        "every step, "
        "so a step may see any number",
    )
    parser.add_argument(
        "--required-context",
        type=int,
        metavar="N",
        help="steps that one step must see (T; no bound for max, average and flatten)",
    )
    parser.add_argument(
        "--channels", type=int, default=1, metavar="C", help="channels of the input (1)"
    )
    for option, (name, meaning) in _RANGES.items():
        default = DEFAULT_RANGES[name]
        parser.add_argument(
            option,
            dest=name,
            metavar="RANGE",
            help=f'{meaning}, such as "4", "2,3", "2-8" ({default})',
        )
    parser.add_argument(
        "--dilations",
        action="append",
        metavar="1,2,4",
        help="an explicit list, in place of base and levels; repeatable",
    )
    parser.add_argument(
        "--padding", default="causal", metavar="KIND", help="causal, same, valid (causal)"
    )
    parser.add_argument(
        "--norm", default="none", metavar="KIND", help="none, batch, layer, weight (none)"
    )
    parser.add_argument(
        "--no-skip-connections", action="store_true", help="use the output of the last block only"
    )
    parser.add_argument("--all-steps", action="store_true", help="the same as --readout sequence")
    parser.add_argument(
        "--sort-by",
        default="parameters",
        metavar="COST",
        help=f"{', '.join(SORT_KEYS)} (parameters)",
    )
    parser.add_argument(
        "--max-params", type=int, metavar="N", help="largest number of parameters, without the head"
    )
    parser.add_argument(
        "--max-multiply-adds",
        type=int,
        metavar="N",
        help="largest number of multiply-adds per sequence",
    )
    parser.add_argument(
        "--max-depth", type=int, metavar="N", help="largest number of dilated convolutions in a row"
    )
    parser.add_argument(
        "--format", default="table", metavar="KIND", help=f"{', '.join(FORMATS)} (table)"
    )
    parser.add_argument(
        "--top",
        type=int,
        default=20,
        metavar="N",
        help="rows of the table (20); CSV and JSON have all",
    )
    parser.add_argument(
        "--plot", metavar="FILE", help="draw receptive field against cost, as PNG, SVG or PDF"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the plan, and draw it if asked to.

    Returns:
        The exit code: 0, or 1 if no architecture in the ranges suffices.
    """
    one_of("--format", arguments.format, FORMATS)
    require_option("top", arguments.top)
    plan = plan_rows(arguments.seq_len, **_options(arguments))
    if not plan.rows:
        print(f"tcn-search plan: {_reason_for_empty_plan(plan, arguments)}", file=sys.stderr)
    if arguments.format == "table":
        if plan.rows:
            print("\n".join(_table(plan, arguments)))
    elif arguments.format == "csv":
        _write_csv(plan.rows)
    else:
        print(json.dumps([row._asdict() for row in plan.rows], indent=1))
    if arguments.plot and plan.rows:
        _draw(plan, arguments)
    return 0 if plan.rows else 1


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the keyword arguments of `plan_rows`."""
    if arguments.dilations and (arguments.levels or arguments.dilation_base):
        raise InputError(
            "--dilations replaces --dilation-base and --levels. Give either, not both."
        )
    options = {
        "required_context": arguments.required_context,
        "input_channels": arguments.channels,
        "padding": arguments.padding,
        "use_skip_connections": not arguments.no_skip_connections,
        "norm": arguments.norm,
        "readout": _readout(arguments),
        "sort_by": arguments.sort_by,
        "max_params": arguments.max_params,
        "max_multiply_adds": arguments.max_multiply_adds,
        "max_depth": arguments.max_depth,
    }
    if arguments.dilations:
        options["dilations"] = [dilation_list("dilations", text) for text in arguments.dilations]
    for name, _ in _RANGES.values():
        text = getattr(arguments, name)
        if text is not None:
            options[name] = text
    return options


def _readout(arguments: argparse.Namespace) -> str:
    """Return the readout of --readout or --all-steps."""
    readout: str = arguments.readout or "last"
    if not arguments.all_steps:
        return readout
    if arguments.readout not in (None, "sequence"):
        raise InputError("--all-steps is --readout sequence. Give either, not both.")
    return "sequence"


def _reason_for_empty_plan(plan: PlanResult, arguments: argparse.Namespace) -> str:
    """Return why no architecture suffices, and which options to change."""
    required = arguments.required_context
    if required is None and _readout(arguments) in POOLED_READOUTS:
        return (
            f"none of {plan.candidates:,} architectures is within the limits. Widen the ranges or "
            "the limits."
        )
    required = required or arguments.seq_len
    text = (
        f"none of {plan.candidates:,} architectures suffices for the {required:,} steps required "
        f"(sequence length {arguments.seq_len:,})"
    )
    if plan.largest_receptive_field < required:
        return (
            f"{text}; the largest receptive field in these ranges is "
            f"{plan.largest_receptive_field:,}. Allow more levels, larger kernels or more stacks."
        )
    return f"{text} without blind spots and within the limits. Widen the ranges or the limits."


def _table(plan: PlanResult, arguments: argparse.Namespace) -> list[str]:
    """Return the lines of the table, with the lines above and below it."""
    first = plan.rows[0]
    rows = [_cells(row) for row in plan.rows[: arguments.top]]
    lines = wrapped(
        f"{len(plan.rows):,} of {plan.candidates:,} architectures {_what_suffices(first)}; "
        f"cheapest first by {arguments.sort_by}."
    )
    lines += wrapped(_receptive_field_of_the_output(first, arguments))
    lines += ["", *table_lines(_HEAD, rows, _LEFT_ALIGNED), ""]
    smallest = next(row for row in plan.rows if row.smallest)
    lines += wrapped(
        f"* the smallest receptive field that suffices: {smallest.receptive_field:,} "
        f"(kernel {smallest.kernel_size}, dilations {','.join(map(str, smallest.dilations))}, "
        f"stacks {smallest.nb_stacks})"
    )
    hidden = len(plan.rows) - arguments.top
    if hidden > 0:
        lines += wrapped(f"{hidden:,} more: --top {len(plan.rows)}, or --format csv")
    return lines


def _what_suffices(row: PlannedRow) -> str:
    """Return what the architectures of a plan have in common."""
    if row.required_context is None:
        return "suffice"
    return (
        f"cover the {row.required_context:,} steps required (sequence length {row.seq_len:,}) "
        "without blind spots"
    )


def _receptive_field_of_the_output(row: PlannedRow, arguments: argparse.Namespace) -> str:
    """Return what the column of the receptive fields means for the output."""
    readout = _readout(arguments)
    if readout not in POOLED_READOUTS:
        return f"The output (readout {readout}) has the receptive field of one step."
    text = (
        f"Through {pool_in_words(readout)} the output sees all {row.output_receptive_field:,} "
        f"steps (sequence length {row.seq_len:,})"
    )
    if row.required_context is None:
        return f"{text}; one step may see any number of them."
    return f"{text}."


def _cells(row: PlannedRow) -> tuple[str, ...]:
    """Return the texts of a row, in the order of `_HEAD`."""
    dilations = ",".join(map(str, row.dilations))
    if len(dilations) > _WIDEST_DILATIONS:
        dilations = f"{','.join(map(str, row.dilations[:3]))},…,{row.dilations[-1]}"
    return (
        f"{'*' if row.smallest else ' '}{row.kernel_size:>5}",
        dilations,
        str(row.nb_stacks),
        str(row.nb_filters),
        f"{row.receptive_field:,}",
        f"{row.parameters:,}",
        _rounded(row.multiply_adds),
        f"{row.depth:,}",
    )


def _rounded(number: int) -> str:
    """Return a number with three digits and its unit.

    >>> _rounded(950), _rounded(1_418_400), _rounded(12_172_608_000)
    ('950', '1.42 M', '12.2 G')
    """
    value = float(number)
    for unit in ("", " k", " M", " G", " T"):
        if value < 999.5 or unit == " T":
            break
        value /= 1000
    digits = max(0, 3 - len(str(int(value)))) if unit else 0
    return f"{value:.{digits}f}{unit}"


def _write_csv(rows: list[PlannedRow]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(PlannedRow._fields)
    for row in rows:
        values = row._asdict()
        values["dilations"] = " ".join(map(str, row.dilations))
        writer.writerow(values.values())


def _draw(plan: PlanResult, arguments: argparse.Namespace) -> None:
    from matplotlib.figure import Figure

    from tcn_search.plots.plan_frontier import plot_plan_frontier

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    plot_plan_frontier([row._asdict() for row in plan.rows], cost=arguments.sort_by, ax=axes)
    failure = f"--plot could not write {arguments.plot}"
    with replacing(arguments.plot, failure) as temporary:
        try:
            figure.savefig(temporary, dpi=150)
        except ValueError as error:  # a format that matplotlib does not know
            raise InputError(f"{failure}: {error}") from error
