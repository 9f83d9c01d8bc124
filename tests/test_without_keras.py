"""What `make test-fast` runs needs no tensor library, and it runs all that needs none by design."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import tcn_search
from tests.test_imports import ROWS
from tests.without_keras import TENSOR_LIBRARIES

PACKAGE = Path(tcn_search.__file__).parent
BELOW_THE_LAYERS = [name for row in ROWS[: ROWS.index(("layers",))] for name in row]


def test_packages_below_the_layers_import_no_tensor_library() -> None:
    modules = [
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.relative_to(PACKAGE).with_suffix("").parts[0] in BELOW_THE_LAYERS
    ]
    assert "tcn_search.planning.architecture" in modules
    code = (
        "import importlib, sys\n"
        f"for module in {modules!r}:\n"
        "    importlib.import_module(module)\n"
        f"    loaded = [name for name in {TENSOR_LIBRARIES!r} if name in sys.modules]\n"
        "    assert not loaded, f'{module} imports {loaded}'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_fast_tests_are_those_of_the_packages_below_the_layers() -> None:
    makefile = (PACKAGE.parent / "Makefile").read_text()
    listed = re.search(r"^PACKAGES_WITHOUT_KERAS := (.*)$", makefile, re.MULTILINE)
    assert listed is not None
    packages = [name for name in BELOW_THE_LAYERS if (PACKAGE / name).is_dir()]
    assert listed.group(1).split() == packages


def test_a_test_that_imports_a_tensor_library_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "test_module.py").write_text("import keras\n\ndef test_a(): pass\n")
    (tmp_path / "test_functions.py").write_text(
        "import importlib.util\n\n"
        "def test_needs_it():\n    import keras.ops\n\n"
        "def test_asks_for_it():\n    assert importlib.util.find_spec('torch')\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "tests.without_keras"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=PACKAGE.parent,
    )
    assert "needs a tensor library" in done.stdout
    assert "1 passed, 2 skipped" in done.stdout, done.stdout + done.stderr
