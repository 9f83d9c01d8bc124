"""Where a trained model's influence lies: the gradient of its output with respect to each input step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from tcn_search.errors import InputError


def effective_receptive_field(model: Any, X: Any, batch_size: int = 32) -> np.ndarray:
    """Mean absolute gradient of the read-out with respect to each input step (Luo et al. 2016, section 2).

    The read-out of one example is the sum of the model's outputs; where the model returns every step, (B, T,
    outputs), that of the step that a TCN reads out: the last one, with padding "same" the one at T // 2.
    Take a model without a softmax at its end: the sum of probabilities is 1 whatever the input.

    Args:
        model: a Keras model or layer on floating-point inputs, on any backend.
        X: inputs, (n, T, C).
        batch_size: rows for which gradients are taken at once.

    Returns:
        (T,), the mean over examples of the absolute gradient, summed over the input's channels.

    Raises:
        InputError: X is not a non-empty floating-point array of rank 3.
    """
    inputs = np.asarray(X)
    if inputs.ndim != 3 or not inputs.size:
        raise InputError(
            f"X must have shape (n, T, C) and at least one row. Received: shape {inputs.shape}"
        )
    if not np.issubdtype(inputs.dtype, np.floating):
        raise InputError(
            f"X must hold floating-point numbers, which have a gradient. Received: {inputs.dtype}. "
            "Use X.astype('float32'), or give the part of the model behind its embedding."
        )
    gradients_of = _GRADIENTS[keras.backend.backend()]
    centred = _reads_the_middle(model)
    total = np.zeros(inputs.shape[1], dtype="float64")
    for start in range(0, len(inputs), batch_size):
        batch = inputs[start : start + batch_size].astype(keras.config.floatx())
        gradients = gradients_of(lambda x: _read_out(model(x, training=False), centred), batch)
        total += np.abs(gradients.astype("float64")).sum(axis=(0, 2))
    return total / len(inputs)


def _read_out(outputs: Any, centred: bool) -> Any:
    """One number for the whole batch; the rows do not mix, so its gradient is each row's own."""
    if len(outputs.shape) == 3:
        outputs = outputs[:, ops.shape(outputs)[1] // 2 if centred else -1]
    return ops.sum(outputs)


def _reads_the_middle(model: Any) -> bool:
    layers = [model, *getattr(model, "layers", ())]
    padding = [one.architecture.padding for one in layers if hasattr(one, "architecture")]
    return "same" in padding


def _tensorflow(function: Callable[[Any], Any], batch: np.ndarray) -> np.ndarray:
    import tensorflow as tf

    x = tf.convert_to_tensor(batch)
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = function(x)
    gradient = tape.gradient(outputs, x)
    return np.zeros_like(batch) if gradient is None else gradient.numpy()


def _jax(function: Callable[[Any], Any], batch: np.ndarray) -> np.ndarray:
    import jax

    return np.asarray(jax.grad(function)(jax.numpy.asarray(batch)))


def _torch(function: Callable[[Any], Any], batch: np.ndarray) -> np.ndarray:
    import torch

    x = ops.convert_to_tensor(batch).requires_grad_(True)
    (gradient,) = torch.autograd.grad(function(x), x, allow_unused=True)
    return np.zeros_like(batch) if gradient is None else gradient.cpu().numpy()


_GRADIENTS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
