"""The planning notebook runs from top to bottom and shows its pictures."""

from pathlib import Path

import pytest

from tests.notebooks.executed import executed, pictures, read, text_of


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = executed(read("plan_receptive_field"), tmp_path, monkeypatch)
    assert pictures(outputs) == 5
    text = text_of(outputs)
    assert "No: it sees 311 of the 784 steps required (sequence length 784)" in text
    assert "Yes: it sees all 784 steps required (sequence length 784)" in text
