"""A known configuration is preferred where the validation split cannot tell trials apart."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tcn_search import FinalSettings, SearchSettings
from tcn_search.evaluation import selection
from tcn_search.evaluation.final_training import SeedRun
from tcn_search.evaluation.preference import Preference, preference_among, standard_error
from tcn_search.search.portfolio import portfolio
from tcn_search.search.ranking import ranked
from tcn_search.study.study import Study
from tests.evaluation.made_up import MadeUp, use_made_up_models
from tests.search.test_ranking import TASK, Scripted, studied

KNOWN = SearchSettings(objectives=("val_accuracy",), pruner="none")
UNKNOWN = SearchSettings(objectives=("val_accuracy",), pruner="none", warm_start=False)
# Accuracies and losses of the first configurations of the portfolio; the third is the best.
PAIRS = [(0.8, 0.6), (0.8, 0.5), (0.9, 0.4)]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def preferred(study: Study, sequences: int) -> int | None:
    found = preference_among(ranked(study.results.records(), "maximize"), sequences)
    return None if found is None else found.trial


@pytest.mark.parametrize(
    ("sequences", "trial"),
    [(5, 0), (40, 0), (44, 2), (1000, 2)],  # with 40 the standard error is .051, with 44 .049
)
def test_the_first_known_configuration_within_two_standard_errors(
    sequences: int, trial: int
) -> None:
    study = studied(KNOWN, *PAIRS)
    names = [record.enqueued_as for record in study.results.records()]
    assert names == [entry.enqueued_as for entry in portfolio().configurations[:3]]
    assert preferred(study, sequences) == trial


def test_trials_that_the_sampler_chose_are_not_preferred() -> None:
    assert preferred(studied(UNKNOWN, *PAIRS), 5) is None


@pytest.mark.parametrize(
    ("objective", "first"), [("val_accuracy", 0), ("val_balanced_accuracy", 2), ("val_f1", 2)]
)
def test_another_metric_than_accuracy_is_not_overruled(objective: str, first: int) -> None:
    search = SearchSettings(objectives=(objective,), pruner="none")
    candidates, preference = studied(search, *PAIRS).results.preferred_trials(3, None, 5)
    assert candidates[0].trial == first
    assert (preference is not None) == (objective == "val_accuracy")


def run(trial: int, accuracy: float) -> SeedRun:
    best_epoch = 0 if math.isnan(accuracy) else 1  # NaN: it diverged
    return SeedRun(trial, seed=0, score=0.0, metric=accuracy, best_epoch=best_epoch, seconds=1.0)


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([run(5, 0.9), run(7, 0.8), run(7, 0.8), run(5, 0.9)], [7, 5, 6]),
        ([run(5, 0.9), run(7, 0.8), run(7, 0.7)], [5, 6, 7]),
        ([run(5, 0.9), run(7, float("nan"))], [5, 6, 7]),
        ([run(5, 0.9), run(5, 0.9), run(7, 0.9), run(7, float("nan"))], [5, 6, 7]),
    ],
)
def test_re_runs_decide_again(runs: list[SeedRun], expected: list[int]) -> None:
    assert Preference(7, best=5, standard_error=0.055).applied([5, 6, 7], runs) == expected


def test_a_standard_error_is_never_zero() -> None:
    assert standard_error(1.0, 6) == standard_error(0.0, 6) > 0.1
    assert standard_error(0.5, 100) == pytest.approx(0.05)


@pytest.mark.parametrize("rerun", [1, 3])
def test_best_trains_the_preferred_trial_and_says_why(
    rerun: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TCN_SEARCH_DATA", str(tmp_path / "cache"))
    use_made_up_models(monkeypatch)
    study = studied(KNOWN, *PAIRS)
    assert study.best_trial == 2
    executor = MadeUp(lambda job: 0.7)
    winner = study.best(rerun, executor=executor, on_progress=lambda progress: None)
    assert winner.trial == winner.ranked[0] == 0
    assert winner.facts()["Preferred"] == (
        "trial 0, a known configuration: on 4 validation sequences the trial with the best "
        "val_accuracy is not better by more than two standard errors"
    )
    unused = MadeUp()
    assert study.best(rerun, executor=unused, on_progress=lambda progress: None).trial == 0
    assert unused.jobs == []


def test_greedy_selection_that_picks_another_trial_is_no_preference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TCN_SEARCH_DATA", str(tmp_path / "cache"))
    use_made_up_models(monkeypatch)
    study = Study("waves", TASK, search=KNOWN, final=FinalSettings(members=2, seeds=3))
    study.run(3, executor=Scripted(*PAIRS), on_progress=lambda progress: None)
    monkeypatch.setattr(selection, "mean_predictions", lambda *given: {0: 0.0, 2: 0.0})
    monkeypatch.setattr(selection, "greedy_selection", lambda *given, **named: [2, 2, 0])
    winner = study.best(executor=MadeUp(lambda job: 0.7), on_progress=lambda progress: None)
    assert (winner.trial, winner.ranked[0]) == (2, 0)
    assert "Preferred" not in winner.facts()
