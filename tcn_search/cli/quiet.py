"""Imports Keras without the dozen lines that TensorFlow writes about the machine."""

from __future__ import annotations

import os
import sys
import tempfile


def import_keras_quietly(make_tensor: bool = True) -> None:
    """Import Keras and make a first tensor, which starts the device, with standard error held back.

    What was held back is shown after all if that fails.

    TensorFlow's C++ part writes before any of its settings apply, so the file descriptor itself is turned
    away. Who sets TF_CPP_MIN_LOG_LEVEL wants to see, and sees.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            import keras

            if make_tensor:
                keras.ops.zeros(1)
        except BaseException:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
