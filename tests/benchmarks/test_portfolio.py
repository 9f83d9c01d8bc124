"""The choice of the portfolio, its candidates, and what is stored of their trainings."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import portfolio
import pytest
from portfolio_candidates import best_of_suite, each_once, key_of, like_published, relative_entry
from portfolio_choice import (
    Score,
    at_random,
    best_of,
    by_long_trainings,
    in_words,
    left_out,
    score_of,
    together_best,
)
from portfolio_training import make_study, scored_on_test
from suite_tables import write_result

import tcn_search as ts
from tcn_search.search.portfolio import PortfolioEntry
from tests.conftest import waves
from tests.study.synthetic import Synthetic


def scores(**rows: dict[str, float]) -> dict[str, dict[str, Score]]:
    return {
        dataset: {name: Score(value, 1 - value) for name, value in row.items()}
        for dataset, row in rows.items()
    }


def test_the_second_choice_complements_the_first_and_the_best_alone_is_tried_first() -> None:
    recorded = scores(
        a={"good everywhere": 0.8, "nearly as good": 0.79, "only b": 0.1},
        b={"good everywhere": 0.8, "nearly as good": 0.79, "only b": 0.95},
    )
    assert together_best(recorded, 2) == ["good everywhere", "only b"]
    assert together_best(recorded, 9) == ["good everywhere", "nearly as good", "only b"]


def test_equal_accuracies_are_decided_by_the_loss() -> None:
    recorded = {"a": {"first": Score(1.0, 0.5), "second": Score(1.0, 0.2)}}
    assert together_best(recorded, 1) == ["second"]


def test_a_training_that_failed_is_the_worst() -> None:
    recorded = scores(a={"x": 0.6, "y": 0.5}, b={"y": 0.5})
    assert together_best(recorded, 1) == ["y"]
    assert best_of(recorded["b"], ["x"]) == Score(0.0, 1.0)
    assert score_of({"val_accuracy": 0.5, "val_loss": math.nan}, classes=3) == Score(0.5, 1.0)
    assert score_of({"val_accuracy": 0.5, "val_loss": math.log(3) / 2}, 3) == Score(0.5, 0.5)


def test_a_dataset_is_judged_by_a_portfolio_chosen_without_it() -> None:
    own = {"own": 1.0, "usual": 0.5}
    others = {"own": 0.0, "usual": 0.9}
    recorded = scores(a=own, b=others, c=others)
    assert left_out(recorded, 1)["a"] == {3: 0.5, 6: 0.5, 12: 0.5}
    assert left_out(recorded, 2)["a"] == {3: 1.0, 6: 1.0, 12: 1.0}
    assert in_words(left_out(recorded, 1)) == "0.900 (0.767), 0.900 (0.767), 0.900 (0.767)"
    assert at_random(recorded)["a"][3] == 1.0


def test_what_long_trainings_have_scored_on_every_dataset_comes_first() -> None:
    accuracies = {"a": {"x": 0.7, "y": 0.9, "z": 1.0}, "b": {"x": 0.8, "y": 0.9}}
    assert by_long_trainings(["z", "w", "x", "y"], accuracies) == ["y", "x", "z", "w"]
    assert by_long_trainings(["z", "w"], {}) == ["z", "w"]


def test_long_trainings_have_the_whole_training_split_and_are_scored_on_test(
    tmp_path: Path,
) -> None:
    X, y = waves(24)
    arrays = {"X_train": X, "y_train": y, "X_test": X[:4] + 5, "y_test": y[:4]}
    lengths = {"lengths_train": np.full(24, X.shape[1]), "lengths_test": np.full(4, X.shape[1])}
    np.savez(tmp_path / "waves.npz", **arrays, **lengths)
    task = ts.load_task(str(scored_on_test(tmp_path / "waves.npz", tmp_path)))
    assert len(task.train) == 24
    assert sorted(task.validation.X.ravel()) == sorted(task.test.X.ravel())


def test_candidates_are_different() -> None:
    entries = like_published()
    assert len(each_once([*entries, *entries])) == len(entries)
    assert len({entry.name for entry in entries}) == len(entries)


def trial(**changes: Any) -> dict[str, Any]:
    architecture = ts.Architecture(16, 8, (1, 2, 4), padding="same", readout="average")
    return {
        "trial": 3,
        "status": "complete",
        "numbers": {"val_accuracy": 0.8, "val_loss": 0.3},
        "architecture": architecture.to_dict(),
        "settings": {"learning_rate": 0.0012345, "dropout_rate": 0.123},
        **changes,
    }


def test_a_recorded_trial_becomes_relative_to_the_sequence_length() -> None:
    entry = relative_entry(trial(), seq_len=427, dataset="OSULeaf")
    assert entry is not None
    assert entry.name == "OSULeaf trial 3"
    assert entry.architecture.levels == 3
    assert entry.settings == {"learning_rate": 0.0012, "dropout_rate": 0.12}
    covering = relative_entry(trial(), seq_len=60, dataset="short")
    assert covering is not None
    assert covering.architecture.levels == "covering"
    odd = ts.Architecture(16, 8, (1, 3)).to_dict()
    assert relative_entry(trial(architecture=odd), 427, "OSULeaf") is None


def test_the_best_trials_of_a_result_become_candidates() -> None:
    rows = [
        trial(trial=0, numbers={"val_accuracy": 0.9, "val_loss": 0.9}),
        trial(trial=1, numbers={"val_accuracy": 0.9, "val_loss": 0.2}),
        trial(trial=2, numbers={"val_accuracy": 1.0, "val_loss": 0.1}, status="pruned"),
    ]
    result = {"dataset": "a", "winner": {"seq_len": 427}, "recorded": rows}
    assert [entry.name for entry in best_of_suite([result], 1)] == ["a trial 1"]


def test_a_made_study_begins_with_the_entries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    X, y = waves(24)
    np.savez(tmp_path / "waves.npz", X_train=X, y_train=y)
    task = ts.load_task(str(tmp_path / "waves.npz"))
    entries = like_published()[-3:]
    study, start = make_study("waves", task, entries, ts.SearchSettings(pruner="none"))
    assert [trial.name for trial in start.trials] == [key_of(entry) for entry in entries]
    executor = Synthetic()
    study.run(3, executor=executor, on_progress=lambda progress: None)
    assert [job.architecture.norm for job in executor.jobs] == ["weight", "layer", "batch"]


def test_the_gain_is_read_from_the_first_trials() -> None:
    rows = [
        {"status": "pruned", "score": 0.1, "numbers": {"val_accuracy": 1.0}},
        {"status": "timed_out", "score": 0.1, "numbers": {"val_accuracy": 1.0}},
        {"status": "complete", "score": 0.5, "numbers": {"val_accuracy": 0.7}},
        {"status": "complete", "score": 0.6, "numbers": {"val_accuracy": 0.6}},
        {"status": "complete", "score": 0.4, "numbers": {"val_accuracy": 0.8}},
    ]
    assert portfolio.best_after(rows, "minimize") == {3: 0.7, 6: 0.8, 12: 0.8}
    assert portfolio.best_after(rows[:1], "minimize") == {3: 0.0, 6: 0.0, 12: 0.0}


def test_choosing_writes_a_portfolio_that_the_package_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written = tmp_path / "portfolio.json"
    monkeypatch.setattr(portfolio, "PACKAGE_FILE", written)
    first, second, *_ = like_published()
    for dataset, accuracies in (("ACSF1", (0.5, 0.9)), ("ArrowHead", (0.6, 0.5))):
        write_result(tmp_path, recorded(dataset, first, second, accuracies))
    portfolio.choose(tmp_path, size=1, write=True)
    values = json.loads(written.read_text())
    assert [row["name"] for row in values["configurations"]] == [second.name]
    assert "2 configurations, each trained on 2 datasets: ACSF1, ArrowHead;" in values["source"]
    assert (
        "portfolio chosen without the dataset: 0.500 (0.500), 0.500 (0.500), 0.500 (0.500)"
        in capsys.readouterr().out
    )


def recorded(
    dataset: str, first: PortfolioEntry, second: PortfolioEntry, accuracies: tuple[float, float]
) -> dict[str, Any]:
    trainings = {
        key_of(entry): {
            "entry": {
                "name": entry.name,
                "architecture": vars(entry.architecture),
                "settings": entry.settings,
            },
            "status": "complete",
            "numbers": {"val_accuracy": accuracy, "val_loss": 1 - accuracy},
        }
        for entry, accuracy in zip((first, second), accuracies, strict=True)
    }
    return {"dataset": dataset, "classes": 2, "trainings": trainings}


def test_gains_are_counted() -> None:
    found = {
        "A": {"with": {"3": 0.9, "6": 0.9, "12": 0.9}, "without": {"3": 0.8, "6": 0.9, "12": 1.0}},
        "B": {"with": {"3": 0.5, "6": 0.7, "12": 0.7}, "without": {"3": 0.4, "6": 0.7, "12": 0.7}},
    }
    assert portfolio.better_equal_worse(found) == "2 / 0 / 0, 0 / 2 / 0, 0 / 1 / 1"
