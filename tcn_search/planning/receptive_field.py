"""Receptive field of a TCN, look-back and look-ahead. Integers only.

A dilated convolution with kernel size k and dilation d reads k input steps that lie d apart, so it
adds (k−1)·d steps to the receptive field of the layers before it (Bai, Kolter, Koltun 2018,
section 3.2; keras-tcn's `receptive_field` gives the same with two convolutions per block).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tcn_search.arguments import one_of, positive_integer, positive_integers


class Span(NamedTuple):
    """Look-back and look-ahead of one output step: the outermost input steps it can depend on."""

    look_back: int
    look_ahead: int

    @property
    def receptive_field(self) -> int:
        """Steps from the farthest back to the farthest ahead, the output step included."""
        return self.look_back + 1 + self.look_ahead


def receptive_field(
    kernel_size: int, dilations: Iterable[int], nb_stacks: int = 1, convolutions_per_block: int = 2
) -> int:
    """Return the number of input steps that one output step can depend on, itself included.

    1 + convolutions_per_block · (kernel_size − 1) · nb_stacks · Σ dilations

    Args:
        kernel_size: taps of every convolution.
        dilations: one entry per level.
        nb_stacks: repetitions of the levels.
        convolutions_per_block: convolutions in a residual block.

    Raises:
        InputError: a number is below 1 or above its limit, or there is no dilation.

    >>> receptive_field(kernel_size=8, dilations=(1, 2, 4, 8), nb_stacks=1)
    211
    """
    return span(kernel_size, dilations, nb_stacks, convolutions_per_block).receptive_field


def span(
    kernel_size: int,
    dilations: Iterable[int],
    nb_stacks: int = 1,
    convolutions_per_block: int = 2,
    *,
    padding: str = "causal",
) -> Span:
    """Return how many steps back and ahead one output step can depend on.

    Causal and valid convolutions look back only. With padding "same" a convolution looks
    (k−1)·d // 2 of its (k−1)·d steps back and the others ahead, so even kernels look further ahead
    than back.

    Raises:
        InputError: a number is below 1 or above its limit, there is no dilation, or the padding is
            unknown.

    >>> span(2, (1, 2, 4), padding="same")
    Span(look_back=6, look_ahead=8)
    """
    kernel_size = positive_integer("kernel_size", kernel_size)
    dilations = positive_integers("dilations", dilations)
    repeats = positive_integer("nb_stacks", nb_stacks)
    repeats *= positive_integer("convolutions_per_block", convolutions_per_block)
    one_of("padding", padding, ("causal", "same", "valid"))
    reaches = [(kernel_size - 1) * dilation for dilation in dilations]
    back = sum(left_padding(reach, padding) for reach in reaches)
    return Span(repeats * back, repeats * (sum(reaches) - back))


def left_padding(reach: int, padding: str) -> int:
    """Return how many of a convolution's `reach` = (k−1)·d steps lie before the output step."""
    if padding == "same":
        return reach // 2
    return reach


def covers(network_span: Span, required_context: int, padding: str) -> bool:
    """Return whether the receptive field spans the required context of T steps.

    With padding "causal" and "valid" the receptive field must have at least T steps. With "same"
    the output is read at step T // 2, so the look-back must be at least T // 2 steps and the
    look-ahead at least T − 1 − T // 2.
    """
    if padding != "same":
        return network_span.receptive_field >= required_context
    back = required_context // 2
    ahead = required_context - 1 - back
    return network_span.look_back >= back and network_span.look_ahead >= ahead
