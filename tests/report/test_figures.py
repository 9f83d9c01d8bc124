"""Which figures a study has, and the tables that they are drawn from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tcn_search import (
    Architecture,
    SearchSettings,
    SearchSpace,
    Study,
    Task,
    TrainingSettings,
    study_figures,
)
from tcn_search.evaluation.final_training import SeedRun
from tcn_search.evaluation.test_answers import AnswerRecorder, ClassCounts
from tcn_search.evaluation.winner import TEST_PREDICTIONS, Winner
from tcn_search.plots.hyperparameters import varied_hyperparameters
from tcn_search.plots.style import COLUMN_WIDTH
from tcn_search.report.figures import figures_of
from tcn_search.report.winner_figures import candidates_frame, seeds_frame
from tcn_search.settings import SEARCHABLE
from tcn_search.study.results import WINNER
from tests.conftest import waves
from tests.study.synthetic import Synthetic


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(tmp_path)
    return Study(
        "waves",
        Task.from_arrays(*waves(24), class_names=["slow", "fast"]),
        SearchSpace(nb_filters=[4, 8], levels=[2, 3, 4]),
        training=TrainingSettings(epochs=4),
        search=SearchSettings(pruner="none"),
    )


def seed_run(trial: int, seed: int, score: float) -> SeedRun:
    return SeedRun(
        trial=trial, seed=seed, score=score, metric=score, best_epoch=3, seconds=1.0, loss=score
    )


def winner(**changes: object) -> Winner:
    values = {
        "trial": 1,
        "objective": "val_loss",
        "metric": "accuracy",
        "runs": [seed_run(1, 7, 0.8), seed_run(1, 8, 0.9)],
        "reruns": [seed_run(trial, seed, 1 + trial + seed) for trial in (1, 0) for seed in (2, 3)],
        "ranked": [1, 0],
        "test_scores": [0.7, 0.6],
        "ensemble": True,
        "ensemble_score": 0.75,
        "member_files": ["a.keras", "b.keras"],
        "model_file": "runs/waves/best.keras",
    }
    return Winner(**{**values, **changes})


def test_numbers_of_results_are_no_hyperparameters(study: Study) -> None:
    study.run(6, executor=Synthetic(), on_progress=lambda progress: None)
    trials = study.trials()
    trials["val_accuracy"] = np.linspace(0, 1, len(trials))  # beside the score, as classes have it
    varied = varied_hyperparameters(trials)
    assert {"levels", "learning_rate"} <= set(varied)
    assert "dilations" not in varied  # they follow from the levels
    every = trials.assign(**{name: range(len(trials)) for name in trials})
    known = {*Architecture.__dataclass_fields__, *SEARCHABLE, "levels"}
    assert set(varied_hyperparameters(every)) <= known


def test_lists_of_dilations_are_a_hyperparameter() -> None:
    trials = pd.DataFrame({"dilations": ["1,2,4", "1,3,9", "1,2,4"], "levels": 3})
    assert varied_hyperparameters(trials) == ["dilations"]


def test_every_figure_has_words(study: Study) -> None:
    described = figures_of(study.snapshot())
    names = [figure.name for figure in described]
    assert len(names) == len(set(names))
    assert names[:3] == ["history", "receptive_field", "learning_curves"]
    for figure in described:
        assert figure.title
        assert figure.caption.endswith(".")


def test_before_the_first_trial_there_are_figures_that_say_so(study: Study) -> None:
    figures = study_figures(study)
    assert list(figures) == ["history", "receptive_field", "learning_curves"]
    assert "No trial has a score yet" in [
        text.get_text() for text in figures["history"].axes[0].texts
    ]


def test_importances_appear_with_the_tenth_complete_trial(study: Study) -> None:
    study.run(9, executor=Synthetic(), on_progress=lambda progress: None)
    assert not {"importances", "contour"} & set(study_figures(study))
    assert study.importances().empty
    study.run(14, executor=Synthetic(), on_progress=lambda progress: None)
    importances = study.importances()
    assert importances["importance"].sum() == pytest.approx(1)
    assert importances["importance"].is_monotonic_decreasing
    assert importances["name"].iloc[0] == "learning_rate"  # `loss_of` depends on it most
    assert {"importances", "slices", "parallel_coordinates", "contour"} <= set(study_figures(study))
    by_name = {figure.name: figure for figure in figures_of(study)}
    narrow = by_name["parallel_coordinates"].draw(study, COLUMN_WIDTH)
    names = [label.get_text() for label in narrow.axes[0].get_xticklabels()]
    assert names == importances["name"].tolist()[:4]  # more have no room for their values


def test_figures_are_as_wide_as_wanted(study: Study) -> None:
    study.run(3, executor=Synthetic(), on_progress=lambda progress: None)
    for figure in study_figures(study.snapshot(), COLUMN_WIDTH).values():
        assert figure.get_figwidth() == COLUMN_WIDTH


def test_figures_of_a_winner(study: Study) -> None:
    study.run(3, executor=Synthetic(), on_progress=lambda progress: None)
    counts = ClassCounts(classes=["slow", "fast"], confusion=[[3, 1], [0, 4]])
    study._handle.optuna_study.set_user_attr(WINNER, winner(classes=counts).to_dict())
    figures = study_figures(study)
    assert {"candidates", "seeds", "confusion_matrix", "class_scores"} <= set(figures)
    assert study.winner.classes == counts


@pytest.mark.parametrize(("outputs", "first"), [(1, "output 0"), (2, "output 0"), (2, "NA")])
def test_true_numbers_are_drawn_against_predicted_ones(
    outputs: int, first: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    X, y = waves(24)
    numbers = np.stack([y * 3.0] * outputs, axis=1)
    study = Study("numbers", Task.from_arrays(X, numbers, X_test=X[:6], y_test=numbers[:6]))
    recorder = AnswerRecorder(study._handle.task.spec, study._handle.task.test)
    recorder.add(numbers[:6] + 0.5)
    table = recorder.table()
    assert table is not None
    Path("runs/numbers").mkdir(parents=True, exist_ok=True)
    table = table.replace({"output": {"output 0": first}})
    table.to_csv(Path("runs/numbers") / TEST_PREDICTIONS, index=False)
    stored = winner(model_file="runs/numbers/best.keras").to_dict()
    study._handle.optuna_study.set_user_attr(WINNER, stored)
    axes = study_figures(study)["true_against_predicted"].axes[0]
    assert axes.get_title(loc="left") == "True and predicted: mean absolute error 0.5"
    assert axes.get_xlabel() == ("truth" if outputs == 1 else f"truth of {first}")


def test_a_winner_of_an_earlier_version_has_no_answers(study: Study) -> None:
    study.run(1, executor=Synthetic(), on_progress=lambda progress: None)
    stored = winner().to_dict()
    del stored["classes"]
    study._handle.optuna_study.set_user_attr(WINNER, stored)
    assert study.winner.classes is None
    assert "seeds" in study_figures(study)
    assert "confusion_matrix" not in study_figures(study)


def test_the_table_of_seeds_holds_members_and_ensemble() -> None:
    frame = seeds_frame(winner())
    assert frame["split"].tolist() == ["validation"] * 2 + ["test"] * 3
    assert frame["score"].tolist() == [0.8, 0.9, 0.7, 0.6, 0.75]
    assert np.isnan(frame["seed"].iloc[-1])


def test_the_table_of_candidates_is_ranked() -> None:
    frame = candidates_frame(winner())
    assert frame["trial"].tolist() == [1, 1, 0, 0]
    assert frame["score"].tolist() == [4, 5, 3, 4]
