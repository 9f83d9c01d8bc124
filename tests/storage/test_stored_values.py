"""What other versions and damage have left in a storage: one line, and a study that can be deleted."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tcn_search
from tcn_search import Study, Task, TrainingSettings, delete_study, list_studies, load_study
from tcn_search.cli.main import main
from tcn_search.evaluation.comparison import Comparison, Run
from tcn_search.evaluation.winner import SeedRun, Winner
from tests.conftest import waves
from tests.study.synthetic import Synthetic

NEITHER = "It is damaged, or of another version of tcn_search. tcn_search.delete_study, with its name and storage, removes the study."
WINNER = Winner(
    trial=0,
    objective="val_loss",
    metric="accuracy",
    runs=[SeedRun(0, 1, 0.5, 0.5, 1, 0.1)],
    ranked=[0],
)
COMPARISON = Comparison(
    trial=0,
    contenders=["tcn"],
    learning_rates=1,
    seeds=1,
    epochs=2,
    patience=0,
    objective="val_loss",
    direction="minimize",
    metric="accuracy",
    metric_direction="maximize",
    runs=[Run("tcn", 1e-3, 1, 0.5, 0.5, 1, 0.1, 100, None)],
)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Study]:
    monkeypatch.chdir(tmp_path)
    made = Study("waves", Task.from_arrays(*waves(24)), training=TrainingSettings(epochs=2))
    made.run(3, executor=Synthetic(), on_progress=lambda progress: None)
    made._handle.optuna_study.set_user_attr("winner", WINNER.to_dict())
    made._handle.optuna_study.set_user_attr("comparison", COMPARISON.to_dict())
    yield made
    delete_study("waves")
    assert list_studies() == []


def store(table: str, key: str, text: str | None) -> None:
    """Write a row as another version, or a fault of the disk, would have."""
    where = "trial_id = 1 AND " if table.startswith("trial") else ""
    with sqlite3.connect("runs/studies.db") as database:
        changed = database.execute(
            f"UPDATE {table} SET value_json = ? WHERE {where}key = ?", (text, key)
        )
        assert changed.rowcount == 1
    database.close()


def said_by(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line of an error, after those of progress that a slow machine shows."""
    assert main([command, "waves"]) == 2
    lines = capsys.readouterr().err.splitlines(keepends=True)
    said = "".join(line for line in lines if not line.endswith(" ...\n"))
    assert said.startswith(f"tcn-search {command}: ")
    assert said.count("\n") == 1
    return said.removeprefix(f"tcn-search {command}: ").rstrip()


@pytest.mark.parametrize(
    ("table", "key", "value", "reason"),
    [
        ("study", "tcn_search", {"task": {}}, "The definition of the study 'waves' cannot be read: TaskSpec.__init__() missing 5 required positional arguments"),
        ("study", "tcn_search", [], "The definition of the study 'waves' cannot be read: 'list' object has no attribute 'get'"),
        ("trial", "result", {"score": 1.0}, "Trial 0 of the study 'waves' cannot be read: result.ended: Field required"),
        ("trial", "result", 5, "Trial 0 of the study 'waves' cannot be read: result: Input should be a valid dictionary or instance of _StoredResult"),
        ("trial", "result", {"ended": "complete", "curve": [{"loss": "low"}]}, "Trial 0 of the study 'waves' cannot be read: result.curve.0.loss: Input should be a valid number"),
        ("trial", "result", None, "Trial 0 of the study 'waves' cannot be read: it has no 'result'"),
        ("trial", "architecture", {"kernel_size": "3"}, "Trial 0 of the study 'waves' cannot be read: kernel_size must be"),
    ],
)  # fmt: skip
def test_a_definition_or_trial_that_cannot_be_read_is_one_line_of_every_command(
    study: Study, table: str, key: str, value: Any, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store(f"{table}_user_attributes", key, json.dumps(value))
    for command in ("status", "best", "report", "compare"):
        said = said_by(command, capsys)
        assert said.startswith(reason)
        assert said.endswith(NEITHER)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("winner", {**WINNER.to_dict(), "unknown": 1}, "The winner of the study 'waves' cannot be read: unknown: Unexpected keyword argument."),
        ("winner", {"trial": 0}, "The winner of the study 'waves' cannot be read: objective: Field required."),
        ("winner", {**WINNER.to_dict(), "trial": "zero"}, "The winner of the study 'waves' cannot be read: trial: Input should be a valid integer."),
        ("winner", 5, "The winner of the study 'waves' cannot be read: Input should be an object."),
        ("comparison", {**COMPARISON.to_dict(), "runs": [{}]}, "The comparison of the study 'waves' cannot be read: runs.0.contender: Field required."),
        ("comparison", [], "The comparison of the study 'waves' cannot be read: Input should be an object."),
    ],
)  # fmt: skip
def test_a_winner_or_comparison_that_cannot_be_read_is_one_line(
    study: Study, key: str, value: Any, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store("study_user_attributes", key, json.dumps(value))
    assert said_by("report", capsys) == f"{reason} {NEITHER}"


@pytest.mark.parametrize("text", ["{broken", "", "[" * 5000, None])
@pytest.mark.parametrize("table", ["study", "trial"])
def test_what_is_no_json_is_one_line(
    study: Study, table: str, text: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    store(f"{table}_user_attributes", "winner" if table == "study" else "result", text)
    assert said_by("status", capsys).endswith(NEITHER)
    assert main(["status"]) == 0  # the names of all studies are there


def test_the_version_that_made_the_study_is_named(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    store("study_user_attributes", "versions", json.dumps({"tcn-search": "7.1.0"}))
    store("study_user_attributes", "winner", json.dumps({**WINNER.to_dict(), "confidence": 0.5}))
    assert said_by("report", capsys) == (
        "The winner of the study 'waves' cannot be read: confidence: Unexpected keyword argument. The study was made "
        f"by tcn_search 7.1.0; this is {tcn_search.__version__}. tcn_search.delete_study, with its name and storage, removes the study."
    )


def test_a_winner_of_a_trial_that_is_not_there_is_one_line(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    store("study_user_attributes", "winner", json.dumps({**WINNER.to_dict(), "trial": 70}))
    assert said_by("compare", capsys) == "The study 'waves' has no trial 70. It has 3."


def test_records_of_before_have_what_they_had(study: Study) -> None:
    early = WINNER.to_dict()
    for later in ("refit_epochs", "made_with", "ranked"):
        del early[later]
    store("study_user_attributes", "winner", json.dumps(early))
    found = load_study("waves").winner
    assert found is not None
    assert found.runs == WINNER.runs
    assert found.ranked == []
