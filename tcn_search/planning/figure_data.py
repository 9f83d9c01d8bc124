"""The plain data behind the pictures: the tree, coverage by lag, the distribution of paths."""

from __future__ import annotations

from typing import Any

from tcn_search.arguments import required_within
from tcn_search.errors import InputError
from tcn_search.planning.architecture import CONVOLUTIONS_PER_BLOCK, Architecture
from tcn_search.planning.coverage import coverage, set_bits
from tcn_search.planning.effective_receptive_field import PathDistribution
from tcn_search.planning.reach import reach, window_of
from tcn_search.planning.receptive_field import left_padding

_MOST_DRAWN = 1_000_000


def receptive_field_rows(
    architecture: Architecture, seq_len: int, required_context: int | None = None
) -> dict[str, Any]:
    """Plain data for `plot_receptive_field_tree`: one row for the input and one for each dilated convolution.

    Positions count from the first step of the sequence; edges may begin before it, or behind its end, in
    padding. Residual paths are left out: they lead from a step to the same step.

    Returns:
        seq_len, output (the position read out), rows (label, positions, edges as (from, to) pairs from the
        row before), blind (input positions that are wanted and not reached).

    >>> tree = receptive_field_rows(Architecture(kernel_size=2, dilations=(1, 2)), seq_len=8)
    >>> [row["positions"] for row in tree["rows"]][:2]
    [[1, 2, 3, 4, 5, 6, 7], [2, 3, 4, 5, 6, 7]]
    """
    seq_len, required_context = required_within(seq_len, required_context)
    window = window_of(seq_len, architecture.padding)
    found = reach(architecture, window)
    drawn = sum(mask.bit_count() for mask in found.convolutions) * architecture.kernel_size
    _require_drawable(drawn, "connections")
    rows: list[dict[str, Any]] = [
        {"label": "input", "positions": set_bits(found.inputs), "edges": []}
    ]
    dilations = architecture.dilations * architecture.nb_stacks
    for index, mask in enumerate(found.convolutions):
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
    seen = coverage(architecture, required_context, seq_len)
    return {
        "seq_len": seq_len,
        "output": window.back,
        "rows": rows,
        "blind": [offset + window.back for offset in seen.blind_spots],
    }


def coverage_lags(
    architecture: Architecture, seq_len: int, required_context: int | None = None
) -> dict[str, Any]:
    """Plain data for `plot_coverage`, in lags: steps back from the output step, below 0 ahead of it.

    Returns:
        seq_len; reached, ascending; wanted and field, the (newest, oldest) lag of the required context and of
        the receptive field.

    >>> coverage_lags(Architecture(kernel_size=2, dilations=(2,)), seq_len=10)["reached"]
    [0, 2, 4]
    """
    seq_len, required_context = required_within(seq_len, required_context)
    wanted = window_of(required_context, architecture.padding)
    seen = coverage(architecture, required_context, seq_len)
    _require_drawable(seen.mask.bit_count(), "steps")
    return {
        "seq_len": seq_len,
        "reached": [-offset for offset in reversed(seen.reached)],
        "wanted": (-wanted.ahead, wanted.back),
        "field": (-seen.look_ahead, seen.look_back),
    }


def _require_drawable(count: int, what: str) -> None:
    """Raise an InputError for a picture in which nothing could be told apart."""
    if count > _MOST_DRAWN:
        raise InputError(
            f"A picture of a receptive field must have at most {_MOST_DRAWN:,} {what}. Received: {count:,}. "
            "Draw a shorter sequence or a smaller network."
        )


def path_shares(paths: PathDistribution) -> tuple[range, tuple[float, ...]]:
    """(lags, shares) of a distribution of paths, for `plot_effective_receptive_field`."""
    return range(
        paths.first_lag, paths.first_lag + paths.cell * len(paths.shares), paths.cell
    ), paths.shares
