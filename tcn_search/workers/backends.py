"""Which tensor library trains a study. Decided without importing any.

The order: what is asked for, then KERAS_BACKEND, then the machine. There, the rule is:

- With a GPU: the first of JAX, TensorFlow, torch that is installed with its GPU parts.
- Without: TensorFlow, then JAX, then torch. By docs/benchmarks.md TensorFlow's training step on 2 cores takes half
  of JAX's time; JAX's first step is a second sooner there, but a whole short trial is not, because JAX compiles
  each operation that makes the weights. For torch no measurement speaks.
- Where only TensorFlow is installed, it is TensorFlow.
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
_ON_A_GPU = ("jax", "tensorflow", "torch")
_ON_A_CPU = ("tensorflow", "jax", "torch")


def choose_backend(
    asked: str,
    environment: Mapping[str, str],
    installed: Iterable[str],
    on_gpu: Iterable[str],
    gpus: int,
) -> str:
    """The backend for a study.

    Args:
        asked: "auto" or a backend's name.
        environment: where KERAS_BACKEND is looked up if nothing is asked for.
        installed: backends that can be imported.
        on_gpu: those of them that are installed with their GPU parts.
        gpus: how many GPUs the machine has.

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
        ("--backend", asked),
        ("KERAS_BACKEND", environment.get("KERAS_BACKEND") or "auto"),
    ):
        if name != "auto":
            return _require(source, name, installed)
    order = [name for name in _ON_A_GPU if name in on_gpu] if gpus else []
    for name in (*order, *_ON_A_CPU):
        if name in installed:
            return name
    raise InputError("No backend is installed. pip install tensorflow")


def _require(source: str, name: str, installed: set[str]) -> str:
    if name not in BACKENDS:
        raise InputError(
            f"{source} must be auto or one of {', '.join(BACKENDS)}. Received: {name!r}"
        )
    if name not in installed:
        extra = "tensorflow" if name == "tensorflow" else f"'tcn-search[{name}]'"
        raise InputError(f"{source} {name}: {name} is not installed. pip install {extra}")
    return name


def installed_backends() -> list[str]:
    """Those that can be imported here."""
    return [name for name in BACKENDS if find_spec(name) is not None]


def backends_on_gpu() -> list[str]:
    """Those installed with their GPU parts.

    TensorFlow finds CUDA in packages beside it or on the system; JAX has a plug-in; torch says it in its version.
    """
    names = {re.sub(r"[-_.]+", "-", found.name or "").lower() for found in distributions()}
    cuda = (
        any(name.startswith("nvidia-cuda-nvcc") for name in names)
        or find_library("cudnn") is not None
    )
    found = {
        "tensorflow": "tensorflow" in names and cuda,
        "jax": any(re.fullmatch(r"jax-cuda\d*-plugin", name) for name in names),
        "torch": "torch" in names and "+cpu" not in version("torch"),
    }
    return [name for name in BACKENDS if found[name]]


def resolve_backend(asked: str) -> str:
    """`choose_backend` for this machine, this environment and what is installed here."""
    gpus = len(visible_gpus(os.environ))
    on_gpu = backends_on_gpu() if gpus else []
    return choose_backend(asked, os.environ, installed_backends(), on_gpu, gpus)


def backend_version(name: str) -> str:
    """As people say it: "2.21". Empty where the package does not tell."""
    try:
        return ".".join(version(name).split("+")[0].split(".")[:2])
    except PackageNotFoundError:  # such as tensorflow-cpu
        return ""


def use_backend(name: str) -> None:
    """Let Keras take this backend in this process.

    Raises:
        InputError: it is not installed, or Keras has been imported with another one.
    """
    keras = sys.modules.get("keras")
    if keras is None:
        _require("the backend", name, set(installed_backends()))
        os.environ["KERAS_BACKEND"] = name
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # a GPU may be others' as well
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    elif (taken := keras.backend.backend()) != name:
        raise InputError(
            f"The study's backend is {name}, but Keras runs on {taken} in this process. Set KERAS_BACKEND={name} "
            f"before Keras is imported; or go on with {taken}: Study(..., backend={taken!r}, allow_changes=True)."
        )
