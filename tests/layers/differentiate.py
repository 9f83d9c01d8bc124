"""Outputs and gradients of a layer on the backend that runs the tests."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

# These programs run once: thorough compilation would take longer than it saves.
_QUICK = {
    "compiler_options": {
        "xla_backend_optimization_level": 0,
        "xla_llvm_disable_expensive_passes": True,
    }
}


def gradients(layer, x, *, training=False, mask=None, dtype=None):
    """Return (output, gradient by x, [gradient by each trainable variable]) as NumPy arrays.

    The gradients are those of Σ output · c, where the numbers c are fixed and all different, so
    that no errors cancel. A variable that the output does not depend on has the gradient None.
    """
    dtype = dtype or layer.compute_dtype
    kwargs = {} if mask is None else {"mask": ops.convert_to_tensor(mask)}
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return _with_tape(layer, ops.convert_to_tensor(x, dtype), training, kwargs)
    if backend == "jax":
        return _with_jax(layer, ops.convert_to_tensor(x, dtype), training, kwargs)
    return _with_torch(layer, x, dtype, training, kwargs)


def outputs(layer, x, mask=None):
    """Return the layer's outputs at inference as a NumPy array; JAX compiles one program."""
    kwargs = {} if mask is None else {"mask": ops.convert_to_tensor(mask)}
    x = ops.convert_to_tensor(x, layer.compute_dtype)
    if keras.backend.backend() != "jax":
        return ops.convert_to_numpy(layer(x, **kwargs))
    import jax

    call = jax.jit(lambda *variables: layer.stateless_call(*variables, **kwargs)[0], **_QUICK)
    return ops.convert_to_numpy(call(*_variables(layer), x))


def _variables(layer):
    trainable = [variable.value for variable in layer.trainable_variables]
    return trainable, [variable.value for variable in layer.non_trainable_variables]


def _score(output):
    places = np.cos(np.arange(np.prod(output.shape))).reshape(output.shape)
    return ops.sum(output * ops.convert_to_tensor(places, output.dtype))


def _numpy(values):
    return [None if value is None else ops.convert_to_numpy(value) for value in values]


def _with_tape(layer, x, training, kwargs):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(x)
        output = layer(x, training=training, **kwargs)
        score = _score(output)
    found = tape.gradient(score, [x, *(variable.value for variable in layer.trainable_variables)])
    output, by_x, *rest = _numpy(
        [output, *(None if g is None else tf.convert_to_tensor(g) for g in found)]
    )
    return output, by_x, rest


def _with_jax(layer, x, training, kwargs):
    import jax

    trainable, fixed = _variables(layer)

    def score(x, trainable):
        output, _ = layer.stateless_call(trainable, fixed, x, training=training, **kwargs)
        return _score(output), output

    derive = jax.jit(jax.value_and_grad(score, argnums=(0, 1), has_aux=True), **_QUICK)
    (_, output), (by_x, found) = derive(x, trainable)
    return ops.convert_to_numpy(output), ops.convert_to_numpy(by_x), _numpy(found)


def _with_torch(layer, x, dtype, training, kwargs):
    import torch

    x = ops.convert_to_tensor(x, dtype).requires_grad_(True)
    output = layer(x, training=training, **kwargs)
    variables = [variable.value for variable in layer.trainable_variables]
    by_x, *found = torch.autograd.grad(_score(output), [x, *variables], allow_unused=True)
    return ops.convert_to_numpy(output.detach()), ops.convert_to_numpy(by_x), _numpy(found)
