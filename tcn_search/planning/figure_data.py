"""Plain data for the planning plots: connections by level, coverage by lag, paths by lag."""

from __future__ import annotations

from typing import Any

from tcn_search.errors import InputError
from tcn_search.planning.architecture import CONVOLUTIONS_PER_BLOCK, Architecture, pool_in_words
from tcn_search.planning.coverage import seen_by_the_tcn, set_bits
from tcn_search.planning.effective_receptive_field import PathDistribution
from tcn_search.planning.reach import reach, window_of
from tcn_search.planning.receptive_field import left_padding

_MOST_MARKS = 1_000_000


def receptive_field_rows(
    architecture: Architecture, seq_len: int, required_context: int | None = None
) -> dict[str, Any]:
    """Return plain data for `plot_receptive_field_tree`.

    Positions count from the first step that the network is given; behind a stem, steps are patches.
    Edges may begin before the sequence or after its end, in padding. Residual paths are left out:
    they lead from a step to the same step.

    Args:
        seq_len: steps of the sequence.
        required_context: number of steps that the output step must be able to see. Default: all.

    Returns:
        A dict with seq_len; unit, "steps" or "patches"; output, the position that is read out;
        pool, a pooled readout in words, else ""; rows, one for the input and one for each dilated
        convolution, with label, positions and edges, which are (from, to) pairs of positions in the
        row before and in this row; blind, the input positions of blind spots.

    Raises:
        InputError: a number is out of range, or the plot would have more than 1,000,000 edges.

    >>> tree = receptive_field_rows(Architecture(kernel_size=2, dilations=(1, 2)), seq_len=8)
    >>> [row["positions"] for row in tree["rows"]][:2]
    [[1, 2, 3, 4, 5, 6, 7], [2, 3, 4, 5, 6, 7]]
    """
    unit = "steps" if architecture.patch == 1 else "patches"
    architecture, seq_len, covered = seen_by_the_tcn(architecture, seq_len, required_context)
    window = window_of(seq_len, architecture.padding)
    reached = reach(architecture, window)
    computed = sum(mask.bit_count() for mask in reached.convolutions)
    _require_drawable(computed * architecture.kernel_size, "connections")
    rows: list[dict[str, Any]] = [
        {"label": "input", "positions": set_bits(reached.inputs), "edges": []}
    ]
    dilations = architecture.dilations * architecture.nb_stacks
    for index, mask in enumerate(reached.convolutions):
        dilation = dilations[index // CONVOLUTIONS_PER_BLOCK]
        left = left_padding((architecture.kernel_size - 1) * dilation, architecture.padding)
        positions = set_bits(mask)
        rows.append(
            {
                "label": f"dilation {dilation}",
                "positions": positions,
                "edges": [
                    (position - left + tap * dilation, position)
                    for position in positions
                    for tap in range(architecture.kernel_size)
                ],
            }
        )
    origin = window.back
    if covered.required_context is None:  # through a pool, offsets count from the last step
        origin = seq_len - 1
    return {
        "seq_len": seq_len,
        "unit": unit,
        "output": window.back,
        "pool": pool_in_words(architecture.readout) if architecture.is_pooled else "",
        "rows": rows,
        "blind": [offset + origin for offset in covered.blind_spots],
    }


def coverage_lags(
    architecture: Architecture, seq_len: int, required_context: int | None = None
) -> dict[str, Any]:
    """Return plain data for `plot_coverage` in lags.

    A lag is a number of steps back from the output step; lags below 0 lie ahead of it. Behind a
    stem, steps are patches. Through a pooled readout without a required context, lags are those of
    the whole sequence.

    Args:
        seq_len: steps of the sequence.
        required_context: number of steps that the output step must be able to see. Default: all.

    Returns:
        A dict with seq_len; unit, "steps" or "patches"; reached, the lags that are reached,
        ascending; wanted, the (newest, oldest) lag of the required context; field, those of the
        receptive field.

    Raises:
        InputError: a number is out of range, or the plot would have more than 1,000,000 steps.

    >>> coverage_lags(Architecture(kernel_size=2, dilations=(2,)), seq_len=10)["reached"]
    [0, 2, 4]
    """
    unit = "steps" if architecture.patch == 1 else "patches"
    architecture, seq_len, covered = seen_by_the_tcn(architecture, seq_len, required_context)
    wanted = field = (0, seq_len - 1)  # through a pool
    if covered.required_context is not None:
        required = window_of(covered.required_context, architecture.padding)
        wanted = (-required.ahead, required.back)
        field = (-covered.look_ahead, covered.look_back)
    _require_drawable(covered.mask.bit_count(), "steps")
    return {
        "seq_len": seq_len,
        "unit": unit,
        "reached": [-offset for offset in reversed(covered.reached)],
        "wanted": wanted,
        "field": field,
    }


def _require_drawable(count: int, marks: str) -> None:
    """Raise an InputError if a plot has more marks than can be distinguished."""
    if count > _MOST_MARKS:
        raise InputError(
            f"A picture of a receptive field must have at most {_MOST_MARKS:,} {marks}. "
            f"Received: {count:,}. Draw a shorter sequence or a smaller network."
        )


def path_shares(paths: PathDistribution) -> tuple[range, tuple[float, ...]]:
    """Return (lags, shares) of a distribution of paths for `plot_effective_receptive_field`."""
    end = paths.first_lag + paths.cell * len(paths.shares)
    return range(paths.first_lag, end, paths.cell), paths.shares
