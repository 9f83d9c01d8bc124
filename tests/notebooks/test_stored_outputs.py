"""The notebooks as they are stored: a heading first, outputs of a whole run, and nothing private."""

from __future__ import annotations

import json
import re

import pytest

from notebooks import execute
from tests.notebooks.executed import FOLDER, NAMES, outputs_of, pictures, read

# Paths of a machine, warnings, messages of libraries, colours of a terminal.
UNWANTED = re.compile(
    r"/(home|root|tmp|work|Users|usr|opt|var)/|site-packages|[Ww]arning:|Traceback|"
    r"tensorflow/|oneDNN|cuda|WARNING|\x1b\["
)


def test_every_notebook_is_listed() -> None:
    assert {file.stem for file in FOLDER.glob("*.ipynb")} == set(NAMES)
    assert execute.NAMES == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_it_is_short_and_begins_with_a_heading_and_what_the_reader_gets(name: str) -> None:
    notebook = read(name)
    assert 10 <= len(notebook.cells) <= 20
    first = notebook.cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    assert "this notebook" in first.source.lower()


@pytest.mark.parametrize("name", NAMES)
def test_every_cell_was_executed_in_order(name: str) -> None:
    code = [cell for cell in read(name).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert all("execution" not in cell.metadata for cell in code)


@pytest.mark.parametrize("name", NAMES)
def test_its_outputs_are_those_that_a_reader_wants(name: str) -> None:
    outputs = outputs_of(read(name))
    assert pictures(outputs) >= 2
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output.text for output in outputs if output.get("name") == "stderr"]
    shown = [
        {kind: data for kind, data in output.get("data", {}).items() if kind != "image/png"}
        for output in outputs
    ]
    texts = [output.get("text", "") for output in outputs]
    found = UNWANTED.search(json.dumps([shown, texts], ensure_ascii=False))
    assert found is None, found
    assert (FOLDER / f"{name}.ipynb").stat().st_size < 500_000
