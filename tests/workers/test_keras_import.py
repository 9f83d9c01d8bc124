"""The import of Keras: what is hidden meanwhile, and what a worker leaves out."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tcn_search.errors import InputError
from tcn_search.workers.keras_import import hide_standard_error

SCRIPT = """
import sys
from tcn_search.workers.keras_import import import_keras_only
import_keras_only()
assert not set(sys.argv[1:]) & set(sys.modules), "imported"
import jax.numpy, matplotlib.pyplot, pandas, sklearn.base
import keras
print(keras.backend.backend(), float(keras.ops.sum(keras.ops.ones(3))), len(pandas.DataFrame({"x": [1]})))
"""


@pytest.mark.parametrize(
    ("error", "shown"),
    [(OSError("x"), "a line\n"), (InputError("x"), ""), (KeyboardInterrupt(), "")],
)
def test_only_an_unknown_error_shows_it(
    error: BaseException, shown: str, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        with hide_standard_error():
            os.write(2, b"a line\n")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert capfd.readouterr().err == shown


@pytest.mark.parametrize(
    ("backend", "optional"),
    [
        ("jax", ["matplotlib", "pandas", "sklearn"]),
        pytest.param(
            "tensorflow", ["jax", "matplotlib", "pandas", "sklearn"], marks=pytest.mark.slow
        ),
    ],
)
def test_keras_is_imported_without_optional_packages_which_can_be_imported_later(
    backend: str, optional: list[str]
) -> None:
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", SCRIPT, *optional]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{backend} 3.0 1\n"
