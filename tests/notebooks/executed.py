"""Execute a notebook as a reader would, with other numbers in its cell of parameters."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
NAMES = ("plan_receptive_field", "launch_study", "read_results", "compare_studies", "forecast")


def read(name: str) -> NotebookNode:
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def executed(
    notebook: NotebookNode,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    **parameters: Any,
) -> list[NotebookNode]:
    """Execute a notebook in a folder with the package of this checkout, and return its outputs.

    Args:
        parameters: take the place of the cell that is tagged "parameters".
    """
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in paths if path))
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    if parameters:
        (cell,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
        names = {line.split(" = ")[0] for line in cell.source.splitlines()}
        assert set(parameters) == names
        cell.source = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    ).execute()
    return outputs_of(notebook)


def outputs_of(notebook: NotebookNode) -> list[NotebookNode]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def pictures(outputs: list[NotebookNode]) -> int:
    return sum("image/png" in output.get("data", {}) for output in outputs)


def text_of(outputs: list[NotebookNode]) -> str:
    """Return what is printed, and the HTML and text of what is shown."""
    parts = []
    for output in outputs:
        parts.append(output.get("text", ""))
        data = output.get("data", {})
        parts.append(data.get("text/html", data.get("text/plain", "")))
    return "\n".join(parts)
