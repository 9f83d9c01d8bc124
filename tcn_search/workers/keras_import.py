"""Import Keras without the dozen lines that TensorFlow writes about the machine."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tcn_search.errors import TcnSearchError

_CHOICE = "TF_CPP_MIN_LOG_LEVEL"


def import_keras_quietly(make_tensor: bool = True) -> None:
    """Import Keras, unless it is imported already, and hide what its backend writes meanwhile.

    TensorFlow's C++ part writes before any of its settings apply, so the file descriptor of
    standard error is redirected. If the import fails, the redirected text is shown. Nothing is
    hidden if TF_CPP_MIN_LOG_LEVEL is set, as that is the user's own choice.

    Args:
        make_tensor: also make a first tensor, which starts the device.
    """
    if _CHOICE in os.environ or "keras" in sys.modules:
        return
    os.environ[_CHOICE] = "2"
    with hide_standard_error():
        import keras

        # Its warnings would break the live display of a command.
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
        if make_tensor:
            keras.ops.zeros(1)


@contextmanager
def hide_standard_error() -> Iterator[None]:
    """Hide what libraries write to standard error, C++ ones too; show it after an unknown error.

    Ctrl-C is none: what TensorFlow wrote about the machine until then explains nothing.
    """
    with suppress(AttributeError, OSError, ValueError):  # it may be closed, or None
        sys.stderr.flush()
    try:
        standard_error = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    with tempfile.TemporaryFile() as hidden:
        os.dup2(hidden.fileno(), 2)
        try:
            yield
        except (TcnSearchError, KeyboardInterrupt):
            raise
        except BaseException:
            hidden.seek(0)
            os.write(standard_error, hidden.read())
            raise
        finally:
            os.dup2(standard_error, 2)
            os.close(standard_error)
