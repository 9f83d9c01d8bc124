"""A study in sentences, what to do next with it, and how a notebook shows it."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tcn_search import SearchSettings, Study, Task, TrainingSettings, check, load_study
from tcn_search.evaluation.final_training import SeedRun
from tcn_search.evaluation.simple_baselines import SimpleBaseline, SimpleBaselines
from tcn_search.evaluation.winner import Winner
from tcn_search.report.page import _details
from tcn_search.study.next_steps import command, next_steps
from tcn_search.study.summary import _period, summary, warnings
from tests.conftest import waves
from tests.report.test_forecast_comparison import comparison
from tests.study.synthetic import Synthetic, small_space

WINNER = Winner(
    trial=0,
    runs=[
        SeedRun(
            trial=0,
            seed=seed,
            score=0.5,
            metric=0.8,
            best_epoch=2,
            seconds=1.0,
            seconds_an_epoch=0.5,
        )
        for seed in (1, 2)
    ],
    objective="val_loss",
    metric="accuracy",
    test_scores=[0.8, 0.9],
    read_at="2026-11-26T07:45:07+00:00",
    readings=1,
    model_file="runs/waves/best.keras",
    ranked=[0, 1],
    ensemble=True,
    ensemble_score=0.9,
    member_files=["runs/waves/members/seed-1.keras", "runs/waves/members/seed-2.keras"],
)


RERUN = replace(WINNER, reruns=[replace(WINNER.runs[0], trial=trial) for trial in (0, 0, 1, 1)])


def baselines(test: float) -> SimpleBaselines:
    baseline = SimpleBaseline(
        name="majority class",
        detail="",
        validation=test,
        test=test,
        validation_error=0.01,
        test_error=0.01,
        seconds=0.1,
    )
    return SimpleBaselines(
        kind="classification",
        metric="accuracy",
        direction="maximize",
        validation_size=1000,
        test_size=1000,
        joined=False,
        rows=9,
        of_rows=9,
        baselines=[baseline],
    )


def store(study: Study, **values: object) -> None:
    for name, value in values.items():
        study._handle.optuna_study.set_user_attr(name, value.to_dict())  # type: ignore[attr-defined]


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(tmp_path)
    return Study(
        "waves",
        Task.from_arrays(*waves(24), name="<waves>"),
        small_space(),
        training=TrainingSettings(epochs=2),
        search=SearchSettings(warm_start=False, pruner="none"),
    )


def run(study: Study, trials: int, statuses: dict[int, str] | None = None) -> None:
    study.run(trials, executor=Synthetic(statuses), on_progress=lambda progress: None)


def test_before_the_first_trial(study: Study) -> None:
    paragraphs = summary(study.snapshot())
    assert paragraphs == {
        "Search": (
            "The study waves searches temporal convolutional networks for the task <waves>: "
            "classification, one class for each sequence, with 2 classes. Sequences have 16 steps "
            "and 2 channels. It looks for the lowest val_loss."
        ),
        "Trials": "No trial has been started.",
        "Result": "No trial is complete yet, so that there is no result.",
    }
    assert next_steps(study.results) == [
        "`tcn-search run waves` starts the search; give it the study file."
    ]


def test_without_a_complete_trial(study: Study) -> None:
    run(study, 2, {0: "diverged", 1: "failed", 2: "diverged"})
    paragraphs = summary(study.snapshot())
    assert paragraphs["Trials"] == "2 trials finished: 2 diverged. 1 came to no result: 1 failed."
    assert list(paragraphs) == ["Search", "Trials", "Result"]
    assert warnings(study.snapshot()) == [
        "1 trial ended in an error, the last with: failed on purpose."
    ]
    assert next_steps(study.snapshot()) == [
        "No trial is complete: the table of the trials says why. Run the study longer."
    ]


def test_before_there_is_a_winner(study: Study) -> None:
    run(study, 3, {1: "diverged"})
    paragraphs = summary(study.snapshot())
    assert paragraphs["Trials"].startswith("3 trials finished: 2 complete and 1 diverged.")
    score = f"{study.best_score:.4g}"
    assert paragraphs["Result"] == (
        f"Trial {study.best_trial} is the best so far, with val_loss {score}. It has been trained "
        "once: only final trainings tell its score from luck."
    )
    assert paragraphs["Receptive field"] == (
        "The receptive field of one step of the network is 29 steps, that of its output 29; "
        "a sequence has 16. The study requires 16 steps."
    )
    assert " parameters and needs " in paragraphs["Cost"]
    assert paragraphs["Cost"].endswith("An epoch of the trial took 10 ms.")
    (step,) = next_steps(study.snapshot())
    assert step.startswith("`tcn-search best waves` trains the best trials again")


def test_trials_within_a_minute_have_one_time() -> None:
    first = datetime(2026, 11, 26, 21, 33, 2)
    records: Any = [
        SimpleNamespace(outcome=True, started=first, completed=first + timedelta(seconds=seconds))
        for seconds in (5, 9)
    ]
    assert _period(records) == ", on 2026-11-26 21:33"
    records[0].completed += timedelta(hours=2)
    assert _period(records) == ", between 2026-11-26 21:33 and 2026-11-26 23:33"


def test_of_a_winner(study: Study) -> None:
    run(study, 3)
    store(study, winner=RERUN, simple_baselines=baselines(0.5))
    paragraphs = summary(study.snapshot())
    assert paragraphs["Result"].startswith(
        "Trial 0 won among the 2 best, which were trained again before the choice. On the test "
        "split the ensemble of 2 final trainings reaches accuracy 0.9 (0.85 ± 0.071 each alone)."
    )
    assert paragraphs["Cost"].endswith("An epoch of a final training took 0.5 s.")
    (compare, predict) = next_steps(study.snapshot())
    assert compare.startswith("`tcn-search compare waves` ")
    assert predict.startswith("`tcn-search predict runs/waves/best.keras NEW_DATA` ")


def test_re_runs_that_a_time_limit_left_out_are_not_claimed(study: Study) -> None:
    run(study, 3)
    of_the_search = [replace(WINNER.runs[0], trial=trial) for trial in (0, 1)]
    store(study, winner=replace(WINNER, reruns=of_the_search))
    assert summary(study.snapshot())["Result"].startswith("Trial 0 won. On the test split")
    refit = replace(WINNER, reruns=of_the_search, refit_epochs=2, test_scores=[])
    store(study, winner=replace(refit, ensemble_score=None))
    result = summary(study.snapshot())["Result"]
    assert "On the validation split its trial reached accuracy 0.8; the task has" in result


def test_a_comparison_with_another_trial_than_the_winner_is_said_to_be_one(study: Study) -> None:
    run(study, 3)
    made = comparison()
    store(study, winner=WINNER, comparison=made)
    snapshot = study.snapshot()
    assert made.verdict() in summary(snapshot)["Result"]
    assert not any("compare waves" in step for step in next_steps(snapshot))
    store(study, comparison=replace(made, trial=1))
    snapshot = study.snapshot()
    words = f"f trial 1, not of the winner: {made.verdict()}"
    assert f"O{words}" in summary(snapshot)["Result"]
    assert _details(snapshot)["Comparison"] == f"o{words}"
    assert next_steps(snapshot)[0].startswith("`tcn-search compare waves` compares the winner")


def test_of_a_winner_one_of_whose_trainings_is_not_averaged(study: Study) -> None:
    run(study, 3)
    three = replace(
        WINNER,
        runs=[*WINNER.runs, replace(WINNER.runs[0], seed=3)],
        test_scores=[0.8, 0.9, 0.1],
        member_files=[*WINNER.member_files, "runs/waves/members/seed-3.keras"],
        spoiling_seeds=[3],
    )
    store(study, winner=three)
    assert (
        "the ensemble of 2 of its 3 final trainings reaches accuracy 0.9 "
        in (summary(study.snapshot())["Result"])
    )


def test_of_a_winner_that_was_preferred_to_a_better_score(study: Study) -> None:
    run(study, 3)
    preferred = replace(RERUN, preferred=True, validation_sequences=8)
    store(study, winner=preferred)
    assert (
        "before the choice. It is a known configuration, preferred because on 8 validation "
        f"sequences the trial with the best {WINNER.objective} is not better by more than two "
        "standard errors. On the test split"
    ) in summary(study.snapshot())["Result"]


def test_a_winner_without_a_test_split_is_judged_on_validation(study: Study) -> None:
    run(study, 3)
    alone = replace(WINNER, test_scores=[], ensemble=False, ensemble_score=None, ranked=[0])
    better = replace(WINNER.runs[1], metric=0.9)
    store(study, winner=replace(alone, runs=[WINNER.runs[0], better], saved_seed=better.seed))
    assert summary(study.snapshot())["Result"] == (
        "Trial 0 won. On the validation split the best of 2 final trainings reaches accuracy 0.9 "
        "(0.85 ± 0.071 each alone); the task has no test split, so that its score on new data is not "
        "known."
    )
    runs = [replace(run, metric=math.nan) for run in WINNER.runs]
    trained_on_both = replace(alone, runs=runs, reruns=WINNER.runs, refit_epochs=2)
    assert trained_on_both.was_rerun
    store(study, winner=trained_on_both)
    assert (
        "On the validation split its trial and re-runs reached accuracy 0.8 (0.8 ± 0 each"
        in (summary(study.snapshot())["Result"])
    )
    store(study, winner=replace(alone, runs=runs))
    assert "none of its trainings has a validation score" in summary(study.snapshot())["Result"]


def test_a_winner_that_a_simple_model_beats_is_warned_of(study: Study) -> None:
    run(study, 3)
    one = replace(WINNER, test_scores=[0.5, 0.5], ensemble_score=0.5)
    store(study, winner=one, simple_baselines=baselines(0.99))
    (warning,) = warnings(study.snapshot())
    assert warning.startswith("The winner is worse than majority class on test:")
    assert warning.endswith("or use the simpler model.")


def test_a_command_names_a_storage_that_is_not_the_default(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command(study.results, "best") == "tcn-search best waves"
    url = "sqlite:///elsewhere runs/studies.db"
    Path("elsewhere runs").mkdir()
    other = Study("two words", Task.from_arrays(*waves(24)), small_space(), storage=url)
    assert command(other.results, "best") == (
        "tcn-search best 'two words' --storage 'sqlite:///elsewhere runs/studies.db'"
    )
    monkeypatch.setenv("TCN_SEARCH_STORAGE", url)
    assert command(load_study("two words").results, "best") == "tcn-search best 'two words'"


def test_a_notebook_shows_what_the_report_says(study: Study) -> None:
    run(study, 3)
    store(study, winner=WINNER, simple_baselines=baselines(0.99))
    shown = study._repr_html_()
    assert "<code>tcn-search " in shown
    assert "`" not in shown
    assert "&lt;waves&gt;" in shown
    assert "<waves>" not in shown
    assert "<script" not in shown
    for title in ("Search", "Trials", "Result", "Receptive field", "Cost", "Warnings", "Next"):
        assert f">{title}</th>" in shown
    winner = study.winner
    assert winner is not None
    assert "accuracy 0.9 by the ensemble" in winner._repr_html_()
    report = check(study.best_architecture, seq_len=600)
    assert report.verdict in report._repr_html_().replace("&#34;", '"')
    assert ">Blind spots</th>" in report._repr_html_()
