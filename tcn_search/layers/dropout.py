"""Spatial dropout (Tompson et al. 2015, section 3.2): a channel is dropped for the whole sequence.

The random numbers of all dropouts of a network are drawn at once. Drawn one by one and chosen between, as by
`keras.layers.SpatialDropout1D`, they took a fifth of a training step on TensorFlow and a quarter of its tracing.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import keras
from keras import ops


def draw_factors(
    rate: float, channels: Sequence[int], rows: Any, dtype: str, seed: Any
) -> list[Any]:
    """(rows, 1, C) for each number of channels C: 0 for a channel that is dropped, 1 / (1 − rate) for the others.

    Args:
        rate: the probability that a channel is dropped.
        rows: how many sequences there are.
        seed: a `keras.random.SeedGenerator`.
    """
    drawn = keras.random.uniform((rows, 1, sum(channels)), dtype="float32", seed=seed)
    factors = ops.cast(drawn >= rate, dtype) / (1 - rate)
    return ops.split(factors, list(accumulate(channels))[:-1], axis=-1)


def scale_channels(x: Any, factors: Any, phases: int) -> Any:
    """x (B · phases, n, C) times factors (B, 1, C), the same for all steps and phases of a sequence."""
    rows, channels = x.shape[1:]
    if keras.backend.backend() != "tensorflow" or rows is None:
        return x * (factors if phases == 1 else ops.repeat(factors, phases, axis=0))
    # TensorFlow multiplies equal shapes in half the time; the price is one more tensor like x.
    return x * ops.reshape(ops.tile(factors, (1, phases * rows, 1)), (-1, rows, channels))
