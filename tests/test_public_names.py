"""Every name that `import tcn_search as ts` promises exists, at runtime and for type checkers."""

from __future__ import annotations

import ast
import inspect
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import tcn_search

ROOT = Path(tcn_search.__file__).parents[1]
# Type checkers find the package as a user's do: installed, by its py.typed, from another folder.
CACHE = ROOT / ".mypy_cache" / "public_names"


@pytest.mark.parametrize("name", tcn_search._HOMES)
def test_public_name(name: str) -> None:
    value = getattr(tcn_search, name)
    assert callable(value)
    assert value.__doc__


def test_all_lists_names_and_namespaces() -> None:
    assert tcn_search.__all__ == sorted([*tcn_search._HOMES, *tcn_search._NAMESPACES])


@pytest.mark.parametrize("namespace", tcn_search._NAMESPACES)
def test_namespace_holds_documented_functions(namespace: str) -> None:
    package = getattr(tcn_search, namespace)
    assert package.__doc__
    assert package.__all__ == sorted(package.__all__)
    for name in package.__all__:
        function = getattr(package, name)
        assert inspect.isfunction(function), name
        assert function.__doc__, name
        assert function.__name__ == f"plot_{name}"


def test_flat_names_of_plots_are_those_of_the_namespace() -> None:
    flat = [name for name in tcn_search._HOMES if name.startswith("plot_")]
    assert flat
    for name in flat:
        assert getattr(tcn_search, name) is getattr(tcn_search.plots, name.removeprefix("plot_"))


@pytest.mark.parametrize("name", tcn_search._HOMES)
def test_public_name_is_defined_in_its_home(name: str) -> None:
    assert name in _definitions(tcn_search._HOMES[name])


def _definitions(module: str) -> list[str]:
    """Return the classes and functions that a module below `tcn_search` defines."""
    file = ROOT / "tcn_search" / Path(*module.split(".")).with_suffix(".py")
    return [
        node.name
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.ClassDef | ast.FunctionDef)
    ]


def _on_api_pages() -> list[tuple[str, str, str]]:
    """Return module, name and heading ("" for the name itself) of each entry of docs/api."""
    pattern = r"^::: tcn_search\.(\S+)\.(\w+)\n(?:    options:\n      heading: (\S+)\n)?"
    pages = sorted((ROOT / "docs" / "api").glob("*.md"))
    return [
        entry for page in pages for entry in re.findall(pattern, page.read_text(), re.MULTILINE)
    ]


def test_every_public_name_is_on_one_api_page() -> None:
    documented = Counter((module, name) for module, name, _ in _on_api_pages())
    public = {(home, name) for name, home in tcn_search._HOMES.items()}
    for function in map(tcn_search.plots.__dict__.get, tcn_search.plots.__all__):
        public.add((function.__module__.removeprefix("tcn_search."), function.__name__))
    assert public <= set(documented)
    assert set(documented.values()) == {1}


def test_an_api_page_shows_the_module_of_a_name_that_is_no_attribute_of_the_package() -> None:
    pages = sorted((ROOT / "docs" / "api").glob("*.md"))
    text = "\n".join(page.read_text() for page in pages)
    for module, name, heading in _on_api_pages():
        shows_module = f".{module}.{name}\n    options:\n      show_root_full_path: true" in text
        assert shows_module == (name not in tcn_search._HOMES and not heading), name


@pytest.mark.parametrize(("module", "name", "heading"), _on_api_pages())
def test_name_on_an_api_page_exists(module: str, name: str, heading: str) -> None:
    assert name in _definitions(module)
    if heading:
        plot = heading.removeprefix("ts.plots.")
        assert plot in tcn_search.plots.__all__
        assert name == f"plot_{plot}"


def test_type_checkers_are_shown_the_same_names() -> None:
    tree = ast.parse(Path(tcn_search.__file__).read_text())
    for_type_checkers = next(node for node in tree.body if isinstance(node, ast.If))
    assert ast.unparse(for_type_checkers.test) == "TYPE_CHECKING"
    homes = {}
    namespaces = []
    for statement in for_type_checkers.body:
        assert isinstance(statement, ast.ImportFrom)
        for alias in statement.names:
            assert alias.asname == alias.name, "without `as`, the name is no public one"
            if statement.module == "tcn_search":
                namespaces.append(alias.name)
                continue
            homes[alias.name] = str(statement.module).removeprefix("tcn_search.")
    assert homes == tcn_search._HOMES
    assert tuple(namespaces) == tcn_search._NAMESPACES


def test_type_checkers_know_the_types(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    lines = ["import tcn_search as ts"]
    names = [*tcn_search._HOMES, *(f"plots.{name}" for name in tcn_search.plots.__all__)]
    lines += [f"reveal_type(ts.{name})" for name in names]
    lines += ["ts.Study(name=1)", "ts.Stduy", "reveal_type(ts.__version__)"]
    messages = _mypy("\n".join(lines), tmp_path)
    assert len(messages) == len(lines) - 1, messages
    for number, name in enumerate(names, start=2):
        assert messages[number].startswith("note: Revealed type is"), (name, messages[number])
        assert messages[number] != 'note: Revealed type is "Any"', name
    *_, wrong_type, no_name, version = (messages[number] for number in sorted(messages))
    assert wrong_type.startswith(
        'error: Argument "name" to "Study" has incompatible type "int"; expected "str"'
    )
    assert no_name.startswith('error: Module has no attribute "Stduy"')
    assert version == 'note: Revealed type is "str"'


def _mypy(code: str, folder: Path) -> dict[int, str]:
    """Check the code as that of a user of the package; return the message of each line."""
    (folder / "user.py").write_text(code)
    command = [sys.executable, "-m", "mypy", "--config-file=", f"--cache-dir={CACHE}", "user.py"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    *messages, _ = done.stdout.splitlines()
    return {int(number): text.strip() for _, number, text in (m.split(":", 2) for m in messages)}
