"""Layer norm and batch norm with gradients that are written out, for TensorFlow.

TensorFlow takes a formula operation by operation, forward and backward, and Keras' norms so doubled the time of a
training step in which all steps of a sequence are computed. The weights stay those of the Keras layers. On JAX and
torch, and where the number of steps is open, Keras' own norms are used.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops


def layer_norm(x: Any, norm: keras.layers.LayerNormalization) -> Any:
    """What `norm` gives for x (B, n, C): each step normalised over its channels."""
    if not _is_ours(x):
        return norm(x)
    channels = x.shape[2]

    @ops.custom_gradient
    def normalize(x: Any, gamma: Any, beta: Any) -> Any:
        flat = _flat(x)
        average = ops.full((channels, 1), 1 / channels, dtype=x.dtype)
        centred = flat - flat @ average  # (B · n, C)
        inverse = ops.rsqrt(ops.square(centred) @ average + norm.epsilon)  # (B · n, 1)
        normal = centred * inverse

        def gradient(upstream: Any) -> tuple[Any, Any, Any]:
            weights = ops.reshape(gamma / channels, (channels, 1))
            above = _flat(upstream)
            product = above * normal
            scaled = _flat(_scaled(upstream, gamma))
            inner = inverse * (scaled - above @ weights - normal * (product @ weights))
            return _like(inner, x), ops.sum(product, axis=0), ops.sum(above, axis=0)

        return _scaled(_like(normal, x), gamma, beta), gradient

    return _in_float32(lambda wide: normalize(wide, *_weights(norm, wide.dtype)), x)


def batch_norm_in_training(x: Any, norm: keras.layers.BatchNormalization) -> Any:
    """What `norm` gives in training for x (B, n, C) without a mask; its moving statistics go a step further."""
    if not _is_ours(x) or not norm.trainable:
        return norm(x, training=True)

    @ops.custom_gradient
    def normalize(x: Any, gamma: Any, beta: Any) -> Any:
        count = ops.cast(ops.shape(x)[0] * x.shape[1], x.dtype)
        mean = ops.sum(_flat(x), axis=0) / count  # (C,)
        centred = _scaled(x, None, -mean)
        variance = ops.sum(_flat(ops.square(centred)), axis=0) / count
        inverse = ops.rsqrt(variance + norm.epsilon)

        def gradient(upstream: Any, *_of_statistics: Any) -> tuple[Any, Any, Any]:
            total = ops.sum(_flat(upstream), axis=0)
            product = ops.sum(_flat(upstream * centred), axis=0)
            slope = -gamma * inverse**3 * product / count
            inner = _scaled(upstream, gamma * inverse) + _scaled(
                centred, slope, -gamma * inverse * total / count
            )
            return inner, inverse * product, total

        return (_scaled(centred, gamma * inverse, beta), mean, variance), gradient

    def train(wide: Any) -> Any:
        outputs, mean, variance = normalize(wide, *_weights(norm, wide.dtype))
        for moving, found in ((norm.moving_mean, mean), (norm.moving_variance, variance)):
            moving.assign(
                ops.cast(moving, found.dtype) * norm.momentum + found * (1 - norm.momentum)
            )
        return outputs

    return _in_float32(train, x)


def _is_ours(x: Any) -> bool:
    return keras.backend.backend() == "tensorflow" and x.shape[1] is not None


def _in_float32(function: Any, x: Any) -> Any:
    """Half precision is widened for a norm, and its result narrowed, as by Keras."""
    dtype = keras.backend.standardize_dtype(x.dtype)
    wide = ops.cast(x, keras.backend.result_type(dtype, "float32"))
    return ops.cast(function(wide), dtype)


def _weights(norm: keras.layers.Layer, dtype: Any) -> tuple[Any, Any]:
    return ops.cast(norm.gamma, dtype), ops.cast(norm.beta, dtype)


def _flat(x: Any) -> Any:
    """(B, n, C) as (B · n, C)."""
    return ops.reshape(x, (-1, x.shape[-1]))


def _like(flat: Any, x: Any) -> Any:
    """(B · n, C) in the shape of x."""
    return ops.reshape(flat, (-1, *x.shape[1:]))


def _scaled(x: Any, factor: Any = None, term: Any = None) -> Any:
    """x (B, n, C) times a factor plus a term, each (C,); long rows multiply and add in half the time of short ones."""
    steps = x.shape[1]
    row = ops.reshape(x, (-1, math.prod(x.shape[1:])))
    row = row if factor is None else row * ops.tile(factor, (steps,))
    row = row if term is None else row + ops.tile(term, (steps,))
    return _like(row, x)
