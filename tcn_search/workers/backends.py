"""Which tensor library trains a study. Decided without importing any.

The order: what is asked for, then KERAS_BACKEND, then the machine. There, the rule is:

- With a GPU: the first of JAX, TensorFlow, torch that is installed with its GPU parts.
- Without: the installed one with the smallest `start + steps * step` for a trial of so many training steps, by
  the times in docs/benchmarks.md (means of the four networks there). TensorFlow's step is the shortest; JAX starts
  a second sooner, so it wins where a trial is a few steps. torch is not among them: nothing measured speaks for it.
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
# Seconds of the first step and of a further one on 2 cores, docs/benchmarks.md.
_ON_THE_CPU = {"tensorflow": (3.2, 0.049), "jax": (2.1, 0.097)}


def choose_backend(
    asked: str,
    environment: Mapping[str, str],
    installed: Iterable[str],
    on_gpu: Iterable[str],
    gpus: int,
    steps: int,
) -> str:
    """The backend for a study.

    Args:
        asked: "auto" or a backend's name.
        environment: where KERAS_BACKEND is looked up if nothing is asked for.
        installed: backends that can be imported.
        on_gpu: those of them that are installed with their GPU parts.
        gpus: how many GPUs the machine has.
        steps: training steps of a whole trial.

    Raises:
        InputError: the backend does not exist, or is not installed.

    >>> choose_backend("auto", {}, ["tensorflow", "jax"], [], gpus=0, steps=1_000)
    'tensorflow'
    >>> choose_backend("auto", {}, ["tensorflow", "jax"], ["jax"], gpus=1, steps=1_000)
    'jax'
    """
    installed, on_gpu = set(installed), set(on_gpu)
    for source, name in (("--backend", asked), ("KERAS_BACKEND", environment.get("KERAS_BACKEND") or "auto")):
        if name != "auto":
            return _require(source, name, installed)
    if gpus:
        for name in _ON_A_GPU:
            if name in installed & on_gpu:
                return name
    known = [name for name in _ON_THE_CPU if name in installed]
    if known:
        return min(known, key=lambda name: _trial_seconds(name, steps))
    for name in BACKENDS:
        if name in installed:
            return name
    raise InputError("No backend is installed. pip install tensorflow")


def _trial_seconds(name: str, steps: int) -> float:
    start, step = _ON_THE_CPU[name]
    return start + steps * step


def _require(source: str, name: str, installed: set[str]) -> str:
    if name not in BACKENDS:
        raise InputError(f"{source} must be auto or one of {', '.join(BACKENDS)}. Received: {name!r}")
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
    cuda = any(name.startswith("nvidia-cuda-nvcc") for name in names) or find_library("cudnn") is not None
    found = {
        "tensorflow": "tensorflow" in names and cuda,
        "jax": any(re.fullmatch(r"jax-cuda\d*-plugin", name) for name in names),
        "torch": "torch" in names and "+cpu" not in version("torch"),
    }
    return [name for name in BACKENDS if found[name]]


def resolve_backend(asked: str, steps: int) -> str:
    """`choose_backend` for this machine, this environment and what is installed here."""
    gpus = len(visible_gpus(os.environ))
    on_gpu = backends_on_gpu() if gpus else []
    return choose_backend(asked, os.environ, installed_backends(), on_gpu, gpus, steps)


def backend_version(name: str) -> str:
    """As people say it: "2.21". Empty where the package does not tell."""
    try:
        return ".".join(version(name).split("+")[0].split(".")[:2])
    except PackageNotFoundError:  # such as tensorflow-cpu
        return ""


def use_backend(name: str) -> None:
    """Let Keras take this backend in this process, if it has not been imported yet."""
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = name
