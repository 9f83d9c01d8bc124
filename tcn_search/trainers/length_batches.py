"""Batches of sequences of different lengths, cut to few lengths, and a model that takes them.

Padded steps change neither loss nor gradients, so a batch of short sequences is cut to a shorter
length with equal results. Each length is a static shape, with a compiled program of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from tcn_search.layers.tcn import TCN
from tcn_search.models.readout import PoolOverTime
from tcn_search.models.standardize import Predictions, Standardize
from tcn_search.tasks.length_buckets import assign_buckets, choose_lengths, row_lengths
from tcn_search.tasks.training_data import TrainingData

# Tracing one more program takes as long as training on so many steps (measured with 64 filters).
PROGRAM_COST = 80_000
# Layers whose outputs at valid steps, or pooled over them, do not depend on the padded length.
_LENGTH_FREE = (
    keras.layers.InputLayer,
    keras.layers.RNN,
    keras.layers.Dense,
    Standardize,
    TCN,
    PoolOverTime,
    Predictions,
)


def batch_lengths(model: keras.Model, data: TrainingData, epochs: int) -> tuple[int, ...]:
    """Return the lengths to which training batches are cut; () for batches of one length.

    Batches have one length where the sequences have, where other lengths save less time than their
    programs cost, and for models with layers of which it is unknown whether padding changes their
    outputs, such as custom models.
    """
    spec = data.spec
    known_layers = all(isinstance(layer, _LENGTH_FREE) for layer in model.layers)
    if not spec.ragged or spec.scored_steps is not None or not known_layers:
        return ()
    lengths = choose_lengths(row_lengths(data.train.X), PROGRAM_COST / epochs)
    if len(lengths) == 1:
        return ()
    return lengths


def accept_lengths(model: keras.Model) -> None:
    """Let a compiled model be trained and evaluated on batches of any length.

    TensorFlow traces Keras' own functions for an open length, from which no static plan can be
    made. The functions set here are traced once for each length.
    """
    model.input_spec = keras.InputSpec(ndim=3, axes={-1: model.input_shape[-1]})
    if keras.backend.backend() == "tensorflow":
        model.steps_per_execution = 1
        model.train_function = _traced_for_each_shape(model.train_step)
        model.test_function = _traced_for_each_shape(model.test_step)


def _traced_for_each_shape(step: Callable[[Any], Any]) -> Callable[[Iterator[Any]], Any]:
    """Return a function that runs `step` on the next batch of an iterator."""
    import tensorflow as tf

    traced = tf.function(step, autograph=False, reduce_retracing=False)

    def function(iterator: Iterator[Any]) -> Any:
        return traced(next(iterator))

    return function


class LengthBatches(keras.utils.PyDataset):
    """Batches of one number of rows, each cut to the shortest of a few lengths that holds its rows.

    Rows are put in order by their length's bucket and dealt out in this order, so at most one batch
    for each length is longer than its shortest rows need. With a generator each epoch draws the
    order of the rows in a bucket and the order of the batches anew, and as many rows come a second
    time as fill the last batch. Without a generator each row comes once, in an order of its length.

    Args:
        arrays: X (n, T, C) and targets, perhaps weights.
        stepwise: for each array, whether its second axis is time.
        size: rows of a batch.
        lengths: lengths to choose from, shortest first.
        generator: source of random orders.
    """

    def __init__(
        self,
        arrays: tuple[np.ndarray, ...],
        stepwise: tuple[bool, ...],
        size: int,
        lengths: tuple[int, ...],
        generator: np.random.Generator | None = None,
    ) -> None:
        super().__init__()
        self.arrays = arrays
        self.stepwise = stepwise
        self.size = size
        self.lengths = lengths
        self.generator = generator
        self.buckets = assign_buckets(row_lengths(arrays[0]), lengths)
        self.batches: list[np.ndarray] = []
        self.on_epoch_end()

    def on_epoch_end(self) -> None:
        rows = len(self.buckets)
        order = np.arange(rows)
        if self.generator is not None:
            repeated = self.generator.permutation(rows)[: len(self) * self.size - rows]
            order = np.concatenate([self.generator.permutation(rows), repeated])
        order = order[np.argsort(self.buckets[order], kind="stable")]
        self.batches = np.split(order, range(self.size, len(order), self.size))
        if self.generator is not None:
            self.batches = [self.batches[i] for i in self.generator.permutation(len(self))]

    def __len__(self) -> int:
        return math.ceil(len(self.buckets) / self.size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        rows = self.batches[index]
        length = self.lengths[self.buckets[rows].max()]
        return tuple(
            array[rows, :length] if has_steps else array[rows]
            for array, has_steps in zip(self.arrays, self.stepwise, strict=True)
        )

    def epoch(self) -> Iterator[tuple[np.ndarray, ...]]:
        """Yield the batches of a new epoch."""
        self.on_epoch_end()
        for index in range(len(self)):
            yield self[index]


def tensorflow_batches(batches: LengthBatches, prefetched: int) -> Any:
    """Return length batches as a `tf.data.Dataset` with a new order at each pass."""
    import tensorflow as tf

    signature = []
    for array, has_steps in zip(batches.arrays, batches.stepwise, strict=True):
        shape = [None, *array.shape[1:]]
        if has_steps:
            shape[1] = None
        signature.append(tf.TensorSpec(shape, array.dtype))
    dataset = tf.data.Dataset.from_generator(batches.epoch, output_signature=tuple(signature))
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(len(batches)))
    dataset = dataset.prefetch(prefetched)
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    return dataset.with_options(options)
