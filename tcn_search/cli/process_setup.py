"""Set up the process of a command that trains or predicts."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from tcn_search.errors import TcnSearchError


def stop_on_sigterm() -> None:
    """Let SIGTERM, with which the scheduler of a cluster stops a job, do the same as Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def import_keras_quietly(make_tensor: bool = True) -> None:
    """Import Keras without the dozen lines that TensorFlow writes about the machine.

    TensorFlow's C++ part writes before any of its settings apply, so the file descriptor of
    standard error is redirected. If the import fails, the redirected text is shown. Nothing is
    hidden if TF_CPP_MIN_LOG_LEVEL is set, as that is the user's own choice.

    Args:
        make_tensor: also make a first tensor, which starts the device.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    with hide_standard_error():
        import logging

        import keras

        # TensorFlow warns where several models are scored, because it traces each of them.
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
        if make_tensor:
            keras.ops.zeros(1)


@contextmanager
def hide_standard_error() -> Iterator[None]:
    """Hide what libraries write to standard error, C++ ones too; show it after an unknown error."""
    sys.stderr.flush()
    standard_error = os.dup(2)
    with tempfile.TemporaryFile() as hidden:
        os.dup2(hidden.fileno(), 2)
        try:
            yield
        except TcnSearchError:
            raise
        except BaseException:
            hidden.seek(0)
            os.write(standard_error, hidden.read())
            raise
        finally:
            os.dup2(standard_error, 2)
            os.close(standard_error)
