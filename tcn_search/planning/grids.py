"""Regular grids of time steps, and how a convolution gets from one to another. Integers only."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import NamedTuple

from tcn_search.errors import InputError


@dataclass(frozen=True)
class Grid:
    """Positions start, start + stride, ..., `count` of them."""

    start: int
    stride: int
    count: int

    @property
    def last(self) -> int:
        return self.start + (self.count - 1) * self.stride

    @property
    def step(self) -> int:
        """The stride for a greatest common divisor: a single position fits any."""
        return self.stride if self.count > 1 else 0


class ConvolutionPlan(NamedTuple):
    """How one convolution gets its output grid from its input grid, counted in input grid steps.

    Zeros are put `before` and `after` the input (negative: that many steps are cropped), then the taps
    `first_tap` ... `first_tap + taps - 1` of the kernel slide over it, `dilation` apart, `stride` at a time.
    `lead` zero taps stand in front so that a stride above 1 divides the number of taps.
    `outputs` is the number of positions that come out; None where the sequence's length is unknown.
    """

    before: int
    after: int
    first_tap: int
    taps: int
    lead: int
    dilation: int
    stride: int
    outputs: int | None

    @property
    def folds(self) -> bool:
        """Whether `stride` steps are taken as one step of as many channels: no step is computed in vain."""
        return self.stride > 1 and self.dilation == 1

    @property
    def products(self) -> int:
        """Multiply-adds for each pair of an input and an output channel, and one row of the batch."""
        if self.outputs is None:
            raise InputError("products are countable only for a known sequence length")
        if self.folds:
            return self.outputs * (self.lead + self.taps)
        return ((self.outputs - 1) * self.stride + 1) * self.taps


def inputs_of(outputs: Grid, kernel_size: int, dilation: int, left: int, seq_len: int) -> Grid:
    """The grid inside the sequence that holds all steps which one convolution's outputs look at."""
    if kernel_size == 1:
        return outputs
    stride = gcd(outputs.step, dilation)
    first = outputs.start - left
    last = outputs.last - left + (kernel_size - 1) * dilation
    first += -(min(first, 0) // stride) * stride
    last -= -((seq_len - 1 - max(last, seq_len - 1)) // stride) * stride
    if first > last:  # it looks at zeros only; any one step does
        return Grid(min(max(first, 0), seq_len - 1), 1, 1)
    return _grid(first, stride, last)


def union(one: Grid, other: Grid) -> Grid:
    """The smallest grid that holds both."""
    stride = gcd(one.step, other.step, abs(one.start - other.start)) or 1
    return _grid(min(one.start, other.start), stride, max(one.last, other.last))


def _grid(first: int, stride: int, last: int) -> Grid:
    count = (last - first) // stride + 1
    return Grid(first, stride if count > 1 else 1, count)


def plan_convolution(
    source: Grid, target: Grid, kernel_size: int, dilation: int, left: int
) -> ConvolutionPlan:
    """How a convolution that looks back `left` steps and ahead the rest gets `target` from `source`."""
    offset = target.start - left - source.start
    unit = source.step or gcd(offset, dilation if kernel_size > 1 else 0, target.step) or 1
    stride = target.stride // unit if target.count > 1 else 1
    apart = dilation // unit if kernel_size > 1 else 1
    first = offset // unit  # the input that tap 0 of the first output looks at
    final = first + stride * (target.count - 1)  # ... and of the last output
    # Taps that see nothing but zeros, whatever the output, are left out.
    low = min(max(0, -(final // apart)), kernel_size - 1)
    high = max(min(kernel_size - 1, (source.count - 1 - first) // apart), low)
    taps = high - low + 1
    begin = first + low * apart
    end = final + high * apart
    apart = apart if taps > 1 else 1
    lead = -taps % stride if apart == 1 else 0
    return ConvolutionPlan(
        before=lead - begin,
        after=end - (source.count - 1),
        first_tap=low,
        taps=taps,
        lead=lead,
        dilation=apart,
        stride=stride,
        outputs=target.count,
    )
