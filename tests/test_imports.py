"""What an import costs, and that imports point down the floors only."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tcn_search

PACKAGE = Path(tcn_search.__file__).parent
HEAVY = ("tensorflow", "keras", "jax", "torch", "optuna", "pandas", "matplotlib", "numpy")

# Lower floors first. A module may import from its own floor and from those before it.
FLOORS = (
    ("errors", "atomic_files", "memory", "archives", "planning"),
    ("space",),
    ("tasks",),
    ("layers", "models"),
    ("baselines",),
    ("trainers",),
    ("workers", "study", "tuner"),
    ("plots",),
    ("report",),
    ("cli",),
)
# The package's own entries import nothing until a name is asked for.
ENTRIES = {"__init__", "__main__"}


def test_importing_the_package_imports_nothing_heavy() -> None:
    assert (
        _heavy_after("import tcn_search; tcn_search.Architecture; tcn_search.receptive_field") == []
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["check", "--seq-len", "100", "--kernel-size", "3", "--dilations", "1,2,4"],
    ],
)
def test_light_commands_import_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "from tcn_search.cli.main import main\n"
        "import contextlib, io\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        f"    main({arguments!r})\n"
    )
    assert _heavy_after(code) == []


def _heavy_after(code: str) -> list[str]:
    code += f"\nimport sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    return ast.literal_eval(
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
    )


def test_every_folder_has_its_floor() -> None:
    names = {
        path.stem
        for path in PACKAGE.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert names - ENTRIES == {name for floor in FLOORS for name in floor}


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_imports_point_down(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if own in ENTRIES:
        return
    for imported in _imports_of_ours(path):
        assert _floor(imported) <= _floor(own), (
            f"{path.relative_to(PACKAGE)} (floor {own}) imports {imported}, which lies above it"
        )


def test_plots_import_nothing_of_ours_but_plots() -> None:
    for path in (PACKAGE / "plots").glob("*.py"):
        assert set(_imports_of_ours(path)) <= {"plots"}, path.name


def _imports_of_ours(path: Path) -> list[str]:
    """First part below the package of everything imported from it, inside functions too."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            names = [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found += [name.split(".")[1] for name in names if name.startswith("tcn_search.")]
    return found


def _floor(name: str) -> int:
    return next(number for number, floor in enumerate(FLOORS) if name in floor)


def test_public_names_exist_and_unknown_ones_are_refused() -> None:
    assert "Architecture" in dir(tcn_search)
    with pytest.raises(AttributeError, match="module 'tcn_search' has no attribute 'nothing'"):
        tcn_search.nothing  # noqa: B018
