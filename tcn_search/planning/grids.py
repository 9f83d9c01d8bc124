"""Regular grids of time steps, and the convolutions that lead from one grid to another.

Integers only: no tensor library is imported.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import NamedTuple

from tcn_search.errors import InputError
from tcn_search.planning.receptive_field import left_padding


@dataclass(frozen=True)
class Grid:
    """The positions start, start + stride, ..., `count` of them."""

    start: int
    stride: int
    count: int

    @property
    def last(self) -> int:
        """The last position."""
        return self.start + (self.count - 1) * self.stride

    @property
    def gcd_stride(self) -> int:
        """The stride as an operand of `gcd`: 0 for a single position."""
        if self.count == 1:
            return 0
        return self.stride

    def stride_in(self, unit: int) -> int:
        """Return the stride in units of another grid's stride; 1 for a single position."""
        if self.count == 1:
            return 1
        return self.stride // unit


class ConvolutionPlan(NamedTuple):
    """One convolution from its input grid to its output grid.

    All numbers count in steps of the input grid. Zeros are put `before` and `after` the input
    (negative: that many steps are cropped), then the taps `first_tap` ... `first_tap + taps - 1` of
    the kernel slide over it, `dilation` apart, `stride` at a time. `lead` zero taps stand in front
    so that a stride above 1 divides the number of taps. `outputs` is the number of output
    positions; None where the sequence's length is unknown.
    """

    taps: int
    before: int = 0
    after: int = 0
    first_tap: int = 0
    lead: int = 0
    dilation: int = 1
    stride: int = 1
    outputs: int | None = None

    @classmethod
    def of_all_steps(cls, kernel_size: int, dilation: int, padding: str) -> ConvolutionPlan:
        """Plan every step of a sequence of unknown length, with the zeros that `padding` adds.

        >>> ConvolutionPlan.of_all_steps(3, 2, "same")[:3]
        (3, 2, 2)
        """
        before = 0
        after = 0
        if padding != "valid":
            reach = (kernel_size - 1) * dilation
            before = left_padding(reach, padding)
            after = reach - before
        return cls(taps=kernel_size, before=before, after=after, dilation=dilation)

    @property
    def folds(self) -> bool:
        """Whether `stride` steps become the channels of one, so that none is computed in vain."""
        return self.stride > 1 and self.dilation == 1

    @property
    def multiply_adds_per_channel_pair(self) -> int:
        """Multiply-adds of one sequence for each pair of an input and an output channel.

        Raises:
            InputError: the length of the sequence is unknown.
        """
        if self.outputs is None:
            raise InputError(
                "Multiply-adds can be counted only for a known sequence length. Received: a plan "
                "for an unknown length. Give the sequence length."
            )
        if self.folds:
            return self.outputs * (self.lead + self.taps)
        return ((self.outputs - 1) * self.stride + 1) * self.taps


def input_grid(outputs: Grid, kernel_size: int, dilation: int, left: int, seq_len: int) -> Grid:
    """Return the grid inside the sequence that holds all input steps of a convolution's outputs.

    Args:
        left: steps that the convolution looks back.
        seq_len: steps of the sequence; positions outside of it are zeros and are left out.
    """
    if kernel_size == 1:
        return outputs
    stride = gcd(outputs.gcd_stride, dilation)
    first = outputs.start - left
    last = outputs.last - left + (kernel_size - 1) * dilation
    positions_before = -(min(first, 0) // stride)  # rounded up: these lie before the sequence
    positions_after = -(min(seq_len - 1 - last, 0) // stride)
    first += positions_before * stride
    last -= positions_after * stride
    if first > last:  # the outputs depend on zeros only: any step will do
        return Grid(min(max(first, 0), seq_len - 1), 1, 1)
    return _grid(first, stride, last)


def union(first: Grid, second: Grid) -> Grid:
    """Return the smallest grid that holds the positions of both grids."""
    stride = gcd(first.gcd_stride, second.gcd_stride, abs(first.start - second.start)) or 1
    return _grid(min(first.start, second.start), stride, max(first.last, second.last))


def _grid(first: int, stride: int, last: int) -> Grid:
    count = (last - first) // stride + 1
    if count == 1:
        stride = 1
    return Grid(first, stride, count)


def plan_convolution(
    source: Grid, target: Grid, kernel_size: int, dilation: int, left: int
) -> ConvolutionPlan:
    """Plan the convolution that computes the grid `target` from the grid `source`.

    The convolution looks back `left` steps, and ahead the rest of (kernel_size − 1) · dilation.
    """
    offset = target.start - left - source.start
    tap_distance = 0
    if kernel_size > 1:
        tap_distance = dilation
    unit = source.gcd_stride or gcd(offset, tap_distance, target.gcd_stride) or 1
    stride = target.stride_in(unit)
    apart = tap_distance // unit or 1
    first = offset // unit  # the input under tap 0 of the first output
    last = first + stride * (target.count - 1)  # the input under tap 0 of the last output
    # Taps that see nothing but zeros, whatever the output, are left out.
    low = min(max(0, -(last // apart)), kernel_size - 1)
    high = max(min(kernel_size - 1, (source.count - 1 - first) // apart), low)
    taps = high - low + 1
    begin = first + low * apart
    end = last + high * apart
    if taps == 1:
        apart = 1
    lead = 0
    if apart == 1:  # the taps will be folded in groups of `stride`
        lead = -taps % stride
    return ConvolutionPlan(
        taps=taps,
        before=lead - begin,
        after=end - (source.count - 1),
        first_tap=low,
        lead=lead,
        dilation=apart,
        stride=stride,
        outputs=target.count,
    )
