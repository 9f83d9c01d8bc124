"""Import Keras without TensorFlow's lines about the machine, or in workers without extras."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module

from tcn_search.errors import InputError, TcnSearchError, first_line

_CHOICE = "TF_CPP_MIN_LOG_LEVEL"


def import_keras_quietly(make_tensor: bool = True) -> None:
    """Import Keras, unless it is imported already, and hide what its backend writes meanwhile.

    TensorFlow's C++ part writes before any of its settings apply, so the file descriptor of
    standard error is redirected. If the import fails, the redirected text is shown. Nothing is
    hidden if TF_CPP_MIN_LOG_LEVEL is "0", as its user wants to read these lines.

    Args:
        make_tensor: also make a first tensor, which starts the device.

    Raises:
        InputError: Keras or its backend is installed, but cannot be imported.
    """
    if os.environ.get(_CHOICE) == "0" or "keras" in sys.modules:
        return
    os.environ.setdefault(_CHOICE, "3")
    with hide_standard_error():
        try:
            import keras
        except ImportError as error:
            backend = os.environ.get("KERAS_BACKEND", "its default backend")
            raise InputError(
                f"Keras cannot be imported with {backend}: {first_line(error)}. Install both again"
            ) from error

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


def import_keras_only() -> None:
    """Import Keras without the optional packages that it and TensorFlow import for rare uses.

    The import then takes two thirds of the time. The packages can be imported later.
    """
    optional = {"matplotlib", "pandas", "sklearn"}
    if os.environ.get("KERAS_BACKEND") == "tensorflow":
        optional.add("jax")
    optional -= set(sys.modules)
    for name in optional:
        sys.modules[name] = None  # type: ignore[assignment]  # as if it were not installed
    try:
        import_module("keras")
    finally:
        for name in optional:
            del sys.modules[name]
