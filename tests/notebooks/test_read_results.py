"""The part of `read_results` about the trials, executed on a study that trains nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcn_search import SearchSpace, Study, Task, TrainingSettings
from tests.conftest import waves
from tests.notebooks.executed import executed, pictures, read, text_of
from tests.study.synthetic import Synthetic


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
    notebook = read("read_results")
    titles = [cell.source.partition("\n")[0] for cell in notebook.cells]
    notebook.cells = notebook.cells[: titles.index("## The winner")]  # which needs trainings
    outputs = executed(notebook, tmp_path, monkeypatch, NAME="small")
    assert pictures(outputs) == 4
    text = text_of(outputs)
    assert "<table" in text
    assert "The study small searches temporal convolutional networks" in text
    assert "tcn-search best small" in text  # what to do next
