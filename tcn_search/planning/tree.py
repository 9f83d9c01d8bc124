"""The data behind the picture of a network's tree: which steps each level needs, from the output to the input."""

from __future__ import annotations

from typing import Any

from tcn_search.planning.architecture import CONVOLUTIONS_PER_BLOCK, Architecture
from tcn_search.planning.arguments import required_within
from tcn_search.planning.coverage import coverage, set_bits
from tcn_search.planning.reach import reach, window_of
from tcn_search.planning.receptive_field import left_padding


def receptive_field_rows(
    architecture: Architecture, seq_len: int, required_context: int | None = None
) -> dict[str, Any]:
    """Plain data for `receptive_field_tree`: one row for the input and one for each dilated convolution.

    Positions count from the first step of the sequence; edges may begin before it, or behind its end, in
    padding. Residual paths are left out: they lead from a step to the same step.

    Returns:
        seq_len, output (the position read out), rows (label, positions, edges as (from, to) pairs from the
        row before), blind (input positions that are wanted and not reached), unwanted (older ones that the
        task does not need).

    >>> tree = receptive_field_rows(Architecture(kernel_size=2, dilations=(1, 2)), seq_len=8)
    >>> [row["positions"] for row in tree["rows"]][:2]
    [[1, 2, 3, 4, 5, 6, 7], [2, 3, 4, 5, 6, 7]]
    """
    seq_len, required_context = required_within(seq_len, required_context)
    window = window_of(seq_len, architecture.padding)
    found = reach(architecture, window)
    rows: list[dict[str, Any]] = [{"label": "input", "positions": set_bits(found.inputs), "edges": []}]
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
    wanted = window_of(required_context, architecture.padding)
    first, last = window.back - wanted.back, window.back + wanted.ahead
    return {
        "seq_len": seq_len,
        "output": window.back,
        "rows": rows,
        "blind": [offset + window.back for offset in seen.blind_spots],
        "unwanted": [position for position in range(seq_len) if not first <= position <= last],
    }
