"""Studies and models of the version before 0.2 open, are read and continue."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tcn_search as ts
from tcn_search.cli.main import main
from tcn_search.search.final_settings import FinalSettings
from tcn_search.study.creation import definition_in
from tcn_search.study.study_file import read_study_file
from tests.study.synthetic import Synthetic

FORMER = Path(__file__).parents[1] / "fixtures" / "study_before_0_2"
STORAGE = "sqlite:///studies.db"
STATUSES = [
    "complete",
    "complete",
    "pruned",
    "stale",
    "failed",
    "out_of_memory",
    "timed_out",
    "unbuildable",
    "diverged",
    "infeasible",
    "complete",
    "complete",
    "complete",
    "stale",
    "waiting",
]
RETRY = 14  # of trial 13


@pytest.fixture(autouse=True)
def copy_of_the_former_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(FORMER, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)


def test_trials_have_the_statuses_of_today() -> None:
    study = ts.load_study("kept", STORAGE)
    trials = study.trials()
    assert list(trials["trial"]) == list(range(15))
    assert list(trials["ended"]) == STATUSES
    assert study.finished == 9
    assert study.best_trial == 12
    assert study.best_score == pytest.approx(0.5098041599574912)
    assert len(study.learning_curves()) > 0


def test_winner_and_comparison_are_read() -> None:
    study = ts.load_study("kept", STORAGE)
    winner = study.winner
    assert winner is not None
    assert (winner.trial, winner.ranked, winner.saved_seed) == (12, [12], 0)
    assert winner.test_scores == pytest.approx([0.4333333373069763] * 2)
    assert [run.seed for run in winner.winning_runs] == [0, 1]
    assert study.test_evaluations == winner.readings == 3
    comparison = study.comparison
    assert comparison is not None
    assert list(comparison.frame()["contender"]) == ["gru", "tcn"]
    assert study.changes == []
    (best,) = study.results.best_trials(1)
    # Both belong to the trainings of today, so that none is repeated.
    digest = study.definition.digest([(best.architecture, best.settings)])
    assert winner.made_with == comparison.made_with == digest


def test_the_study_keeps_the_schedule_that_its_file_does_not_name() -> None:
    Path("kept.toml").write_text('task.name = "data.npz"\n')
    file = read_study_file("kept.toml")
    task = file.load_task()
    assert file.training_settings(task).schedule == "cosine"
    stored = definition_in(STORAGE, "kept")
    assert stored is not None
    assert file.training_settings(task, stored).schedule == "constant"
    assert definition_in(STORAGE, "another") is None


def test_the_study_keeps_the_final_settings_that_its_file_does_not_name() -> None:
    Path("kept.toml").write_text('task.name = "data.npz"\n[final]\nseeds = 4\n')
    file = read_study_file("kept.toml")
    stored = definition_in(STORAGE, "kept")
    assert stored is not None
    assert file.final_settings() == FinalSettings(seeds=4)
    assert file.final_settings(stored) == replace(FinalSettings.former(), seeds=4)


def test_a_study_file_that_names_no_setting_of_today_continues_the_study(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("kept.toml").write_text(
        """
task.name = "data.npz"

[space]
nb_filters = [4, 8]
kernel_size = { low = 2, high = 5 }
nb_stacks = [1, 2]
norm = ["none", "layer", "weight"]
dropout_rate = { low = 0.0, high = 0.3 }
learning_rate = { low = 1e-3, high = 1e-2, log = true }

[constraints]
max_params = 3000

[training]
epochs = 3
batch_size = 64

[search]
trials = 9
sampler = "random"
seed = 3
"""
    )
    assert main(["run", "kept.toml", "--storage", STORAGE]) == 0
    assert "9 trials are finished already" in capsys.readouterr().out
    study = ts.load_study("kept", STORAGE)
    definition = study.definition
    assert study.changes == []
    assert definition.training.schedule == "constant"
    assert definition.training.batch_norm_statistics == "all"
    assert definition.constraints.required_context == "seq_len"
    assert definition.search.fraction == 1
    assert definition.space.input_norm is None
    assert definition.final == FinalSettings.former()


def test_the_study_continues_with_the_waiting_retry() -> None:
    # The task of the same data from another folder is the same: else this would be refused.
    # So is a study file without a required context, though its default is another one now.
    same = ts.Study(
        "kept",
        ts.load_task("data.npz"),
        constraints=ts.Constraints(max_params=3000),
        storage=STORAGE,
    )
    assert same.definition.constraints.required_context == "seq_len"
    # Changes are allowed for the day on which this runs with other versions of Keras or Optuna.
    study = ts.Study("kept", storage=STORAGE, allow_changes=True)
    study.run(12, executor=Synthetic(), on_progress=lambda progress: None)
    trials = study.trials()
    assert study.finished == 12
    assert list(trials["ended"][:RETRY]) == STATUSES[:RETRY]
    stale, retry = study.results.records()[RETRY - 1 : RETRY + 1]
    assert retry.retry_of == stale.number
    assert retry.is_finished
    assert retry.suggested == stale.suggested


def test_the_saved_model_predicts_the_same() -> None:
    model = ts.load_model("best.keras")
    outputs = model.predict(np.load("inputs.npy"), verbose=0)
    np.testing.assert_allclose(outputs, np.load("outputs.npy"), atol=1e-5)
