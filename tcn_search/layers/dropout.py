"""Spatial dropout: a channel is dropped for the whole sequence.

Source: Tompson et al. 2015, section 3.2.

The random numbers of all dropouts of a network are drawn at once. Drawn and compared one dropout at
a time, as by `keras.layers.SpatialDropout1D`, they took a fifth of a training step on TensorFlow
and a quarter of its tracing.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TypeAlias

import keras
from keras import ops

from tcn_search.layers.tensor import Tensor
from tcn_search.planning.architecture import CONVOLUTIONS_PER_BLOCK

# Factors of one block, (B, 1, filters) for each of its convolutions; None where nothing is dropped.
Factors: TypeAlias = Sequence[Tensor] | None


def draw_block_factors(
    rate: float, filters: Sequence[int], rows: Tensor, dtype: str, seed: keras.random.SeedGenerator
) -> list[Factors]:
    """Draw the dropout factors of all blocks for `rows` sequences.

    Args:
        filters: number of filters of each block.
        rate, rows, dtype, seed: as in `draw_factors`.
    """
    channels = [count for count in filters for _ in range(CONVOLUTIONS_PER_BLOCK)]
    factors = draw_factors(rate, channels, rows, dtype, seed)
    return [
        factors[first : first + CONVOLUTIONS_PER_BLOCK]
        for first in range(0, len(factors), CONVOLUTIONS_PER_BLOCK)
    ]


def draw_factors(
    rate: float, channels: Sequence[int], rows: Tensor, dtype: str, seed: keras.random.SeedGenerator
) -> list[Tensor]:
    """Draw dropout factors, (rows, 1, C) for each number of channels C.

    A factor is 0 for a dropped channel and 1 / (1 − rate) for the others.

    Args:
        rate: the probability that a channel is dropped.
        channels: number of channels for each tensor of factors.
        rows: number of sequences.
        dtype: of the factors.
        seed: generator of the random numbers.
    """
    drawn = keras.random.uniform((rows, 1, sum(channels)), dtype="float32", seed=seed)
    factors = ops.cast(drawn >= rate, dtype) / (1 - rate)
    separate: list[Tensor] = ops.split(factors, list(accumulate(channels))[:-1], axis=-1)
    return separate


def scale_channels(x: Tensor, factors: Tensor, phases: int) -> Tensor:
    """Multiply x (B · phases, n, C) by the factors (B, 1, C) of each sequence."""
    steps, channels = x.shape[1:]
    if keras.backend.backend() != "tensorflow" or steps is None:
        if phases > 1:
            factors = ops.repeat(factors, phases, axis=0)
        return x * factors
    # TensorFlow multiplies equal shapes in half the time, at the price of one more tensor like x.
    return x * ops.reshape(ops.tile(factors, (1, phases * steps, 1)), (-1, steps, channels))
