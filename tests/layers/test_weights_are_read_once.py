"""On TensorFlow a training step reads each weight once, before anything is computed with it.

A second read that only the gradient uses may come after the weight's update, where TensorFlow works
on several threads: now and then a step then has the gradient of other weights.
"""

from __future__ import annotations

from collections import Counter

import keras
import pytest

from tcn_search.layers.tcn import TCN

if keras.backend.backend() != "tensorflow":
    pytest.skip("on other backends weights are values, not variables", allow_module_level=True)


@pytest.mark.parametrize("padding", ["causal", "same"])
@pytest.mark.parametrize("norm", ["none", "weight", "layer", "batch"])
@pytest.mark.parametrize("return_sequences", [True, False])
def test_each_weight_is_read_once(padding: str, norm: str, return_sequences: bool) -> None:
    import tensorflow as tf

    layer = TCN(
        4, dilations=(1, 2, 4), padding=padding, norm=norm, return_sequences=return_sequences
    )
    layer.build((8, 40, 2))

    @tf.function(autograph=False)
    def gradients(x: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(layer(x, training=True)))
        return tape.gradient(loss, [weight.value for weight in layer.trainable_weights])

    graph = gradients.get_concrete_function(tf.TensorSpec((8, 40, 2), tf.float32)).graph
    reads = Counter(
        operation.inputs[0].name
        for operation in graph.get_operations()
        if operation.type == "ReadVariableOp"
    )
    assert len(reads) >= len(layer.trainable_weights)
    assert set(reads.values()) == {1}, reads
