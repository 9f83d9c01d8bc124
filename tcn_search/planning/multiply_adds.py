"""Products of the layer's evaluation plan, for many architectures at once.

The plan is made from the last block to the first, so one pass over the most stacks gives the counts of fewer
stacks too, and blocks that have been met before on the same grid are looked up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tcn_search.planning import last_step
from tcn_search.planning.grids import Grid, inputs_of, plan_convolution, union
from tcn_search.planning.receptive_field import left_padding


class Products(NamedTuple):
    """Multiply-adds for each pair of an input and an output channel.

    `first` are those of the first convolution, which reads the input's channels; `others` those of all other
    dilated convolutions; `match` those of the first block's 1×1 convolution.
    """

    first: int
    others: int
    match: int

    def multiply_adds(self, input_channels: int, filters: int, has_match: bool) -> int:
        """Multiply-adds of all convolutions, where every level has the same filters."""
        total = filters * (self.first * input_channels + self.others * filters)
        return total + (self.match * input_channels * filters if has_match else 0)


class _Block(NamedTuple):
    """Products of the two convolutions, outputs, and the grid that is needed of the block before."""

    first: int
    second: int
    outputs: int
    following: Grid


class ProductCounter:
    """Counts products over the plan that the layer executes, for one sequence length and padding."""

    def __init__(
        self, seq_len: int, padding: str, use_skip_connections: bool, last_step_only: bool
    ) -> None:
        self.seq_len = seq_len
        self.padding = padding
        self.use_skip_connections = use_skip_connections
        self.last_step_only = last_step_only
        self._met: dict[tuple, _Block] = {}

    def products(
        self, kernel_size: int, dilations: Sequence[int], stacks: Sequence[int]
    ) -> Iterator[tuple[int, Products]]:
        """(nb_stacks, products) for each of `stacks`, which ascend."""
        if self.padding == "valid" and not self.last_step_only:
            for nb_stacks in stacks:  # its wanted steps depend on the whole network
                lost = 2 * (kernel_size - 1) * sum(dilations) * nb_stacks
                wanted = Grid(lost, 1, self.seq_len - lost)
                yield from self._pass(kernel_size, dilations, (nb_stacks,), wanted)
            return
        wanted = Grid(last_step.last_step(self.seq_len, self.padding), 1, 1)
        if not self.last_step_only:
            wanted = Grid(0, 1, self.seq_len)
        yield from self._pass(kernel_size, dilations, stacks, wanted)

    def _pass(
        self, kernel_size: int, dilations: Sequence[int], stacks: Sequence[int], wanted: Grid
    ) -> Iterator[tuple[int, Products]]:
        following = wanted
        done = 0
        for index in range(stacks[-1] * len(dilations)):
            dilation = dilations[-1 - index % len(dilations)]
            block = self._block(
                kernel_size, dilation, following, wanted, index == 0, is_first=False
            )
            nb_stacks, rest = divmod(index + 1, len(dilations))
            if not rest and nb_stacks in stacks:
                first = self._block(
                    kernel_size, dilation, following, wanted, index == 0, is_first=True
                )
                yield nb_stacks, Products(first.first, done + first.second, first.outputs)
            done += block.first + block.second
            following = block.following

    def _block(
        self,
        kernel_size: int,
        dilation: int,
        following: Grid,
        wanted: Grid,
        is_last: bool,
        is_first: bool,
    ) -> _Block:
        key = (kernel_size, dilation, following, wanted, is_last, is_first)
        if key not in self._met:
            self._met[key] = self._count(*key)
        return self._met[key]

    def _count(
        self,
        kernel_size: int,
        dilation: int,
        following: Grid,
        wanted: Grid,
        is_last: bool,
        is_first: bool,
    ) -> _Block:
        left = left_padding((kernel_size - 1) * dilation, self.padding)
        skips = self.use_skip_connections
        outputs = union(following, wanted) if skips else following
        hidden = inputs_of(outputs, kernel_size, dilation, left, self.seq_len)
        inputs = inputs_of(hidden, kernel_size, dilation, left, self.seq_len)
        before = inputs if skips and is_last else union(outputs, inputs)
        source = union(before, wanted) if skips and not is_first else before
        grids = [source, hidden, outputs]
        convolutions = (
            plan_convolution(source, hidden, kernel_size, dilation, left),
            plan_convolution(hidden, outputs, kernel_size, dilation, left),
        )
        plan = last_step.plan_block(convolutions, grids, wanted, True)
        first, second = (convolution.products * plan.phases for convolution in plan.convolutions)
        return _Block(first, second, outputs.count, before)
