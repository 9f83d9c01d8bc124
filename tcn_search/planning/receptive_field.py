"""How far an output step of a TCN reaches. Integers only: no tensor library is imported.

Every dilated convolution with kernel size k and dilation d looks at k input steps that lie d apart, so it
adds (k−1)·d steps to what the layers before it see (Bai, Kolter, Koltun 2018, section 3.2; keras-tcn's
`receptive_field` is the same with two convolutions a block).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tcn_search.arguments import one_of, positive_integer, positive_integers


class Span(NamedTuple):
    """The outermost input steps that one output step depends on, counted from that step."""

    look_back: int
    look_ahead: int

    @property
    def receptive_field(self) -> int:
        """Steps from the farthest back to the farthest ahead, the step itself included."""
        return self.look_back + 1 + self.look_ahead


def receptive_field(
    kernel_size: int, dilations: Iterable[int], nb_stacks: int = 1, convolutions_per_block: int = 2
) -> int:
    """Input steps that one output step can depend on, the newest included.

    1 + convolutions_per_block · (kernel_size − 1) · nb_stacks · Σ dilations

    Raises:
        InputError: a number below 1, or no dilation at all.

    >>> receptive_field(kernel_size=8, dilations=(1, 2, 4, 8), nb_stacks=1, convolutions_per_block=2)
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
    """How far back and how far ahead one output step reaches.

    Causal and valid convolutions look back only. With `same` every convolution splits its (k−1)·d steps:
    (k−1)·d // 2 back and the rest ahead, so even kernels look ahead further than back.

    >>> span(2, (1, 2, 4), padding="same")
    Span(look_back=6, look_ahead=8)
    """
    kernel_size = positive_integer("kernel_size", kernel_size)
    found = positive_integers("dilations", dilations)
    repeats = positive_integer("nb_stacks", nb_stacks) * positive_integer(
        "convolutions_per_block", convolutions_per_block
    )
    one_of("padding", padding, ("causal", "same", "valid"))
    reaches = [(kernel_size - 1) * dilation for dilation in found]
    back = sum(left_padding(reach, padding) for reach in reaches)
    return Span(repeats * back, repeats * (sum(reaches) - back))


def left_padding(reach: int, padding: str) -> int:
    """How many of a convolution's `reach` = (k−1)·d further steps lie before the step itself."""
    return reach // 2 if padding == "same" else reach


def covers(reached: Span, required_context: int, padding: str) -> bool:
    """Whether an output step reaches all that the task needs.

    Causal and valid: the receptive field is at least the required context. `same` is read at step T // 2,
    so it must look back T // 2 steps and ahead T − 1 − T // 2.
    """
    if padding != "same":
        return reached.receptive_field >= required_context
    back = required_context // 2
    return reached.look_back >= back and reached.look_ahead >= required_context - 1 - back


def offsets_mask(
    kernel_size: int,
    dilations: Sequence[int],
    nb_stacks: int = 1,
    convolutions_per_block: int = 2,
    *,
    padding: str = "causal",
    use_skip_connections: bool = True,
) -> int:
    """The input steps that reach an output step, as a bit set: bit i is the offset i − look_back.

    The union over all paths through convolutions, residuals and skip connections. For causal and valid
    convolutions the residual paths add nothing, because every convolution has a tap at offset 0; with
    `same` that is not so (kernel 2, dilation 3 looks at −1 and +2).
    """
    whole = span(kernel_size, dilations, nb_stacks, convolutions_per_block, padding=padding)
    block_input = 1 << whole.look_back
    outputs = 0
    for dilation in tuple(dilations) * nb_stacks:
        convolved = block_input
        for _ in range(convolutions_per_block):
            convolved = _convolve(convolved, kernel_size, dilation, padding)
        if padding == "same":
            outputs |= convolved
            block_input |= convolved
        else:
            outputs = block_input = convolved
    return outputs if use_skip_connections else block_input


def _convolve(mask: int, kernel_size: int, dilation: int, padding: str) -> int:
    """The sumset of `mask` with one convolution's taps, by doubling: log2(kernel_size) shifts."""
    first = -left_padding((kernel_size - 1) * dilation, padding)
    reached = mask
    taps = 1
    while taps < kernel_size:
        step = min(taps, kernel_size - taps)
        reached |= reached << (step * dilation)
        taps += step
    return reached >> -first
