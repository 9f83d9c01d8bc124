"""The batches that a training is fed with."""

from __future__ import annotations

import random
from typing import Any

import keras
import numpy as np

from tcn_search.tasks.class_weights import sample_weights
from tcn_search.tasks.training_data import TrainingData

BATCHES_AHEAD = 2


def fit_arguments(data: TrainingData, batch_size: int) -> dict[str, Any]:
    """What `keras.Model.fit` needs to train on the training part and to judge by the validation part.

    The training part is shuffled anew for each epoch. Draws from Python's `random`, which
    `keras.utils.set_random_seed` seeds.
    """
    train, validation, weights = data.train, data.validation, sample_weights(data)
    judged_at_once = max(batch_size, data.spec.sequences_at_once)
    if keras.backend.backend() != "tensorflow":
        return {
            "x": train.X,
            "y": train.y,
            "sample_weight": weights,
            "batch_size": batch_size,
            "validation_data": (validation.X, validation.y),
            "validation_batch_size": judged_at_once,
        }
    arrays = (train.X, train.y) if weights is None else (train.X, train.y, weights)
    return {
        "x": _tensorflow_batches(arrays, batch_size, shuffle_seed=random.randrange(2**31)),
        "shuffle": False,  # each pass over the batches is shuffled already
        "validation_data": _tensorflow_batches((validation.X, validation.y), judged_at_once),
    }


def _tensorflow_batches(
    arrays: tuple[np.ndarray, ...], batch_size: int, shuffle_seed: int | None = None
) -> Any:
    """A `tf.data.Dataset` of batches of all arrays' rows, in an order drawn anew at each pass if seeded.

    Keras makes one, too, but with a thread that tunes it, which each epoch has to wait for: for two seconds
    where a process has one core. Here is nothing to tune.
    """
    import tensorflow as tf

    rows = len(arrays[0])
    with tf.device("CPU:0"):
        tensors = [tf.convert_to_tensor(_in_floatx(array)) for array in arrays]

    @tf.autograph.experimental.do_not_convert  # it would write a file, which a kill leaves behind
    def take(places: Any) -> tuple[Any, ...]:
        return tuple(tf.gather(tensor, places) for tensor in tensors)

    places = tf.data.Dataset.range(rows)
    if shuffle_seed is not None:
        places = places.shuffle(rows, seed=shuffle_seed)
    batches = places.batch(batch_size).map(take).prefetch(BATCHES_AHEAD)
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    return batches.with_options(options)


def _in_floatx(array: np.ndarray) -> np.ndarray:
    return array.astype(keras.config.floatx()) if array.dtype == np.float64 else array
