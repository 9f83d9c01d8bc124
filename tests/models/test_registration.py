"""Keras itself loads every model that we save, once our classes are registered with it."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import pytest

import tcn_search
from tcn_search.registration import MODULES
from tests.models.every_kind import MODELS

PACKAGE = Path(tcn_search.__file__).parent
LOAD_ALL = """
import sys
import numpy as np
from pathlib import Path
for file in sorted(Path(sys.argv[1]).glob("*.keras")):
    model = keras.models.load_model(file)
    arrays = np.load(file.with_suffix(".npz"))
    found = model.predict(arrays["X"], verbose=0)
    np.testing.assert_allclose(found, arrays["outputs"], atol=1e-4)
    assert model.compiled_metrics is not None
    print(file.stem)
"""


def save_models(folder: Path, kinds: Sequence[str]) -> None:
    """Save models of some kinds, and what they predict."""
    for name in kinds:
        model = MODELS[name]()
        model.save(folder / f"{name}.keras")
        X = np.random.default_rng(1).integers(0, 7, (2, *model.input_shape[1:])).astype("float32")
        np.savez(folder / f"{name}.npz", X=X, outputs=model.predict(X, verbose=0))


def run(code: str, *arguments: object) -> str:
    words = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize(
    ("imports", "kinds"),
    [
        ("import keras; import tcn_search", ["forecast", "padded"]),
        pytest.param("import keras; import tcn_search", list(MODELS), marks=pytest.mark.slow),
        pytest.param("import tcn_search.layers, keras", list(MODELS), marks=pytest.mark.slow),
    ],
)
def test_keras_loads_models_in_a_new_process(
    tmp_path: Path, imports: str, kinds: list[str]
) -> None:
    save_models(tmp_path, kinds)
    assert run(imports + LOAD_ALL, tmp_path).split() == sorted(kinds)


def test_every_module_with_registered_classes_is_known() -> None:
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and any(
                "register_keras_serializable" in ast.unparse(decorator)
                for decorator in node.decorator_list
            ):
                module = path.relative_to(PACKAGE).with_suffix("")
                found.add(".".join(module.parts))
    assert found == set(MODULES)


def test_every_registered_class_is_found_by_keras() -> None:
    registered = keras.saving.get_custom_objects()
    for module in MODULES:
        tree = ast.parse((PACKAGE / Path(*module.split("."))).with_suffix(".py").read_text())
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and node.decorator_list:
                assert f"tcn_search>{node.name}" in registered


@pytest.mark.slow
def test_every_module_can_be_imported_first() -> None:
    """Registration imports modules that import each other, whichever of them begins."""
    code = """
import os, sys
import keras
library = sys.modules.pop("keras")  # as if it were not imported yet
for module in sys.argv[1:]:
    child = os.fork()
    if not child:
        import tcn_search
        sys.modules["keras"] = library
        __import__(f"tcn_search.{module}")
        sys.stdout.write(f"{module}\\n")
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(child, 0)
"""
    modules = [*MODULES, "models.build", "models.predict", "models.ensemble", "layers.masks"]
    assert run(code, *modules).split() == modules
