"""Trials of equal score are ranked by their validation loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tcn_search import SearchSettings, Study, Task, TrainingSettings
from tcn_search.search.ranking import validation_loss
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.executor import Owner
from tcn_search.workers.trial import TrialJob, TrialOutcome
from tests.conftest import waves
from tests.study.synthetic import Synthetic

TASK = Task.from_arrays(*waves(24))
ACCURACY = SearchSettings(objectives=("val_accuracy",), pruner="none", warm_start=False)


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class Scripted(Synthetic):
    """Each trial has the next of some pairs of accuracy and loss."""

    def __init__(self, *pairs: tuple[float, float]) -> None:
        super().__init__()
        self.pairs = iter(pairs)
        self.status = TrialStatus.COMPLETE

    def _train(self, job: TrialJob, owner: Owner) -> TrialOutcome:
        accuracy, loss = next(self.pairs)
        worse = {"loss": 1.0, "val_loss": 0.01, "val_accuracy": 0.0, "seconds": 0.1}
        return TrialOutcome(
            number=job.number,
            status=self.status,
            score=accuracy,
            best_epoch=2,
            curve=[worse, {**worse, "val_loss": loss, "val_accuracy": accuracy}, worse],
        )


def studied(search: SearchSettings, *pairs: tuple[float, float]) -> Study:
    study = Study("waves", TASK, training=TrainingSettings(epochs=3), search=search)
    study.run(len(pairs), executor=Scripted(*pairs), on_progress=lambda progress: None)
    return study


def test_the_lower_loss_in_the_best_epoch_is_better_where_accuracies_are_equal() -> None:
    study = studied(ACCURACY, (0.5, 0.1), (1.0, 0.4), (1.0, 0.2), (1.0, 0.2), (1.0, 0.3))
    assert [candidate.trial for candidate in study.candidates(9)] == [2, 3, 4, 1, 0]
    assert (study.best_trial, study.best_score) == (2, 1.0)
    assert study.best_architecture == study.results.architecture_of(2)
    frame = study.trials()
    assert list(frame.columns[:5]) == ["trial", "state", "ended", "score", "val_loss"]
    assert list(frame["val_loss"]) == [0.1, 0.4, 0.2, 0.2, 0.3]


def test_the_loss_stands_once_in_the_tables_where_it_is_an_objective_too() -> None:
    search = SearchSettings(objectives=("val_accuracy", "val_loss"), warm_start=False)
    study = studied(search, (0.5, 0.1), (1.0, 0.4))
    front = study.pareto()
    assert list(front.columns[:3]) == ["trial", "val_accuracy", "val_loss"]
    assert list(front["val_loss"]) == [0.4, 0.1]


@pytest.mark.parametrize(
    ("changes", "loss"),
    [
        ({}, 0.5),
        ({"best_epoch": 0}, None),
        ({"curve": []}, None),
        ({"curve": [{"val_mse": 1.0}]}, None),
        (
            {
                "curve": [
                    {"fold": 1, "val_loss": 0.1},
                    {"fold": 2, "val_loss": 9.0},
                    {"fold": 2, "val_loss": 0.3},
                ],
                "folds": [{"score": 1.0, "best_epoch": 1}, {"score": 1.0, "best_epoch": 2}],
            },
            0.2,
        ),
        ({"best_epoch": 0, "start": [{"val_loss": 0.4}]}, 0.4),
        (
            {
                "start": [{}, {"val_loss": 0.3}],  # that of the first fold was not finite
                "curve": [{"fold": 1, "val_loss": 0.1}, {"fold": 2, "val_loss": 9.0}],
                "folds": [{"score": 1.0, "best_epoch": 1}, {"score": 1.0, "best_epoch": 0}],
            },
            0.2,
        ),
    ],
)
def test_the_loss_is_read_from_the_curve(changes: dict[str, Any], loss: float | None) -> None:
    values = {"best_epoch": 1, "curve": [{"val_loss": 0.5}], **changes}
    outcome = TrialOutcome(number=0, status=TrialStatus.COMPLETE, score=1.0, **values)
    assert validation_loss(outcome) == loss


def test_trials_that_the_time_limit_ended_are_candidates_where_none_is_complete() -> None:
    study = Study("waves", TASK, training=TrainingSettings(epochs=3), search=ACCURACY)
    ended = Scripted((0.5, 0.1), (0.9, 0.4), (0.7, 0.2))
    ended.status = TrialStatus.TIMED_OUT
    study.run(3, executor=ended, on_progress=lambda progress: None)
    assert [candidate.trial for candidate in study.candidates(9)] == [1, 2, 0]
    assert study.best_trial is None
    study.run(4, executor=Scripted((0.1, 2.0)), on_progress=lambda progress: None)
    assert [candidate.trial for candidate in study.candidates(9)] == [3]
