"""Layer norm and batch norm with gradients that are written out, for TensorFlow.

TensorFlow runs a formula operation by operation, forward and backward, so Keras' norms doubled the
time of a training step in which all steps of a sequence are computed. The weights stay those of the
Keras layers. On JAX and torch, and where the number of steps is unknown, Keras' own norms are used.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import keras
from keras import ops

from tcn_search.layers.tensor import Tensor


def layer_norm(x: Tensor, norm: keras.layers.LayerNormalization) -> Tensor:
    """Return the output of `norm` for x (B, n, C): each step normalised over its channels."""
    if not _has_written_out_gradient(x):
        return norm(x)
    channels = x.shape[2]

    @ops.custom_gradient
    def normalize(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        flat = _flat(x)
        average = ops.full((channels, 1), 1 / channels, dtype=x.dtype)
        centred = flat - flat @ average  # (B · n, C)
        inverse = ops.rsqrt(ops.square(centred) @ average + norm.epsilon)  # (B · n, 1)
        normal = centred * inverse

        def gradient(upstream: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            weights = ops.reshape(gamma / channels, (channels, 1))
            above = _flat(upstream)
            product = above * normal
            scaled = _flat(_scaled(upstream, gamma))
            inner = inverse * (scaled - above @ weights - normal * (product @ weights))
            return _like(inner, x), ops.sum(product, axis=0), ops.sum(above, axis=0)

        return _scaled(_like(normal, x), gamma, beta), gradient

    return _in_float32(lambda wide: normalize(wide, *_weights(norm, wide.dtype)), x)


def batch_norm_in_training(x: Tensor, norm: keras.layers.BatchNormalization) -> Tensor:
    """Return the training output of `norm` for x (B, n, C) without a mask.

    The moving statistics of `norm` are updated.
    """
    if not _has_written_out_gradient(x) or not norm.trainable:
        return norm(x, training=True)

    @ops.custom_gradient
    def normalize(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        count = ops.cast(ops.shape(x)[0] * x.shape[1], x.dtype)
        mean = ops.sum(_flat(x), axis=0) / count  # (C,)
        centred = _scaled(x, None, -mean)
        variance = ops.sum(_flat(ops.square(centred)), axis=0) / count
        inverse = ops.rsqrt(variance + norm.epsilon)

        def gradient(upstream: Tensor, *_of_statistics: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            total = ops.sum(_flat(upstream), axis=0)
            product = ops.sum(_flat(upstream * centred), axis=0)
            slope = -gamma * inverse**3 * product / count
            inner = _scaled(upstream, gamma * inverse) + _scaled(
                centred, slope, -gamma * inverse * total / count
            )
            return inner, inverse * product, total

        return (_scaled(centred, gamma * inverse, beta), mean, variance), gradient

    def train(wide: Tensor) -> Tensor:
        outputs, mean, variance = normalize(wide, *_weights(norm, wide.dtype))
        for moving, batch in ((norm.moving_mean, mean), (norm.moving_variance, variance)):
            moving.assign(
                ops.cast(moving, batch.dtype) * norm.momentum + batch * (1 - norm.momentum)
            )
        return outputs

    return _in_float32(train, x)


def _has_written_out_gradient(x: Tensor) -> bool:
    return keras.backend.backend() == "tensorflow" and x.shape[1] is not None


def _in_float32(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply `function` to half-precision x in float32 and cast the result back, as Keras does."""
    dtype = keras.backend.standardize_dtype(x.dtype)
    wide = ops.cast(x, keras.backend.result_type(dtype, "float32"))
    return ops.cast(function(wide), dtype)


def _weights(norm: keras.layers.Layer, dtype: str) -> tuple[Tensor, Tensor]:
    """Return gamma and beta, (C,) each."""
    return ops.cast(norm.gamma, dtype), ops.cast(norm.beta, dtype)


def _flat(x: Tensor) -> Tensor:
    """Reshape (B, n, C) to (B · n, C)."""
    return ops.reshape(x, (-1, x.shape[-1]))


def _like(flat: Tensor, x: Tensor) -> Tensor:
    """Reshape (B · n, C) to the shape of x."""
    return ops.reshape(flat, (-1, *x.shape[1:]))


def _scaled(x: Tensor, factor: Tensor | None = None, term: Tensor | None = None) -> Tensor:
    """Return x (B, n, C) times a factor plus a term, each (C,).

    Long rows multiply and add in half the time of short ones.
    """
    steps = x.shape[1]
    row = ops.reshape(x, (-1, math.prod(x.shape[1:])))
    if factor is not None:
        row = row * ops.tile(factor, (steps,))
    if term is not None:
        row = row + ops.tile(term, (steps,))
    return _like(row, x)
