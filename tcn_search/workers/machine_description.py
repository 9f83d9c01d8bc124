"""Describe the machine on which a trial was trained."""

from __future__ import annotations

import socket
from functools import cache


@cache
def describe_machine() -> str:
    """Return host, device, backend and versions: "host, cpu, tensorflow 2.21.0, keras 3.15.1"."""
    import keras

    backend = keras.backend.backend()
    describe_backend = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[backend]
    device, version = describe_backend()
    return f"{socket.gethostname()}, {device}, {backend} {version}, keras {keras.__version__}"


def _tensorflow() -> tuple[str, str]:
    """Return the device that TensorFlow uses, and TensorFlow's version."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    device = "cpu"
    if gpus:
        device = tf.config.experimental.get_device_details(gpus[0]).get("device_name", "gpu")
    return device, tf.__version__


def _jax() -> tuple[str, str]:
    """Return the device that JAX uses, and JAX's version."""
    import jax

    return jax.devices()[0].device_kind, jax.__version__


def _torch() -> tuple[str, str]:
    """Return the device that torch uses, and torch's version."""
    import torch

    device = "cpu"
    if torch.cuda.is_available():
        device = torch.cuda.get_device_name(0)
    return device, torch.__version__
