"""A study on series that a linear model continues: its winner is no worse than that model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import tcn_search as ts
from tcn_search.errors import InputError
from tcn_search.settings import TrainingSettings
from tcn_search.study.study_file import read_study_file
from tcn_search.tasks.linear_forecast import fit_linear_forecast
from tcn_search.tasks.task import Task
from tcn_search.workers.executor import InProcessExecutor
from tests.study.synthetic import Synthetic


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Task:
    monkeypatch.chdir(tmp_path)
    steps = np.arange(400)
    noise = np.random.default_rng(0).normal(0, 0.01, (2, 400))
    frame = pd.DataFrame(
        {
            "time": pd.date_range("2024-01-01", periods=400, freq="h"),
            "a": np.sin(2 * np.pi * steps / 7) + noise[0],
            "b": 50 + 9 * np.sin(2 * np.pi * steps / 11) + 9 * noise[1],
        }
    )
    frame.to_csv("series.csv", index=False)
    return ts.load_task("forecast", file="series.csv", horizon=2, look_back=16)


def test_the_winner_is_no_worse_than_the_ridge_regression(task: Task) -> None:
    space = ts.SearchSpace(
        nb_filters=4,
        kernel_size=2,
        levels=[1, 2],
        nb_stacks=1,
        norm="none",
        use_skip_connections=True,
        window_norm="last",
        linear_path=True,
        readout="flatten",
        dropout_rate=0.3,
        learning_rate=[0.05, 0.1],  # too large to stay near the solution
    )
    study = ts.Study("linear", task, space, training=TrainingSettings(epochs=2, schedule="cosine"))
    study.run(2, executor=InProcessExecutor(study.training_data))
    winner = study.best(1, seeds=2, executor=InProcessExecutor(study.training_data))
    ridge = fit_linear_forecast(task.spec, task.train, task.validation, "last").ridge
    assert study.best_score is not None
    assert study.best_score <= ridge.error * 1.01
    assert all(run.score <= ridge.error * 1.01 for run in winner.winning_runs)
    assert all(run.from_start and not run.diverged for run in winner.winning_runs)
    assert study.best_trial == ts.load_study("linear").best_trial
    assert ts.load_study("linear").trials()["score"].notna().all()


def test_a_new_study_of_forecasts_begins_with_entries_for_them(task: Task) -> None:
    study = ts.Study("forecasts", task)
    names = [trial.name for trial in study.results.start.trials]
    assert names[0] == "portfolio: patches beside a linear map"
    jobs = Synthetic()
    study.run(3, executor=jobs)
    first = jobs.jobs[0].architecture
    assert (first.channels, first.window_norm, first.linear_path) == ("shared", "standard", True)
    assert "channels" in study.definition.space.to_dict()
    # The same study continues from a file that says nothing of these choices.
    again = ts.Study("forecasts", task, ts.SearchSpace())
    assert again.changes == []


def test_windows_are_normalised_only_where_inputs_are_standardised(task: Task) -> None:
    raw = TrainingSettings(epochs=1, input_norm="none")
    study = ts.Study("raw", task, training=raw)
    jobs = Synthetic()
    study.run(3, executor=jobs)
    assert not any(job.architecture.is_for_forecasts for job in jobs.jobs)
    space = ts.SearchSpace(input_norm=["dataset", "none"], linear_path=[True, False])
    with pytest.raises(InputError, match=r"for a forecast with linear_path = True. .* 'none'"):
        ts.Study("both", task, space)
    with pytest.raises(InputError, match="for a forecast with quantiles"):
        ts.Study("quantiles", task, training=replace(raw, quantiles=(0.1, 0.5, 0.9)))


def test_a_study_file_has_the_choices(task: Task) -> None:
    Path("study.toml").write_text(
        '[task]\nname = "forecast"\nfile = "series.csv"\nhorizon = 2\nlook_back = 16\n'
        '[space]\nchannels = ["shared"]\nwindow_norm = ["standard"]\nlinear_path = [true]\n'
        'patch = [1, 4]\npatch_stride = [1, 2]\nreadout = ["flatten"]\n'
        "[training]\nquantiles = [0.1, 0.5, 0.9]\n"
    )
    file = read_study_file("study.toml")
    assert file.training_settings(task).quantiles == (0.1, 0.5, 0.9)
    assert file.space.patch == (1, 4)
    Path("study.toml").write_text('task.name = "x"\ntraining.quantiles = [0.1, 0.9]\n')
    with pytest.raises(InputError, match=r"quantiles must be ascending .* \[0.1, 0.9\]"):
        read_study_file("study.toml")
