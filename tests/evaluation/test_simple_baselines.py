"""Simple baselines beside a winner: scores, choices, words, and that `best` shows them."""

from __future__ import annotations

import html
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tcn_search import SearchSpace, Study, Task, TrainingSettings
from tcn_search.cli.main import main
from tcn_search.evaluation.final_training import SeedRun
from tcn_search.evaluation.simple_baselines import (
    SimpleBaseline,
    SimpleBaselines,
    baseline_facts,
    simple_baselines,
)
from tcn_search.evaluation.split_scores import share_error, split_score
from tcn_search.evaluation.winner import Winner
from tcn_search.search.receptive_field_text import receptive_field_text
from tcn_search.study.results import SIMPLE_BASELINES
from tests.cli.processes import unwrapped
from tests.conftest import waves
from tests.study.synthetic import Synthetic

SHARED = Path(__file__).parents[3] / "shared" / "data"


def baseline(name: str, validation: float, test: float | None, error: float) -> SimpleBaseline:
    return SimpleBaseline(
        name=name,
        detail="",
        validation=validation,
        test=test,
        validation_error=error,
        test_error=error,
        seconds=0.1,
    )


def of_classes() -> SimpleBaselines:
    return SimpleBaselines(
        kind="classification",
        metric="accuracy",
        direction="maximize",
        validation_size=41,
        test_size=242,
        joined=True,
        rows=200,
        of_rows=200,
        baselines=[
            baseline("majority class", 0.3, 0.2, 0.03),
            replace(baseline("1-nearest-neighbour", 0.6, 0.88, 0.02), detail="raw sequences"),
        ],
    )


@pytest.mark.parametrize(
    ("test", "name", "words"),
    [
        (
            (0.97, 0.98, 0.98),
            "Against simple baselines",
            "the winner is better than 1-nearest-neighbour on test: 0.097 apart, more than the 0.045 needed at 5% with 3 seeds and 242 examples",
        ),
        (
            (0.89, 0.88, 0.9),
            "Warning",
            "the winner is not clearly better than 1-nearest-neighbour on test: 0.01 apart, where 0.057 would be needed at 5% with 3 seeds and 242 examples. "
            "Search longer, train for more epochs, or use the simpler model",
        ),
        (
            (0.86, 0.88, 0.87),
            "Warning",
            "the winner is behind 1-nearest-neighbour on test, though not clearly: 0.01 apart, where 0.059 would be needed at 5% with 3 seeds and 242 examples. "
            "Search longer, train for more epochs, or use the simpler model",
        ),
        (
            (0.44,),
            "Warning",
            "the winner is worse than 1-nearest-neighbour on test: 0.44 apart, more than the 0.074 needed at 5% with 242 examples. "
            "Search longer, train for more epochs, or use the simpler model",
        ),
    ],
)
def test_the_words_say_how_the_winner_stands(
    test: tuple[float, ...], name: str, words: str
) -> None:
    facts = baseline_facts(of_classes(), [0.7] * len(test), test)
    assert facts == {
        "Simple baselines": "majority class: validation accuracy 0.3, test 0.2; "
        "1-nearest-neighbour (raw sequences): validation accuracy 0.6, test 0.88; "
        "for test fitted on training and validation split together",
        name: words,
    }


def test_a_winner_without_an_error_gets_no_advice() -> None:
    baselines = replace(of_classes(), baselines=[baseline("linear model", 0.99, 0.996, 0.004)])
    facts = baseline_facts(baselines, [1.0, 1.0], [1.0, 1.0])
    assert "Warning" not in facts
    assert facts["Against simple baselines"] == (
        "the winner makes no error on test, and linear model is not clearly worse"
    )


@pytest.mark.parametrize("ensemble", [True, False])
def test_an_ensemble_is_judged_by_its_own_score(ensemble: bool) -> None:
    runs = [SeedRun(3, seed, math.nan, math.nan, best_epoch=9, seconds=1) for seed in (1, 2, 3)]
    winner = Winner(
        trial=3,
        objective="val_loss",
        metric="accuracy",
        runs=runs,
        test_scores=[0.86, 0.88, 0.87],
        saved_seed=1,
        model_file="best.keras",
        ensemble=ensemble,
        ensemble_score=0.96,
        member_files=["a", "b", "c"],
    )
    judged = [0.95, 0.97, 0.96] if ensemble else [0.86, 0.88, 0.87]
    assert winner.judged_on_test == pytest.approx(judged)
    facts = baseline_facts(of_classes(), winner.judged_on_validation, winner.judged_on_test)
    assert ("Against simple baselines" in facts) == ensemble


def test_without_a_test_split_the_validation_split_counts() -> None:
    none = replace(of_classes(), test_size=0, rows=150)
    facts = baseline_facts(none, [0.95, 0.97, math.nan], [])
    assert facts["Against simple baselines"].startswith(
        "the winner is better than 1-nearest-neighbour on validation: 0.36 apart"
    )
    assert facts["Simple baselines"].endswith("fitted on 150 of 200 training sequences")
    assert list(baseline_facts(none, [math.nan], [])) == ["Simple baselines"]


