"""Multiply-adds of the layer's evaluation plan, for many architectures at once.

A plan is made from the last block to the first. So one pass over the largest number of stacks also
gives the counts of fewer stacks, and a block that was counted before, on the same grid, is looked
up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tcn_search.planning import last_step
from tcn_search.planning.grids import Grid, input_grid, plan_convolution, union
from tcn_search.planning.receptive_field import left_padding


class MultiplyAddCounts(NamedTuple):
    """Multiply-adds of a network for each pair of an input and an output channel.

    `first` counts the first convolution, which reads the input's channels; `others` all other
    dilated convolutions; `match` the first block's 1×1 convolution.
    """

    first: int
    others: int
    match: int

    def total(self, input_channels: int, filters: int, has_match: bool) -> int:
        """Return the multiply-adds of all convolutions, where every level has the same filters."""
        total = filters * (self.first * input_channels + self.others * filters)
        if has_match:
            total += self.match * input_channels * filters
        return total


class _BlockCounts(NamedTuple):
    """Multiply-adds of a block's convolutions, its outputs, and the grid of its input."""

    first: int
    second: int
    outputs: int
    following: Grid


class MultiplyAddCounter:
    """Count multiply-adds of executed plans, for one sequence length and padding."""

    def __init__(
        self, seq_len: int, padding: str, use_skip_connections: bool, last_step_only: bool
    ) -> None:
        self.seq_len = seq_len
        self.padding = padding
        self.use_skip_connections = use_skip_connections
        self.last_step_only = last_step_only
        self._known_blocks: dict[tuple, _BlockCounts] = {}

    def counts(
        self, kernel_size: int, dilations: Sequence[int], stacks: Sequence[int]
    ) -> Iterator[tuple[int, MultiplyAddCounts]]:
        """Yield (nb_stacks, counts) for each of `stacks`, which ascend."""
        if self.padding == "valid" and not self.last_step_only:
            for nb_stacks in stacks:  # the wanted steps depend on the whole network
                dropped = 2 * (kernel_size - 1) * sum(dilations) * nb_stacks
                wanted = Grid(dropped, 1, self.seq_len - dropped)
                yield from self._count_stacks(kernel_size, dilations, (nb_stacks,), wanted)
            return
        wanted = Grid(last_step.last_step(self.seq_len, self.padding), 1, 1)
        if not self.last_step_only:
            wanted = Grid(0, 1, self.seq_len)
        yield from self._count_stacks(kernel_size, dilations, stacks, wanted)

    def _count_stacks(
        self, kernel_size: int, dilations: Sequence[int], stacks: Sequence[int], wanted: Grid
    ) -> Iterator[tuple[int, MultiplyAddCounts]]:
        """Yield (nb_stacks, counts) for each of `stacks`, with the same wanted output steps."""
        following = wanted
        later_blocks = 0
        for index in range(stacks[-1] * len(dilations)):
            dilation = dilations[-1 - index % len(dilations)]
            is_last = index == 0
            block = self._block(kernel_size, dilation, following, wanted, is_last, is_first=False)
            nb_stacks, rest = divmod(index + 1, len(dilations))
            if not rest and nb_stacks in stacks:
                first_block = self._block(
                    kernel_size, dilation, following, wanted, is_last, is_first=True
                )
                yield (
                    nb_stacks,
                    MultiplyAddCounts(
                        first=first_block.first,
                        others=first_block.second + later_blocks,
                        match=first_block.outputs,
                    ),
                )
            later_blocks += block.first + block.second
            following = block.following

    def _block(
        self,
        kernel_size: int,
        dilation: int,
        following: Grid,
        wanted: Grid,
        is_last: bool,
        is_first: bool,
    ) -> _BlockCounts:
        """Return the counts of a block, from the cache if it was counted before."""
        key = (kernel_size, dilation, following, wanted, is_last, is_first)
        if key not in self._known_blocks:
            self._known_blocks[key] = self._count_block(*key)
        return self._known_blocks[key]

    def _count_block(
        self,
        kernel_size: int,
        dilation: int,
        following: Grid,
        wanted: Grid,
        is_last: bool,
        is_first: bool,
    ) -> _BlockCounts:
        """Count a block whose output feeds the grid `following` of the next one."""
        left = left_padding((kernel_size - 1) * dilation, self.padding)
        skips = self.use_skip_connections
        outputs = following
        if skips:
            outputs = union(following, wanted)
        hidden = input_grid(outputs, kernel_size, dilation, left, self.seq_len)
        inputs = input_grid(hidden, kernel_size, dilation, left, self.seq_len)
        before = inputs
        if not (skips and is_last):
            before = union(outputs, inputs)
        source = before
        if skips and not is_first:
            source = union(before, wanted)
        convolutions = (
            plan_convolution(source, hidden, kernel_size, dilation, left),
            plan_convolution(hidden, outputs, kernel_size, dilation, left),
        )
        plan = last_step.plan_block(
            convolutions, [source, hidden, outputs], wanted, use_phases=True
        )
        first, second = (
            convolution.multiply_adds_per_channel_pair * plan.phases
            for convolution in plan.convolutions
        )
        return _BlockCounts(first=first, second=second, outputs=outputs.count, following=before)
