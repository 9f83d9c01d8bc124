"""The choice of a backend, for invented machines."""

from __future__ import annotations

import subprocess
import sys

import keras
import pytest

from tcn_search.errors import InputError
from tcn_search.workers.backends import (
    backend_version,
    choose_backend,
    installed_backends,
    use_backend,
)

ALL = ["tensorflow", "jax", "torch"]


@pytest.mark.parametrize(
    ("requested", "environment", "chosen"),
    [
        ("torch", {"KERAS_BACKEND": "jax"}, "torch"),
        ("auto", {"KERAS_BACKEND": "jax"}, "jax"),
        ("auto", {"KERAS_BACKEND": ""}, "tensorflow"),
        ("auto", {}, "tensorflow"),
    ],
)
def test_the_request_wins_over_the_environment_and_that_over_the_machine(
    requested: str, environment: dict[str, str], chosen: str
) -> None:
    assert choose_backend(requested, environment, ALL, [], gpus=0) == chosen


def test_without_a_gpu_tensorflow_wins_over_jax_and_jax_over_torch() -> None:
    assert choose_backend("auto", {}, ALL, [], gpus=0) == "tensorflow"
    assert choose_backend("auto", {}, ["torch", "jax"], [], gpus=0) == "jax"
    assert choose_backend("auto", {}, ["torch"], ["torch"], gpus=0) == "torch"
    with pytest.raises(InputError, match="No backend is installed. pip install tensorflow"):
        choose_backend("auto", {}, [], [], gpus=0)


@pytest.mark.parametrize(
    ("on_gpu", "chosen"),
    [
        (ALL, "jax"),
        (["tensorflow", "torch"], "tensorflow"),
        (["torch"], "torch"),
        ([], "tensorflow"),
    ],
)
def test_with_a_gpu_a_backend_with_gpu_support_is_chosen(on_gpu: list[str], chosen: str) -> None:
    assert choose_backend("auto", {}, ALL, on_gpu, gpus=1) == chosen


@pytest.mark.parametrize(
    ("requested", "environment", "message"),
    [
        ("keras", {}, "--backend must be auto or one of tensorflow, jax, torch. Received: 'keras'"),
        ("jax", {}, "--backend jax: jax is not installed. pip install 'tcn-search[jax]'"),
        (
            "auto",
            {"KERAS_BACKEND": "jax"},
            "KERAS_BACKEND jax: jax is not installed. pip install 'tcn-search[jax]'",
        ),
    ],
)
def test_an_unknown_or_missing_backend_is_refused(
    requested: str, environment: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        choose_backend(requested, environment, ["tensorflow"], [], gpus=0)
    assert str(caught.value) == message


def test_choosing_imports_no_tensor_library() -> None:
    code = (
        "import sys\n"
        "from tcn_search.workers.backends import backends_on_gpu, resolve_backend\n"
        "resolve_backend('auto'); backends_on_gpu()\n"
        "assert not {'tensorflow', 'jax', 'torch', 'keras'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_keras_with_another_backend_is_refused() -> None:
    current = keras.backend.backend()
    use_backend(current)
    other = next(name for name in ALL if name != current)
    with pytest.raises(InputError) as caught:
        use_backend(other)
    assert str(caught.value) == (
        f"The study's backend is {other}, but Keras runs on {current} in this process. Set KERAS_BACKEND={other} before "
        f"Keras is imported; or go on with {current}: Study(..., backend='{current}', allow_changes=True)."
    )


def test_versions_have_two_numbers() -> None:
    for name in installed_backends():
        assert backend_version(name).count(".") == 1
    assert backend_version("nothing-like-it") == ""
