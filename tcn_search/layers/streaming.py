"""Streaming: a TCN continues from states, the last inputs of each dilated convolution."""

from __future__ import annotations

from collections.abc import Sequence

from keras import ops

from tcn_search.errors import InputError
from tcn_search.layers.dropout import Factors
from tcn_search.layers.residual_block import ResidualBlock
from tcn_search.layers.tensor import Tensor
from tcn_search.planning.architecture import CONVOLUTIONS_PER_BLOCK, Architecture


def check_streaming(padding: str, go_backwards: bool, mask: Tensor | None = None) -> None:
    """Raise an error unless a stream goes forward in time, sees only the past and has no mask."""
    if mask is not None:
        raise InputError(
            "return_state and initial_state cannot be used with a mask. Received: a mask"
        )
    if padding != "causal":
        raise InputError(
            f"return_state and initial_state need padding='causal'. Received: padding={padding!r}"
        )
    if go_backwards:
        raise InputError("return_state and initial_state need go_backwards=False. Received: True")


def state_shapes(architecture: Architecture, input_channels: int) -> list[tuple[int, int]]:
    """Return (steps, channels) of the state of each dilated convolution."""
    shapes = []
    channels = input_channels
    for dilation, filters in architecture.blocks:
        reach = (architecture.kernel_size - 1) * dilation
        shapes += [(reach, channels)] + [(reach, filters)] * (CONVOLUTIONS_PER_BLOCK - 1)
        channels = filters
    return shapes


def initial_states(
    states: Tensor | None, x: Tensor, shapes: list[tuple[int, int]], dtype: str
) -> list[Tensor]:
    """Return the given states, (B, steps, channels) each, or zeros if `states` is None.

    Args:
        x: input, for the number of sequences.
        shapes: (steps, channels) of each state.
        dtype: of the zeros.

    Raises:
        InputError: the states have other shapes, or there are more or fewer of them.
    """
    if states is None:
        return [ops.zeros((ops.shape(x)[0], *shape), dtype=dtype) for shape in shapes]
    given: list[Tensor] = [states]
    if isinstance(states, (list, tuple)):
        given = list(states)
    received = [tuple(state.shape[1:]) for state in given]
    if received != shapes:
        raise InputError(
            "initial_state must be the states that return_state=True gave, one (batch, steps, "
            f"channels) for each dilated convolution, with (steps, channels) = {shapes}. "
            f"Received: {received}"
        )
    return given


def run_stream(
    blocks: Sequence[ResidualBlock],
    x: Tensor,
    states: list[Tensor],
    use_skip_connections: bool,
    training: bool | None,
    factors: Sequence[Factors],
) -> tuple[Tensor, list[Tensor]]:
    """Return the outputs (B, n, filters) for x (B, n, C) after `states`, and the states after x."""
    new_states: list[Tensor] = []
    total = None
    for index, block in enumerate(blocks):
        first = index * CONVOLUTIONS_PER_BLOCK
        block_states = states[first : first + CONVOLUTIONS_PER_BLOCK]
        x, skip, new_block_states = block.stream(x, block_states, training, factors[index])
        new_states += new_block_states
        if use_skip_connections:
            total = skip if total is None else ops.add(total, skip)
    if total is None:
        return x, new_states
    return total, new_states