def test_of_errors_the_lowest_is_the_best_baseline() -> None:
    numbers = replace(
        of_classes(),
        kind="regression",
        metric="mse",
        direction="minimize",
        baselines=[baseline("mean", 1.0, 1.1, 0.05), baseline("linear model", 0.4, 0.5, 0.04)],
    )
    best, gap, split = numbers.against([0.2, 0.21], [0.3, 0.31])
    assert (best.name, split) == ("linear model", "test")
    assert gap.is_better
    assert SimpleBaselines.from_dict(numbers.to_dict()) == numbers


def test_the_error_over_examples_is_binomial_or_between_blocks() -> None:
    X, y = waves(24)
    task = Task.from_arrays(X, y, X_test=X, y_test=y)
    assert task.test is not None

    def first_class(X: np.ndarray) -> np.ndarray:
        return np.tile([1.0, 0.0], (len(X), 1))

    score = split_score(first_class, task.test, task.spec)
    assert score.value == np.mean(task.test.y == 0)
    assert score.error == share_error(score.value, 24)
    values = np.random.default_rng(0).normal(size=400)
    numbers = Task.from_arrays(
        np.zeros((400, 3, 1)), values, X_test=np.zeros((400, 3, 1)), y_test=values
    )
    assert numbers.test is not None
    mean = split_score(lambda X: np.zeros((len(X), 1)), numbers.test, numbers.spec)
    assert mean.value == pytest.approx(np.mean(values**2), rel=1e-5)
    assert mean.error == pytest.approx(np.std(values**2) / 20, rel=0.4)


def test_every_kind_of_task_has_its_baselines() -> None:
    X, y = waves(24)
    labels = np.stack([y, 1 - y], axis=1)
    steps = np.tile(y[:, None], (1, X.shape[1]))
    for targets, kind, names in (
        (y, "classification", ["majority class", "1-nearest-neighbour", "linear model"]),
        (labels, "multi_label", ["majority of each label", "1-nearest-neighbour", "linear model"]),
        (steps, "labelling", ["majority class", "linear model of each step"]),
        (X[:, 0, 0] + 1, "regression", ["mean", "1-nearest-neighbour", "linear model"]),
    ):
        task = Task.from_arrays(X, targets, X_test=X, y_test=targets, kind=kind)
        result = simple_baselines(task, joined=True)
        assert [baseline.name for baseline in result.baselines] == names
        assert not result.frame()[["validation", "test"]].isna().any(axis=None)
        if kind != "labelling":  # on test, which is the training data here, each is its neighbour
            assert result.baselines[1].test == pytest.approx(float(kind != "regression"), abs=1e-6)


@pytest.mark.skipif(not (SHARED / "OSULeaf.npz").exists(), reason="needs the shared data")
@pytest.mark.parametrize(("name", "published"), [("OSULeaf", 0.5207), ("GunPoint", 0.9133)])
def test_the_nearest_neighbour_is_that_of_the_ucr_archive(name: str, published: float) -> None:
    """1-NN ED of the archive's DataSummary.csv, which uses all training series."""
    from tcn_search import load_task

    result = simple_baselines(load_task(str(SHARED / f"{name}.npz")), joined=True)
    neighbour = result.baselines[1]
    assert neighbour.detail == "raw sequences"
    assert neighbour.test == pytest.approx(published, abs=1e-4)


def test_best_status_and_report_show_the_baselines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    X, y = waves(24)
    task = Task.from_arrays(X, y, X_test=X, y_test=y)
    space = SearchSpace(nb_filters=[4], kernel_size=[2], levels=[4], nb_stacks=[1], norm=["none"])
    study = Study("waves", task, space, training=TrainingSettings(epochs=1))
    study.run(1, executor=Synthetic(), on_progress=lambda progress: None)
    assert study.results.simple_baselines is None
    assert study.results.baseline_facts() == {}
    study.best(seeds=2)
    assert study.test_evaluations == 1
    baselines = study.results.simple_baselines
    assert baselines is not None
    assert baselines.baselines[0].name == "majority class"
    facts = study.results.baseline_facts()
    assert next(iter(facts)) == "Simple baselines"
    assert len(facts) == 2
    for arguments in (["best", "waves", "--seeds", "2"], ["status", "waves"], ["report", "waves"]):
        assert main(arguments) == 0
    said = unwrapped(capsys.readouterr().out)
    assert f"Simple baselines: {facts['Simple baselines']} " in said
    assert f"simple baselines: {facts['Simple baselines']} " in said
    network = study.best_architecture
    fields = receptive_field_text(study.definition, network)
    assert f"winner: trial 0, test accuracy {study.winner.score:.4g} {network} with" in said
    assert f" {fields} " in said
    page = html.unescape(Path("runs/waves/report.html").read_text())
    optuna_study = study._handle.optuna_study
    optuna_study.set_user_attr(SIMPLE_BASELINES, None)  # `best` was killed before it stored them
    assert study.results.baseline_facts() == {
        "Simple baselines": "not fitted yet; the next call of `best` fits them"
    }
    study.best(seeds=2)
    assert study.results.baseline_facts() == facts
    assert study.test_evaluations == 1
    assert f"<dt>Winner</dt>\n<dd>trial 0, {fields}: {network}</dd>" in page
    assert page.count("<dt>Machines</dt>") == page.count("<dt>Trained on</dt>") == 1
    assert all(f"<dt>{name}</dt>\n<dd>{text}</dd>" in page for name, text in facts.items())
