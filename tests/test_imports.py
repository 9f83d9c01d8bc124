"""What an import costs, that imports point down the rows only, and that no modules import in a circle."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import tcn_search

PACKAGE = Path(tcn_search.__file__).parent
HEAVY = (
    "tensorflow",
    "keras",
    "jax",
    "torch",
    "optuna",
    "pandas",
    "matplotlib",
    "numpy",
    "psutil",
    "logging",
)

# Lowest row first: modules of a row import from their own row and from those before it.
ROWS: tuple[tuple[str, ...], ...] = (
    (
        "errors",
        "logs",
        "trial_status",
        "memory",
        "text",
        "html_templates",
        "archives",
        "atomic_files",
        "limits",
        "arguments",
        "settings",
    ),
    ("plots",),
    ("planning",),
    ("space",),
    ("formats",),
    ("tasks",),
    ("layers",),
    ("custom_model",),
    ("models",),
    ("baselines",),
    ("trainers",),
    ("workers",),
    ("storage",),
    ("search",),
    ("tuner",),
    ("evaluation",),
    ("study",),
    ("estimators",),
    ("report",),
    ("cli",),
)
# The package's own entries: they import nothing until a name is asked for, or Keras is there.
ENTRIES = {"tcn_search", "tcn_search.__main__", "tcn_search.registration"}


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


def _heavy_after(code: str, heavy: tuple[str, ...] = HEAVY) -> list[str]:
    code += f"\nimport sys; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return ast.literal_eval(done.stdout)


def test_reading_a_study_imports_no_library_of_trainings_or_figures() -> None:
    code = "import tcn_search.study.study_values, tcn_search.study.open_study"
    assert set(_heavy_after(code, (*HEAVY, "scipy", "sklearn", "rich"))) == {
        "optuna",
        "pandas",
        "numpy",
        "psutil",
        "logging",
    }


def test_every_package_has_its_row() -> None:
    names = {_part_of(module) for module in _sources(PACKAGE) if module not in ENTRIES}
    assert names == {name for row in ROWS for name in row}


def test_every_package_says_what_lives_in_it() -> None:
    for package in PACKAGE.rglob("__init__.py"):
        text = ast.get_docstring(ast.parse(package.read_text())) or ""
        assert len(text.split()) >= 10, package


def test_imports_point_down() -> None:
    assert upward_imports(_imports(_sources(PACKAGE)), ROWS) == []


def test_no_modules_import_in_a_circle() -> None:
    assert circles(_imports(_sources(PACKAGE))) == []


def test_plots_import_nothing_of_ours_but_plots() -> None:
    for module, imported in _imports(_sources(PACKAGE)).items():
        if module not in ENTRIES and _part_of(module) == "plots":
            assert {_part_of(name) for name in imported} <= {"plots"}, module


def test_the_checks_find_what_they_look_for() -> None:
    sources = {
        "tcn_search": "",
        "tcn_search.low": "",
        "tcn_search.low.a": "def f():\n    from tcn_search.high.b import g\n",
        "tcn_search.low.c": "from tcn_search.low import d\n",
        "tcn_search.low.d": "if TYPE_CHECKING:\n    import tcn_search.low.c\n",
        "tcn_search.high": "",
        "tcn_search.high.b": "from tcn_search.low.c import x\n",
    }
    imports = _imports(sources)
    assert upward_imports(imports, (("low",), ("high",))) == [
        "tcn_search.low.a imports tcn_search.high.b, which lies above it"
    ]
    assert circles(imports) == [["tcn_search.low.c", "tcn_search.low.d"]]
    sources["tcn_search.low.d"] = "from tcn_search.low.a import y\n"
    assert circles(_imports(sources)) == [
        ["tcn_search.high.b", "tcn_search.low.a", "tcn_search.low.c", "tcn_search.low.d"]
    ]


def _sources(package: Path) -> dict[str, str]:
    """The text of every module, by its dotted name."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = (package.name, *path.relative_to(package).with_suffix("").parts)
        found[".".join(parts).removesuffix(".__init__")] = path.read_text()
    return found


def _imports(sources: Mapping[str, str]) -> dict[str, set[str]]:
    """The modules of ours that each one imports, inside functions and for type checkers too."""
    found: dict[str, set[str]] = {module: set() for module in sources}
    for module, text in sources.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{module}: relative import"
                names = [f"{node.module}.{alias.name}" for alias in node.names]
                names = [name if name in sources else str(node.module) for name in names]
            else:
                continue
            found[module].update(name for name in names if name.split(".")[0] == "tcn_search")
    return found


def _part_of(module: str) -> str:
    """What a module belongs to right below the package."""
    return module.split(".")[1]


def upward_imports(imports: Mapping[str, set[str]], rows: tuple[tuple[str, ...], ...]) -> list[str]:
    """Imports of a module that lies on a higher row, a line each."""
    row_of = {name: number for number, row in enumerate(rows) for name in row}
    return [
        f"{module} imports {name}, which lies above it"
        for module, names in sorted(imports.items())
        if module not in ENTRIES
        for name in sorted(names - ENTRIES)
        if row_of[_part_of(name)] > row_of[_part_of(module)]
    ]


def circles(imports: Mapping[str, set[str]]) -> list[list[str]]:
    """Groups of modules of which each one imports, directly or not, all others."""
    reached = {module: _reached(module, imports) for module in imports if module not in ENTRIES}
    groups = {
        frozenset(other for other in found if module in reached.get(other, ()))
        for module, found in reached.items()
        if module in found
    }
    return sorted(sorted(group) for group in groups)


def _reached(module: str, imports: Mapping[str, set[str]]) -> set[str]:
    """All modules that a module imports, directly or not; itself only where there is a circle."""
    found: set[str] = set()
    waiting = list(imports[module] - ENTRIES)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += imports.get(name, set()) - ENTRIES
    return found


def test_public_names_exist_and_unknown_ones_are_refused() -> None:
    assert "Architecture" in dir(tcn_search)
    with pytest.raises(AttributeError, match="module 'tcn_search' has no attribute 'nothing'"):
        tcn_search.nothing  # noqa: B018
