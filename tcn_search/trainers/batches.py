"""The batches that a training is fed with.

All batches of a training have one size, so that tensor libraries meet one shape: a last one that is smaller costs
JAX a second compilation of the training step, and TensorFlow the bookkeeping of a size that is left open. Those of the
validation part do where its number of rows allows it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from tcn_search.tasks.class_weights import sample_weights
from tcn_search.tasks.training_data import TrainingData

BATCHES_AHEAD = 2
COPIED_AT_MOST = (
    64 << 20
)  # bytes of an array that TensorFlow gets a copy of, in each trial of each worker


def fit_arguments(data: TrainingData, batch_size: int) -> dict[str, Any]:
    """What `keras.Model.fit` needs to train on the training part and to judge by the validation part.

    Each epoch has every row of the training part, in an order of its own, and as many drawn a second time as it
    takes to fill the last batch; batches are of `even_size`. Draws from Python's `random`, which
    `keras.utils.set_random_seed` seeds.
    """
    train = data.train
    validation = data.validation
    weights = sample_weights(data)
    arrays = (train.X, train.y) if weights is None else (train.X, train.y, weights)
    judged = (validation.X, validation.y)
    size = even_size(len(train), batch_size)
    seed = random.randrange(2**31)
    judged_at_once = _size_that_divides(
        len(validation), max(batch_size, data.spec.sequences_at_once)
    )
    if keras.backend.backend() == "tensorflow":
        return {
            "x": _tensorflow_batches(arrays, size, seed),
            "shuffle": False,  # each pass over the batches is shuffled already
            "validation_data": _tensorflow_batches(judged, judged_at_once),
        }
    return {
        "x": _ShuffledBatches(arrays, size, seed),
        "shuffle": False,
        "validation_data": judged,
        "validation_batch_size": judged_at_once,
    }


def even_size(rows: int, most: int) -> int:
    """The size of batches that hold `rows` in as few batches of at most `most` as it takes, all of one size.

    >>> even_size(65, 64), even_size(64, 64), even_size(2_000, 32)
    (33, 64, 32)
    """
    return math.ceil(rows / math.ceil(rows / most))


def _size_that_divides(rows: int, most: int) -> int:
    """A size of at most `most` that leaves no smaller batch, if one is not much smaller; otherwise `even_size`."""
    fewest = math.ceil(rows / most)
    even = (rows // batches for batches in range(fewest, 2 * fewest + 1) if rows % batches == 0)
    return next(even, even_size(rows, most))


class _ShuffledBatches(keras.utils.PyDataset):
    """Batches of all arrays' rows, (size, ...) each, in an order drawn anew after each epoch."""

    def __init__(self, arrays: tuple[np.ndarray, ...], size: int, seed: int) -> None:
        super().__init__()
        self.arrays = tuple(_in_floatx(array) for array in arrays)
        self.size = size
        self.generator = np.random.default_rng(seed)
        self.on_epoch_end()

    def on_epoch_end(self) -> None:
        rows = len(self.arrays[0])
        again = self.generator.permutation(rows)[: len(self) * self.size - rows]
        self.order = np.concatenate([self.generator.permutation(rows), again])

    def __len__(self) -> int:
        return math.ceil(len(self.arrays[0]) / self.size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        places = self.order[index * self.size : (index + 1) * self.size]
        return tuple(array[places] for array in self.arrays)


def _tensorflow_batches(arrays: tuple[np.ndarray, ...], size: int, seed: int | None = None) -> Any:
    """A `tf.data.Dataset` of batches of all arrays' rows.

    With a seed they are all of one size, in an order drawn anew at each pass; without one the last batch has what
    is left. Keras makes such a data set, too, but with a thread that tunes it, which each epoch has to wait for:
    for two seconds where a process has one core. Here is nothing to tune.
    """
    import tensorflow as tf

    rows = len(arrays[0])
    with tf.device("CPU:0"):
        takers = [_taker(_in_floatx(array)) for array in arrays]

    @tf.autograph.experimental.do_not_convert  # it would write a file, which a kill leaves behind
    def take(places: Any) -> tuple[Any, ...]:
        return tuple(taker(places) for taker in takers)

    places = tf.data.Dataset.range(rows)
    missing = -rows % size
    if seed is not None:
        again = places.shuffle(rows, seed=seed + 1).take(missing)
        places = places.shuffle(rows, seed=seed).concatenate(again)
    one_size = seed is not None or not missing
    batches = places.batch(size, drop_remainder=one_size).map(take).prefetch(BATCHES_AHEAD)
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    return batches.with_options(options)


def _taker(array: np.ndarray) -> Callable[[Any], Any]:
    """Takes rows of an array by their numbers, in a TensorFlow graph.

    A large array stays where it is, memory that all workers share, and its rows are taken in Python.
    """
    import tensorflow as tf

    if array.nbytes <= COPIED_AT_MOST:
        tensor = tf.convert_to_tensor(array)
        return lambda places: tf.gather(tensor, places)

    def take(places: Any) -> Any:
        taken = tf.numpy_function(lambda numbers: array[numbers], [places], array.dtype)
        return tf.ensure_shape(taken, [*places.shape, *array.shape[1:]])

    return take


def _in_floatx(array: np.ndarray) -> np.ndarray:
    return array.astype(keras.config.floatx()) if array.dtype == np.float64 else array
