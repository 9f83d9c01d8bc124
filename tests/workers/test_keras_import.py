"""The import of Keras: what is hidden meanwhile, and what a worker leaves out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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


def test_a_backend_that_cannot_be_imported_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "keras.py").write_text("raise ImportError('libcudnn.so.9: cannot open\\nmore')")
    script = (
        "from tcn_search.errors import InputError\n"
        "from tcn_search.workers.keras_import import import_keras_quietly\n"
        "try:\n    import_keras_quietly()\n"
        "except InputError as error:\n    print(error)"
    )
    paths = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    environment = {**os.environ, "KERAS_BACKEND": "torch", "PYTHONPATH": paths}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.stdout == (
        "Keras cannot be imported with torch: libcudnn.so.9: cannot open. Install both again\n"
    ), done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("choice", "is_shown", "imported"),
    [
        ("3", False, "from tcn_search.workers.keras_import import import_keras_quietly as start"),
        ("0", True, "from tcn_search.workers.keras_import import import_keras_quietly as start"),
        ("3", False, "from tcn_search import TCN, load_model\nstart = int"),
    ],
)
def test_lines_of_tensorflow_are_hidden_unless_all_of_them_are_wanted(
    choice: str, is_shown: bool, imported: str
) -> None:
    script = f"{imported}\nstart()\nimport keras\nkeras.ops.zeros(1)"
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": choice}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0
    assert ("oneDNN" in done.stderr) == is_shown
    assert is_shown or done.stderr == ""
