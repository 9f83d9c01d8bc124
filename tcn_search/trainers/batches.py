"""Batches for `keras.Model.fit`.

All batches of a training have one size, so that tensor libraries meet one shape: a smaller last
batch costs JAX a second compilation of the training step, and TensorFlow the bookkeeping of an
undefined size. Batches of the validation split have one size where its number of rows allows it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from tcn_search.tasks.class_weights import sample_weights
from tcn_search.tasks.length_buckets import choose_lengths, row_lengths
from tcn_search.tasks.training_data import TrainingData
from tcn_search.trainers.length_batches import LengthBatches, tensorflow_batches

PREFETCHED_BATCHES = 2
# Size in bytes of the largest array that TensorFlow copies, in each trial of each worker.
LARGEST_COPY = 64 << 20


def fit_arguments(
    data: TrainingData, batch_size: int, lengths: tuple[int, ...] = ()
) -> dict[str, Any]:
    """Return the arguments of `keras.Model.fit` for training and validation data.

    Each epoch has every row of the training split, in an order of its own, and as many rows drawn a
    second time as fill the last batch; batches are of `even_size`. The order depends on Python's
    `random`, which `keras.utils.set_random_seed` seeds.

    Args:
        data: training and validation split; the latter may be empty.
        batch_size: largest size of a training batch.
        lengths: lengths to which batches are cut, as `batch_lengths` chooses them; empty for
            batches of one length.
    """
    train = data.train
    validation = data.validation
    train_arrays: tuple[np.ndarray, ...] = (train.X, train.y)
    weights = sample_weights(data)
    if weights is not None:
        train_arrays = (train.X, train.y, weights)
    size = even_size(len(train), batch_size)
    seed = random.randrange(2**31)
    if lengths:
        return _length_arguments(data, train_arrays, size, lengths, seed)
    on_tensorflow = keras.backend.backend() == "tensorflow"
    arguments: dict[str, Any] = {"shuffle": False}  # each pass over the batches is shuffled already
    if on_tensorflow:
        arguments["x"] = _tensorflow_batches(train_arrays, size, seed)
    else:
        arguments["x"] = _ShuffledBatches(train_arrays, size, seed)
    if not len(validation):
        return arguments
    validation_arrays = (validation.X, validation.y)
    validation_size = _dividing_size(len(validation), max(batch_size, data.spec.sequences_at_once))
    if on_tensorflow:
        arguments["validation_data"] = _tensorflow_batches(validation_arrays, validation_size)
    else:
        arguments["validation_data"] = validation_arrays
        arguments["validation_batch_size"] = validation_size
    return arguments


def _length_arguments(
    data: TrainingData,
    train_arrays: tuple[np.ndarray, ...],
    size: int,
    lengths: tuple[int, ...],
    seed: int,
) -> dict[str, Any]:
    """Return the arguments of `keras.Model.fit` for batches that are cut to few lengths."""
    every_step = data.spec.task_kind.reads_every_step
    stepwise = (True, every_step, every_step)
    batches = LengthBatches(
        tuple(map(_in_floatx, train_arrays)),
        stepwise[: len(train_arrays)],
        size,
        lengths,
        np.random.default_rng(seed),
    )
    arguments = {"x": _for_backend(batches), "shuffle": False}
    if len(data.validation):
        validation_batches = _validation_length_batches(data, size, stepwise[:2])
        arguments["validation_data"] = _for_backend(validation_batches)
    return arguments


def _validation_length_batches(
    data: TrainingData, size: int, stepwise: tuple[bool, ...]
) -> LengthBatches:
    """Return batches of the validation split, cut to few lengths.

    Args:
        size: of training batches.
        stepwise: as in `LengthBatches`.
    """
    validation = data.validation
    lengths = choose_lengths(row_lengths(validation.X))
    # Small enough that few batches have rows of two lengths.
    largest = len(validation) // (4 * len(lengths))
    largest = max(size, min(largest, data.spec.sequences_at_once))
    arrays = (_in_floatx(validation.X), _in_floatx(validation.y))
    return LengthBatches(arrays, stepwise, _dividing_size(len(validation), largest), lengths)


def _for_backend(batches: LengthBatches) -> Any:
    """Return length batches as `keras.Model.fit` takes them fastest."""
    if keras.backend.backend() == "tensorflow":
        return tensorflow_batches(batches, PREFETCHED_BATCHES)
    return batches


def even_size(rows: int, largest: int) -> int:
    """Return the size of equal batches that hold `rows` in as few batches as possible.

    No batch is larger than `largest`.

    >>> even_size(65, 64), even_size(64, 64), even_size(2_000, 32)
    (33, 64, 32)
    """
    return math.ceil(rows / math.ceil(rows / largest))


def _dividing_size(rows: int, largest: int) -> int:
    """Return the largest batch size that divides `rows`, or `even_size` if that is too small.

    It is too small if it takes more than twice as many batches as `largest` does.
    """
    fewest = math.ceil(rows / largest)
    for batches in range(fewest, 2 * fewest + 1):
        if rows % batches == 0:
            return rows // batches
    return even_size(rows, largest)


class _ShuffledBatches(keras.utils.PyDataset):
    """Batches of rows of all arrays, (size, ...) each, in a new order after each epoch."""

    def __init__(self, arrays: tuple[np.ndarray, ...], size: int, seed: int) -> None:
        super().__init__()
        self.arrays = tuple(_in_floatx(array) for array in arrays)
        self.size = size
        self.generator = np.random.default_rng(seed)
        self.on_epoch_end()

    def on_epoch_end(self) -> None:
        rows = len(self.arrays[0])
        repeated = self.generator.permutation(rows)[: len(self) * self.size - rows]
        self.order = np.concatenate([self.generator.permutation(rows), repeated])

    def __len__(self) -> int:
        return math.ceil(len(self.arrays[0]) / self.size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        rows = self.order[index * self.size : (index + 1) * self.size]
        return tuple(array[rows] for array in self.arrays)


def _tensorflow_batches(arrays: tuple[np.ndarray, ...], size: int, seed: int | None = None) -> Any:
    """Return a `tf.data.Dataset` of batches of rows of all arrays.

    With a seed all batches have one size, in a new order at each pass. Without a seed the order is
    that of the arrays, and the last batch may be smaller. Keras' own data set does the same, but
    with a thread for tuning that each epoch has to wait for: two seconds where a process has one
    core. There is nothing to tune here.
    """
    import tensorflow as tf

    rows = len(arrays[0])
    with tf.device("CPU:0"):
        gathers = [_row_gatherer(_in_floatx(array)) for array in arrays]

    @tf.autograph.experimental.do_not_convert  # converting writes a file that stays after a kill
    def gather_all(indices: Any) -> tuple[Any, ...]:
        return tuple(gather(indices) for gather in gathers)

    indices = tf.data.Dataset.range(rows)
    missing = -rows % size
    if seed is not None:
        repeated = indices.shuffle(rows, seed=seed + 1).take(missing)
        indices = indices.shuffle(rows, seed=seed).concatenate(repeated)
    one_size = seed is not None or not missing
    batches = indices.batch(size, drop_remainder=one_size).map(gather_all)
    batches = batches.prefetch(PREFETCHED_BATCHES)
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    return batches.with_options(options)


def _row_gatherer(array: np.ndarray) -> Callable[[Any], Any]:
    """Return a function that takes rows of an array by their indices, in a TensorFlow graph.

    A large array stays in the memory that all workers share, and Python takes its rows.
    """
    import tensorflow as tf

    if array.nbytes <= LARGEST_COPY:
        tensor = tf.convert_to_tensor(array)
        return lambda indices: tf.gather(tensor, indices)

    def gather(indices: Any) -> Any:
        rows = tf.numpy_function(lambda numbers: array[numbers], [indices], array.dtype)
        return tf.ensure_shape(rows, [*indices.shape, *array.shape[1:]])

    return gather


def _in_floatx(array: np.ndarray) -> np.ndarray:
    """Return float64 in Keras' default precision, other types as they are."""
    if array.dtype == np.float64:
        return array.astype(keras.config.floatx())
    return array
