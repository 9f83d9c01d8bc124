"""The effective receptive field of a trained model, from the gradients of its output."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from tcn_search.errors import InputError
from tcn_search.layers.tensor import Tensor


def effective_receptive_field(model: keras.Layer, X: Tensor, batch_size: int = 32) -> np.ndarray:
    """Return the mean absolute gradient of the readout with respect to each input step.

    The readout of one example is the sum of the model's outputs; where the model returns every
    step, (B, T, outputs), the sum at the step that a TCN reads out: the last one, with padding
    "same" the one at T // 2. Use a model without a softmax at its end, because the sum of
    probabilities is 1 whatever the input.

    Source: Luo et al. 2016, section 2.

    Args:
        model: a Keras model or layer on floating-point inputs, on any backend.
        X: inputs, (n, T, C).
        batch_size: rows for which gradients are taken at once.

    Returns:
        (T,), the mean over examples of the absolute gradient, summed over the input's channels.

    Raises:
        InputError: X is not a non-empty floating-point array of rank 3.
    """
    inputs = require_sequences(X)
    centred = _reads_middle_step(model)
    total = np.zeros(inputs.shape[1], dtype="float64")
    for start in range(0, len(inputs), batch_size):
        batch = inputs[start : start + batch_size].astype(keras.config.floatx())
        gradients = gradients_of(lambda x: _read_out(model(x, training=False), centred), batch)
        total += np.abs(gradients.astype("float64")).sum(axis=(0, 2))
    return total / len(inputs)


def require_sequences(X: Tensor) -> np.ndarray:
    """Return X as an array.

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
            "Use X.astype('float32'), or give the layers of the model behind its embedding."
        )
    return inputs


def gradients_of(function: Callable[[Tensor], Tensor], batch: np.ndarray) -> np.ndarray:
    """Return the gradient of a number with respect to a batch, by the backend of Keras.

    Args:
        function: from a tensor of the batch's shape to one number.
        batch: floating-point inputs.
    """
    return _GRADIENTS[keras.backend.backend()](function, batch)


def _read_out(outputs: Tensor, centred: bool) -> Tensor:
    """Sum the readout over the whole batch; rows do not mix, so each has its own gradient."""
    if len(outputs.shape) == 3:
        step = -1
        if centred:
            step = ops.shape(outputs)[1] // 2
        outputs = outputs[:, step]
    return ops.sum(outputs)


def _reads_middle_step(model: keras.Layer) -> bool:
    """Return whether the model has a TCN with padding "same", which is read at step T // 2."""
    layers = [model, *getattr(model, "layers", ())]
    paddings = [layer.architecture.padding for layer in layers if hasattr(layer, "architecture")]
    return "same" in paddings


def _tensorflow_gradient(function: Callable[[Tensor], Tensor], batch: np.ndarray) -> np.ndarray:
    import tensorflow as tf

    x = tf.convert_to_tensor(batch)
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = function(x)
    gradient = tape.gradient(outputs, x)
    if gradient is None:
        return np.zeros_like(batch)
    return np.asarray(gradient)


def _jax_gradient(function: Callable[[Tensor], Tensor], batch: np.ndarray) -> np.ndarray:
    import jax

    return np.asarray(jax.grad(function)(jax.numpy.asarray(batch)))


def _torch_gradient(function: Callable[[Tensor], Tensor], batch: np.ndarray) -> np.ndarray:
    import torch

    x = ops.convert_to_tensor(batch).requires_grad_(True)
    (gradient,) = torch.autograd.grad(function(x), x, allow_unused=True)
    if gradient is None:
        return np.zeros_like(batch)
    return np.asarray(gradient.cpu())


_GRADIENTS = {
    "tensorflow": _tensorflow_gradient,
    "jax": _jax_gradient,
    "torch": _torch_gradient,
}
