"""The import of Keras in a worker process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import sys
from tcn_search.workers.worker_main import _import_keras
_import_keras()
assert not set(sys.argv[1:]) & set(sys.modules), "imported"
import jax.numpy, matplotlib.pyplot, pandas, sklearn.base
import keras
print(keras.backend.backend(), float(keras.ops.sum(keras.ops.ones(3))), len(pandas.DataFrame({"x": [1]})))
"""


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
