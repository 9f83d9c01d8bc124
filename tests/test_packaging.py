"""The package as it is installed: metadata, and a wheel that works without the checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml

import tcn_search
from tests.cli.conftest import STUDY
from tests.conftest import waves

ROOT = Path(tcn_search.__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "tcn_search")


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == tcn_search.__version__
    assert citation["license"] == PROJECT["license"]
    assert citation["abstract"] == PROJECT["description"]


def test_the_versions_of_python_are_those_that_are_tested() -> None:
    """constraints.txt names the versions that the tests passed with."""
    tested = re.findall(r"3\.\d+", (ROOT / "constraints.txt").read_text().splitlines()[0])
    versions = [name for name in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", name)]
    assert versions == [f"Programming Language :: Python :: {version}" for version in tested]
    assert PROJECT["requires-python"] == f">={tested[0]}"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy, so that no earlier build in the checkout reaches it."""
    copy = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            unwanted = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, copy / name, ignore=unwanted)
        else:
            shutil.copy(ROOT / name, copy)
    folder = tmp_path_factory.mktemp("wheel")
    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", str(folder), str(copy))
    [file] = folder.iterdir()
    return file


def pip(python: str, *arguments: str) -> None:
    command = [python, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("tcn_search/")}
    files = (path for path in (ROOT / "tcn_search").rglob("*") if path.is_file())
    assert packed == {
        path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts
    }
    assert "tcn_search/py.typed" in packed


@pytest.mark.slow
def test_a_study_runs_from_the_installed_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "environment"
    venv.create(installed, with_pip=True)
    python = str(installed / "bin" / "python")
    pip(python, "install", "--constraint", str(ROOT / "constraints.txt"), str(wheel))
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (X, y), (X_test, y_test) = waves(40), waves(20, seed=1)
    np.savez(folder / "waves.npz", X_train=X, y_train=y, X_test=X_test, y_test=y_test)
    (folder / "mine.toml").write_text(STUDY)
    unwanted = ("TCN_SEARCH_STORAGE", "PYTHONPATH")
    environment = {name: value for name, value in os.environ.items() if name not in unwanted}

    def run(*command: str) -> str:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    home = run(python, "-c", "import tcn_search; print(tcn_search.__file__)")
    assert Path(home.strip()).is_relative_to(installed)
    program = str(installed / "bin" / "tcn-search")
    network = ("--kernel-size", "8", "--dilations", "1,2,4,8,16,32")
    assert run(program, "check", "--seq-len", "600", *network).startswith("Yes")
    run(program, "run", "mine.toml")  # two trials, by worker processes
    run(program, "report", "mine")
    assert "<script>" in (folder / "runs" / "mine" / "report.html").read_text()
