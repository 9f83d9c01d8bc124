"""List the architectures of given ranges that cover the required context, cheapest first."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice, product
from operator import itemgetter
from typing import NamedTuple

from tcn_search.arguments import (
    one_of,
    positive_integer,
    positive_integers,
    require_buildable,
    require_dilations,
    required_within,
)
from tcn_search.errors import InputError
from tcn_search.planning.architecture import (
    CONVOLUTIONS_PER_BLOCK,
    NORMS,
    PADDINGS,
    POOLED_READOUTS,
    READOUTS,
)
from tcn_search.planning.cost import uniform_parameters
from tcn_search.planning.multiply_adds import MultiplyAddCounter, MultiplyAddCounts
from tcn_search.planning.ranges import integers
from tcn_search.planning.reach import require_few_bits_of_many
from tcn_search.planning.sufficiency import Requirements, sufficient_stacks, unchecked_span

SORT_KEYS = ("parameters", "multiply_adds", "depth")
MOST_CANDIDATES = 200_000
DEFAULT_RANGES = {
    "nb_filters": "24",
    "kernel_size": "2-8",
    "dilation_base": "2",
    "levels": "1-12",
    "nb_stacks": "1-2",
}


class PlannedRow(NamedTuple):
    """An architecture that covers the required context without blind spots.

    `parameters` are those of the TCN without its head. `multiply_adds` are those of a forward pass
    over one sequence, for the last step only unless every step is read. `depth` is the number of
    dilated convolutions. `receptive_field` is that of one step of the TCN,
    `output_receptive_field` that of the output: through a pooled readout the whole sequence, and
    then `required_context` is None unless one was given. `dilation_base` is None for an explicit
    list of dilations. `smallest` marks the smallest receptive field that suffices.
    """

    nb_filters: int
    kernel_size: int
    dilations: tuple[int, ...]
    dilation_base: int | None
    levels: int
    nb_stacks: int
    receptive_field: int
    output_receptive_field: int
    required_context: int | None
    seq_len: int
    parameters: int
    multiply_adds: int
    depth: int
    smallest: bool


class PlanResult(NamedTuple):
    """The sufficient architectures, and number and largest receptive field of all candidates."""

    rows: list[PlannedRow]
    candidates: int
    largest_receptive_field: int


def plan_rows(
    seq_len: int,
    *,
    required_context: int | None = None,
    input_channels: int = 1,
    nb_filters: object = DEFAULT_RANGES["nb_filters"],
    kernel_size: object = DEFAULT_RANGES["kernel_size"],
    dilation_base: object = DEFAULT_RANGES["dilation_base"],
    levels: object = DEFAULT_RANGES["levels"],
    nb_stacks: object = DEFAULT_RANGES["nb_stacks"],
    dilations: Iterable[Iterable[int]] | None = None,
    padding: str = "causal",
    use_skip_connections: bool = True,
    norm: str = "none",
    readout: str = "last",
    sort_by: str = "parameters",
    max_params: int | None = None,
    max_multiply_adds: int | None = None,
    max_depth: int | None = None,
) -> PlanResult:
    """Return the architectures that cover the required context without blind spots.

    Through the readouts "average", "max" and "flatten" the output sees every step. They have no
    required context unless one is given, and all architectures suffice.

    Args:
        seq_len: steps of the sequences.
        required_context: number of steps that one step of the TCN must be able to see. Default: all
            for readouts of one step, no bound for the others but "sequence".
        input_channels: channels of the TCN's input.
        nb_filters, kernel_size, dilation_base, levels, nb_stacks: an integer, a list, a range, or
            text such as "2-8". The dilations are base ** (0 .. levels − 1).
        dilations: explicit lists of dilations, instead of base and levels.
        padding, use_skip_connections, norm: as in `Architecture`.
        readout: "last" counts multiply-adds for the last step only, other readouts for all steps.
        sort_by: "parameters", "multiply_adds" or "depth": the cheapest architecture comes first.
        max_params, max_multiply_adds, max_depth: leave out architectures above these limits.

    Raises:
        InputError: names the argument, the rule and the value received.

    >>> plan_rows(784, kernel_size="6-8", levels="7-9").rows[0].receptive_field
    1271
    """
    is_bounded = required_context is not None or readout not in POOLED_READOUTS
    seq_len, context = required_within(seq_len, required_context)
    channels = positive_integer("input_channels", input_channels)
    one_of("padding", padding, PADDINGS)
    one_of("norm", norm, NORMS)
    one_of("readout", readout, READOUTS)
    one_of("sort_by", sort_by, SORT_KEYS)
    limits = _limits(
        max_params=max_params, max_multiply_adds=max_multiply_adds, max_depth=max_depth
    )
    lists = _dilation_lists(dilations, dilation_base, levels)
    kernels = integers("kernel_size", kernel_size)
    filters = integers("nb_filters", nb_filters)
    stacks = integers("nb_stacks", nb_stacks)
    most_levels = max(map(len, lists))
    require_buildable(kernels[-1], most_levels, stacks[-1])
    candidates = len(lists) * len(kernels) * len(stacks) * len(filters)
    if candidates > MOST_CANDIDATES:
        raise InputError(
            f"The ranges must hold at most {MOST_CANDIDATES:,} architectures. "
            f"Received: {candidates:,}. Narrow one of them."
        )
    if padding == "same":
        require_few_bits_of_many(sum(map(len, lists)) * sum(stacks) * len(kernels), seq_len)
    requirements = Requirements(
        seq_len=seq_len,
        required_context=context if is_bounded else None,
        padding=padding,
        use_skip_connections=use_skip_connections,
    )
    counter = MultiplyAddCounter(
        seq_len, padding, use_skip_connections, last_step_only=readout == "last"
    )
    largest = 0
    rows = []
    for kernel, (dilation_list, base) in product(kernels, lists.items()):
        spans = {
            number: unchecked_span(kernel, dilation_list, number, padding) for number in stacks
        }
        largest = max(largest, spans[stacks[-1]].receptive_field)
        sufficient = sufficient_stacks(kernel, dilation_list, spans, requirements)
        if not sufficient:
            continue
        for number, counts in counter.counts(kernel, dilation_list, sufficient):
            shape = _Shape(
                kernel_size=kernel,
                dilations=dilation_list,
                dilation_base=base,
                nb_stacks=number,
                receptive_field=spans[number].receptive_field,
                multiply_adds=counts,
            )
            rows += [_row(shape, count, channels, requirements, norm, readout) for count in filters]
    kept = [row for row in rows if all(getattr(row, key) <= limit for key, limit in limits.items())]
    return PlanResult(_sorted_and_marked(kept, sort_by), candidates, largest)


class _Shape(NamedTuple):
    """An architecture without its filters."""

    kernel_size: int
    dilations: tuple[int, ...]
    dilation_base: int | None
    nb_stacks: int
    receptive_field: int
    multiply_adds: MultiplyAddCounts


def _row(
    shape: _Shape,
    filters: int,
    channels: int,
    requirements: Requirements,
    norm: str,
    readout: str,
) -> PlannedRow:
    """Return the row of a shape with this number of filters."""
    levels = len(shape.dilations)
    blocks = levels * shape.nb_stacks
    skips = requirements.use_skip_connections
    output_receptive_field = shape.receptive_field
    if readout in POOLED_READOUTS:
        output_receptive_field = requirements.seq_len
    has_match = channels != filters and not (skips and blocks == 1)
    return PlannedRow(
        nb_filters=filters,
        kernel_size=shape.kernel_size,
        dilations=shape.dilations,
        dilation_base=shape.dilation_base,
        levels=levels,
        nb_stacks=shape.nb_stacks,
        receptive_field=shape.receptive_field,
        output_receptive_field=output_receptive_field,
        required_context=requirements.required_context,
        seq_len=requirements.seq_len,
        parameters=uniform_parameters(shape.kernel_size, filters, blocks, channels, norm, skips),
        multiply_adds=shape.multiply_adds.total(channels, filters, has_match),
        depth=CONVOLUTIONS_PER_BLOCK * blocks,
        smallest=False,
    )


def _limits(**given: int | None) -> dict[str, int]:
    """Return the limits that are given, by the name of their column."""
    columns = {
        "max_params": "parameters",
        "max_multiply_adds": "multiply_adds",
        "max_depth": "depth",
    }
    return {
        columns[key]: positive_integer(key, limit)
        for key, limit in given.items()
        if limit is not None
    }


def _dilation_lists(
    dilations: Iterable[Iterable[int]] | None, dilation_base: object, levels: object
) -> dict[tuple[int, ...], int | None]:
    """Return each different list of dilations with its base, which is None for explicit lists."""
    if dilations is not None:
        lists = [
            positive_integers("dilations", dilation_list)
            for dilation_list in islice(dilations, MOST_CANDIDATES)
        ]
        if not lists:
            raise InputError(
                "dilations must hold at least one list of dilations. Received: an empty list"
            )
        return dict.fromkeys(lists)
    bases = integers("dilation_base", dilation_base)
    depths = integers("levels", levels)
    require_dilations(bases[-1], depths[-1])
    base_of: dict[tuple[int, ...], int | None] = {}
    for base, depth in product(bases, depths):
        base_of.setdefault(tuple(base**level for level in range(depth)), base)
    return base_of


def _sorted_and_marked(rows: list[PlannedRow], sort_by: str) -> list[PlannedRow]:
    """Return the rows in order; rows with the smallest receptive field are marked."""
    order = [PlannedRow._fields.index(key) for key in (sort_by, *SORT_KEYS, "receptive_field")]
    rows.sort(key=itemgetter(*order))
    smallest = min((row.receptive_field for row in rows), default=0)
    return [row._replace(smallest=True) if row.receptive_field == smallest else row for row in rows]
