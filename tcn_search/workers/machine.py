"""Where a trial was trained, in words, so that trials of different machines can be told apart."""

from __future__ import annotations

import socket
from functools import cache


@cache
def machine() -> str:
    """Host, device, backend and versions: "host, cpu, tensorflow 2.21.0, keras 3.15.1"."""
    import keras

    backend = keras.backend.backend()
    device, version = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[backend]()
    return f"{socket.gethostname()}, {device}, {backend} {version}, keras {keras.__version__}"


def _tensorflow() -> tuple[str, str]:
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    name = (
        tf.config.experimental.get_device_details(found[0]).get("device_name", "gpu")
        if found
        else "cpu"
    )
    return name, tf.__version__


def _jax() -> tuple[str, str]:
    import jax

    return jax.devices()[0].device_kind, jax.__version__


def _torch() -> tuple[str, str]:
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else "cpu", torch.__version__
