"""Adam on TensorFlow as one operation per variable.

The numbers are those of Keras, from a graph with a third fewer operations. Keras writes Adam out as
some twenty small operations per variable. TensorFlow has one kernel for all of them, so the first
training step, which mostly builds the graph, is faster, and each step starts fewer operations.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

from tcn_search.layers.tensor import Tensor

# The private interface of Keras' Adam that is used here; a test fails where Keras changes it.
PRIVATE_INTERFACE = (
    "_backend_update_step",
    "_get_variable_index",
    "_momentums",
    "_velocities",
)


def fuse_adam(optimizer: keras.optimizers.Optimizer) -> None:
    """Make a Keras `Adam` or `AdamW` update with TensorFlow's kernel.

    Other optimisers are left alone. The optimiser is saved as the Keras class that it is. Clipping,
    weight decay and loss scaling happen outside of the function that is replaced. Source: Kingma
    and Ba 2015, algorithm 1 with the step size of its section 2, as in Keras.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    is_adam = type(inner) in (keras.optimizers.Adam, keras.optimizers.AdamW) and not inner.amsgrad
    if keras.backend.backend() != "tensorflow" or not is_adam:
        return
    keras_update = inner._backend_update_step

    def update(
        gradients: Sequence[Tensor], variables: Sequence[keras.Variable], learning_rate: Tensor
    ) -> None:
        import tensorflow as tf

        is_sparse = any(isinstance(gradient, tf.IndexedSlices) for gradient in gradients)
        is_float32 = {variable.dtype for variable in variables} == {"float32"}
        if is_sparse or not is_float32 or tf.distribute.has_strategy():
            keras_update(gradients, variables, learning_rate)
            return
        rate = tf.cast(learning_rate, tf.float32)
        step = tf.cast(inner.iterations.value + 1, tf.float32)
        betas = [tf.constant(beta, tf.float32) for beta in (inner.beta_1, inner.beta_2)]
        powers = [tf.pow(beta, step) for beta in betas]
        epsilon = tf.constant(inner.epsilon, tf.float32)
        for gradient, variable in zip(gradients, variables, strict=True):
            index = inner._get_variable_index(variable)
            tf.raw_ops.ResourceApplyAdam(
                var=variable.value.handle,
                m=inner._momentums[index].value.handle,
                v=inner._velocities[index].value.handle,
                beta1_power=powers[0],
                beta2_power=powers[1],
                lr=rate,
                beta1=betas[0],
                beta2=betas[1],
                epsilon=epsilon,
                grad=tf.cast(gradient, tf.float32),
            )

    inner._backend_update_step = update
