"""Choose the tensor library of a study, without importing any.

A backend that the caller names comes first, then KERAS_BACKEND, then the default for the machine:

- With a GPU: the first of JAX, TensorFlow, torch that is installed with GPU support.
- Without a GPU: TensorFlow, then JAX, then torch. By docs/benchmarks.md, TensorFlow's training
  step on 2 cores takes half of JAX's time. JAX's first step is a second faster there, but a whole
  short trial is not, because JAX compiles each operation that creates the weights. torch was not
  measured.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from ctypes.util import find_library
from importlib.metadata import PackageNotFoundError, distributions, version
from importlib.util import find_spec

from tcn_search.errors import InputError
from tcn_search.workers.resources import visible_gpus

BACKENDS = ("tensorflow", "jax", "torch")
_ORDER_ON_GPU = ("jax", "tensorflow", "torch")
_ORDER_ON_CPU = ("tensorflow", "jax", "torch")


def choose_backend(
    requested: str,
    environment: Mapping[str, str],
    installed: Iterable[str],
    on_gpu: Iterable[str],
    gpus: int,
) -> str:
    """Return the name of the backend for a study.

    Args:
        requested: "auto" or a backend's name.
        environment: environment variables; KERAS_BACKEND counts if `requested` is "auto".
        installed: names of the backends that can be imported.
        on_gpu: names of the backends that are installed with GPU support.
        gpus: number of GPUs of the machine.

    Raises:
        InputError: the backend does not exist, or is not installed.

    >>> choose_backend("auto", {}, ["tensorflow", "jax"], [], gpus=0)
    'tensorflow'
    >>> choose_backend("auto", {}, ["tensorflow", "jax"], ["jax"], gpus=1)
    'jax'
    """
    installed = set(installed)
    on_gpu = set(on_gpu)
    for source, name in (
        ("--backend", requested),
        ("KERAS_BACKEND", environment.get("KERAS_BACKEND") or "auto"),
    ):
        if name != "auto":
            return _require_installed(source, name, installed)
    order = list(_ORDER_ON_CPU)
    if gpus:
        order = [name for name in _ORDER_ON_GPU if name in on_gpu] + order
    for name in order:
        if name in installed:
            return name
    raise InputError("No backend is installed. pip install tensorflow")


def _require_installed(source: str, name: str, installed: set[str]) -> str:
    """Return `name`, or raise an InputError if it is no backend or not installed."""
    if name not in BACKENDS:
        raise InputError(
            f"{source} must be auto or one of {', '.join(BACKENDS)}. Received: {name!r}"
        )
    if name not in installed:
        extra = "tensorflow" if name == "tensorflow" else f"'tcn-search[{name}]'"
        raise InputError(f"{source} {name}: {name} is not installed. pip install {extra}")
    return name


def installed_backends() -> list[str]:
    """Return the names of the backends that can be imported here."""
    return [name for name in BACKENDS if find_spec(name) is not None]


def backends_on_gpu() -> list[str]:
    """Return the names of the backends that are installed with GPU support.

    TensorFlow finds CUDA in packages beside it or on the system, JAX has a plug-in, and torch
    marks its builds without CUDA in its version.
    """
    packages = {
        re.sub(r"[-_.]+", "-", distribution.name or "").lower() for distribution in distributions()
    }
    cuda = (
        any(package.startswith("nvidia-cuda-nvcc") for package in packages)
        or find_library("cudnn") is not None
    )
    on_gpu = {
        "tensorflow": "tensorflow" in packages and cuda,
        "jax": any(re.fullmatch(r"jax-cuda\d*-plugin", package) for package in packages),
        "torch": "torch" in packages and "+cpu" not in version("torch"),
    }
    return [name for name in BACKENDS if on_gpu[name]]


def resolve_backend(requested: str) -> str:
    """Return `choose_backend` for this machine, its environment and its installed packages."""
    gpus = len(visible_gpus(os.environ))
    on_gpu = backends_on_gpu() if gpus else []
    return choose_backend(requested, os.environ, installed_backends(), on_gpu, gpus)


def backend_version(name: str) -> str:
    """Return a backend's major and minor version, such as "2.21"; "" if it is unknown."""
    try:
        return ".".join(version(name).split("+")[0].split(".")[:2])
    except PackageNotFoundError:  # such as tensorflow-cpu
        return ""


def use_backend(name: str) -> None:
    """Make Keras use this backend in this process.

    Raises:
        InputError: the backend is not installed, or Keras has been imported with another one.
    """
    keras = sys.modules.get("keras")
    if keras is None:
        _require_installed("the backend", name, set(installed_backends()))
        os.environ["KERAS_BACKEND"] = name
        # Other processes may use the same GPU.
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    elif (current := keras.backend.backend()) != name:
        raise InputError(
            f"The study's backend is {name}, but Keras runs on {current} in this process. "
            f"Set KERAS_BACKEND={name} before Keras is imported; or go on with {current}: "
            f"Study(..., backend={current!r}, allow_changes=True)."
        )
