"""`notebooks/read_results.ipynb`, executed on a small study."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tcn_search import SearchSpace, Study, Task, TrainingSettings
from tests.conftest import waves
from tests.study.synthetic import Synthetic

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "read_results.ipynb"


def test_the_notebook_runs_and_shows_table_and_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    study = Study(
        "small",
        Task.from_arrays(*waves(24)),
        SearchSpace(nb_filters=[4, 8]),
        training=TrainingSettings(epochs=9),
    )
    study.run(8, executor=Synthetic(), on_progress=lambda progress: None)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(
        cell.get("outputs") for cell in notebook.cells
    )  # it is kept without results of some run
    names = next(cell for cell in notebook.cells if cell.source.startswith("import tcn_search"))
    names.source = names.source.replace('"osuleaf"', '"small"')
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 3
    assert any("<table" in output.get("data", {}).get("text/html", "") for output in outputs)
    assert any("not yet: tcn-search best small" in output.get("text", "") for output in outputs)
