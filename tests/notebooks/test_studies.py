"""The notebooks that train, executed with few and short trainings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.notebooks.executed import executed, pictures, read, text_of

pytestmark = pytest.mark.slow


def test_a_study_is_launched_and_its_results_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = executed(
        read("launch_study"), tmp_path, monkeypatch, TRIALS=2, EPOCHS=1, FINAL_EPOCHS=1, SEEDS=2
    )
    text = text_of(outputs)
    assert "leaves: 2 of 2 trials" in text
    assert "leaves: 2 of 2 final trainings" in text
    assert "1-nearest-neighbour" in text
    assert pictures(outputs) == 2  # six leaves, and the learning curves of the display
    assert "FutureWarning" not in text
    outputs = executed(read("read_results"), tmp_path, monkeypatch)
    assert pictures(outputs) == 7
    assert "Winner over 2 seeds" in text_of(outputs)


def test_studies_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = executed(
        read("compare_studies"),
        tmp_path,
        monkeypatch,
        PROBLEMS=["italypowerdemand"],
        TRIALS=1,
        EPOCHS=1,
        SEEDS=1,
    )
    assert pictures(outputs) == 2
    text = text_of(outputs)
    assert "mean rank" in text
    assert r"\begin{tabular}" in text
    assert "trial 0" not in text  # no display of progress


def test_a_series_is_forecast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hours = pd.date_range("2024-01-01", periods=24 * 40, freq="h", tz="UTC")
    load = 100 + 10 * np.sin(2 * np.pi * np.arange(len(hours)) / 24)
    tables = [
        pd.DataFrame({"unique_id": name, "ds": hours, "y": load * factor})
        for name, factor in (("JC-JC", 1), ("RTO-RTO", 9))
    ]
    pd.concat(tables).to_csv(tmp_path / "load.csv", index=False)
    outputs = executed(
        read("forecast"),
        tmp_path,
        monkeypatch,
        FILE="load.csv",
        DAYS=40,
        TRIALS=1,
        EPOCHS=1,
        SEEDS=1,
        FOLDS=2,
    )
    assert pictures(outputs) == 5
    text = text_of(outputs)
    assert "1 of 1 trials" in text
    assert "seasonal naive" in text
