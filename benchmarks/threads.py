"""One thread for a benchmark, as a worker of a search has."""

from __future__ import annotations

import os


def use_one_thread() -> None:
    """Let TensorFlow use one thread, where it is the backend; before its first operation."""
    if os.environ.get("KERAS_BACKEND") != "tensorflow":
        return
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
