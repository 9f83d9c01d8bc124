"""The table of trials on the page: its order, its texts, and what is the same in all trials."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tcn_search import SearchSettings, Study, Task, TrainingSettings, load_study
from tcn_search.report.trial_table import Column, TrialTable, trial_table
from tests.conftest import waves
from tests.study.synthetic import Synthetic, small_space


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrialTable:
    monkeypatch.chdir(tmp_path)
    study = Study(
        "waves",
        Task.from_arrays(*waves(24)),
        small_space(dropout_rate=[0.0, 0.1]),
        training=TrainingSettings(epochs=2),
        search=SearchSettings(warm_start=False, pruner="none"),
    )
    study.run(
        5, executor=Synthetic({0: "diverged", 1: "failed"}), on_progress=lambda progress: None
    )
    earlier = "datetime_start = '2026-01-01', datetime_complete = '2026-01-02'"
    with sqlite3.connect("runs/studies.db") as database:
        database.execute(f"UPDATE trials SET {earlier} WHERE number = 0")
    database.close()
    return trial_table(load_study("waves").snapshot())


def column(table: TrialTable, name: str) -> list[str]:
    position = [column.name for column in table.columns].index(name)
    return [row[position] for row in table.rows]


def test_complete_trials_come_first_by_rank(table: TrialTable) -> None:
    ended = column(table, "ended")
    assert ended[:4] == ["complete"] * 4
    assert "complete" not in ended[4:]
    assert {"diverged", "failed"} <= set(ended[4:])
    scores = [float(score) for score in column(table, "score") if score]
    assert scores == sorted(scores)
    assert column(table, "trial")[0] in table.marks
    assert list(table.statuses) == list(dict.fromkeys(ended))


def test_what_is_the_same_in_all_trials_has_no_column(table: TrialTable) -> None:
    names = [column.name for column in table.columns]
    constants = dict(table.constants)
    assert constants["kernel_size"] == "3"
    assert constants["use_skip_connections"] == "yes"
    assert not set(constants) & set(names)
    assert {"trial", "ended", "score", "nb_filters", "dropout_rate", "reason"} <= set(names)
    assert "state" not in names


def test_a_trial_that_waits_has_no_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    study = Study("waves", Task.from_arrays(*waves(24)), small_space())
    study._handle.optuna_study.enqueue_trial({})
    table = trial_table(study.snapshot())
    assert table.rows == (("0", "waiting", "", ""),)


def test_numbers_are_known_as_such(table: TrialTable) -> None:
    kinds = {column.name: column.is_number for column in table.columns}
    assert kinds["score"]
    assert kinds["nb_filters"]
    assert not kinds["ended"]
    assert not kinds["reason"]
    assert all("." not in text for text in column(table, "nb_filters"))


def test_the_times_of_a_trial_are_details_beside_each_other(table: TrialTable) -> None:
    details = [column.name for column in table.columns if column.is_detail]
    assert details[details.index("started") + 1] == "completed"


def test_a_long_name_can_be_cut_after_an_underline() -> None:
    name = Column("output_receptive_field", is_number=True, is_detail=True)
    assert name.parts == ["output_", "receptive_", "field"]
    assert name.css_class == "number detail"
