"""Forecasts are scored on every window of stride 1: none is left out, not even of the last batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tcn_search import Architecture, build_model, load_task
from tcn_search.evaluation.member_scores import score_members
from tcn_search.evaluation.split_scores import score_model, split_score
from tests.conftest import draw_head


def test_every_window_of_the_test_split_counts(tmp_path: Path) -> None:
    rows = 400
    values = np.random.default_rng(0).normal(size=(rows, 2))
    values[-3:] += 100  # a score without the last windows would be far too small
    hours = pd.date_range("2024-01-01", periods=rows, freq="h")
    table = pd.DataFrame({"date": hours, "a": values[:, 0], "b": values[:, 1]})
    table.to_csv(tmp_path / "own.csv", index=False)
    task = load_task(
        "forecast", file=tmp_path / "own.csv", horizon=3, look_back=8, parts=[60, 20, 320]
    )
    assert task.test is not None
    count = 320 - 3 + 1
    assert len(task.test) == count
    assert count % task.spec.sequences_at_once  # the last batch is not full
    models = []
    for _ in range(2):
        model = build_model(Architecture(4, 3, (1, 2)), task)
        draw_head(model)
        models.append(model)

    def error(predictions: np.ndarray) -> float:
        test = values[80:]
        truth = np.stack([test[start : start + 3].ravel() for start in range(count)])
        return float(np.square((predictions - truth) / task.spec.target_std).mean())

    predictions = [model.predict(task.test.X, verbose=0) for model in models]
    wanted = [error(each) for each in predictions]
    scores = score_members(models, task.spec, task.test)
    assert scores.members == pytest.approx(wanted, rel=1e-4)
    assert scores.ensemble == pytest.approx(error(np.mean(predictions, axis=0)), rel=1e-4)
    assert score_model(models[0], task.test, task.spec).value == pytest.approx(wanted[0], rel=1e-4)

    def repeat_last(X: np.ndarray) -> np.ndarray:
        return np.tile(X[:, -1], (1, 3))

    last = np.stack([np.tile(values[79 + start], 3) for start in range(count)])
    assert split_score(repeat_last, task.test, task.spec).value == pytest.approx(
        error(last), rel=1e-4
    )
