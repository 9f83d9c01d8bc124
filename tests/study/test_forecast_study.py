"""Studies of forecasts: scored by a backtest, and continued when they were stored before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tcn_search import Study, load_task
from tcn_search.search.definition import Definition
from tcn_search.search.search_settings import SearchSettings
from tcn_search.study.study_file import read_study_file
from tests.study.synthetic import Synthetic
from tests.tasks.series_data import long

FINGERPRINT = "af966ff61eb852e5d36c9717370a020a"  # computed by the version before long tables
STUDY = """
[task]
name = "forecast"
file = "shops.csv"
id = "shop"
horizon = 3
look_back = 8
calendar = ["hour"]
parts = ["2024-01-04", "2024-01-05"]

[search]
folds = 2
"""


def test_a_study_file_of_a_backtest_is_run_and_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    long().to_csv("shops.csv", index=False)
    Path("shops.toml").write_text(STUDY)
    file = read_study_file("shops.toml")
    for trials in (2, 3):
        task = file.load_task()
        study = Study("shops", task, search=SearchSettings(folds=2), storage="sqlite:///studies.db")
        study.run(trials, executor=Synthetic(folds=2))
        assert study.finished == trials
        assert study.changes == []
    assert study.definition.score_name == "val_loss (mean of 2 folds)"
    assert study.definition.spec == task.spec


def test_a_study_of_an_earlier_version_has_the_same_task(tmp_path: Path) -> None:
    steps = np.arange(64)
    times = pd.date_range("2024-01-01", periods=64, freq="h")
    frame = pd.DataFrame({"date": times, "a": steps, "b": steps % 4})
    frame.to_csv(tmp_path / "own.csv", index=False)
    task = load_task("forecast", file=tmp_path / "own.csv", horizon=3, look_back=8)
    now = Definition.of(task)
    values = now.to_dict()
    del values["task"]["target_channels"]
    del values["task"]["table"]["forecast"]
    stored = Definition.from_dict(values)
    assert stored.differences(now) == now.differences(stored) == []
    assert stored.digest([]) == now.digest([])
    assert task.fingerprint() == FINGERPRINT
