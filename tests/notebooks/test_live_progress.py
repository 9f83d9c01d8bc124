"""`Study.run` in a kernel: one display that is replaced in place, and its last state."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from tests.notebooks.executed import executed, text_of

STUDY = """
from tcn_search import Study, Task, TrainingSettings
from tests.conftest import waves
from tests.study.synthetic import Synthetic, small_space
study = Study(
    "small", Task.from_arrays(*waves(24)), small_space(), training=TrainingSettings(epochs=3)
)
"""


class _Listening(NotebookClient):
    """Counts the messages that replace a display."""

    def process_message(self, msg, cell, cell_index):  # type: ignore[no-untyped-def]
        self.updates = getattr(self, "updates", 0) + (msg["msg_type"] == "update_display_data")
        return super().process_message(msg, cell, cell_index)


@pytest.mark.slow  # tests/study/test_notebook_progress.py has its parts
def test_a_run_updates_its_display_and_leaves_the_last_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = []

    def listening(*arguments: object, **options: object) -> _Listening:
        clients.append(_Listening(*arguments, **options))
        return clients[-1]

    monkeypatch.setattr("tests.notebooks.executed.NotebookClient", listening)
    notebook = new_notebook(
        cells=[
            new_code_cell(STUDY),
            new_code_cell("study.run(2, executor=Synthetic())"),
            new_code_cell("study.run(3, executor=Synthetic(), on_progress=lambda progress: None)"),
            new_code_cell(
                "try:\n    study.run(9, executor=Synthetic(interrupt_at=1))\n"
                "except KeyboardInterrupt:\n    print('interrupted')"
            ),
        ]
    )
    executed(notebook, tmp_path, monkeypatch)
    (client,) = clients
    assert client.updates >= 2
    run, silent, interrupted = (cell.outputs for cell in notebook.cells[1:])
    words, curves = run
    assert "small: 2 of 2 trials" in words["data"]["text/html"]
    assert '<progress value="2" max="2"' in words["data"]["text/html"]
    assert words["data"]["text/plain"].startswith("small: 2 of 2 trials")
    assert "image/png" in curves["data"]
    assert silent == []
    assert "small: 3 of 9 trials, stopped after" in text_of(interrupted)
    assert text_of(interrupted).rstrip().endswith("interrupted")
    nbformat.validate(notebook)
