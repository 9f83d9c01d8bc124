"""Cross-validated studies: scores are means over folds, and pruners see whole folds."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
import pytest

from tcn_search import SearchSettings, SearchSpace, Task, TrainingSettings, load_study
from tcn_search.cli.run import _print_ties
from tcn_search.errors import InputError
from tcn_search.plots.learning_curves import plot_learning_curves
from tcn_search.report.page import page
from tcn_search.search.definition import Definition
from tcn_search.search.final_settings import FinalSettings
from tcn_search.search.pruners import make_pruner
from tcn_search.trainers.deadline import Deadline
from tcn_search.trainers.fit import Training
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.executor import InProcessExecutor
from tcn_search.workers.shared_data import read_training_data, write_training_data
from tests.conftest import waves
from tests.study.synthetic import Synthetic, epochs_of_pruning
from tests.study.test_study import make, quiet, run
from tests.workers.test_executors import JOB, ListOwner

TASK = Task.from_arrays(*waves(24))
FOLDED = TASK.cross_validated(3)


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class FakeTraining:
    """Replaces the building and fitting of a model: each training has the next list of losses."""

    def __init__(self, *losses: list[float]) -> None:
        self.losses = list(losses)
        self.deadlines: list[Deadline | None] = []
        self.built = 0

    def build(self, *arguments: Any) -> Any:
        self.built += 1
        return SimpleNamespace(count_params=lambda: 10)

    def train(
        self,
        model: Any,
        split: Any,
        settings: Any,
        objective: Any,
        on_epoch: Any,
        deadline: Deadline | None,
    ) -> Training:
        self.deadlines.append(deadline)
        training = Training()
        for epoch, loss in enumerate(self.losses.pop(0), start=1):
            if math.isnan(loss):
                training.status = TrialStatus.DIVERGED
                break
            training.curve.append(
                {"loss": 1.0, "val_loss": loss, "val_accuracy": 1 - loss, "seconds": 0.1}
            )
            best = min(row["val_loss"] for row in training.curve)
            training.score = best
            training.best_epoch = 1 + [row["val_loss"] for row in training.curve].index(best)
            if not on_epoch(epoch, best, training.curve[-1]):
                training.status = TrialStatus.PRUNED
                break
        return training


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeTraining:
    made = FakeTraining([0.5, 0.3, 0.4], [0.6, 0.1, 0.25], [0.9, 0.8, 0.7])
    monkeypatch.setattr("tcn_search.models.build.build_model", made.build)
    monkeypatch.setattr("tcn_search.trainers.fit.train", made.train)
    monkeypatch.setattr(
        "tcn_search.workers.latency.measure_latency", lambda model, X: float(made.built)
    )
    return made


def train(job: Any = JOB, **owner: int) -> ListOwner:
    list_owner = ListOwner([job], **owner)
    InProcessExecutor(FOLDED).run(list_owner)
    return list_owner


def told(owner: ListOwner) -> list[tuple[int, float | None]]:
    return [
        (report.epoch, None if report.best is None else round(report.best, 9))
        for report in owner.reports
    ]


def test_the_score_is_the_mean_of_the_folds() -> None:
    outcome = train().outcomes[0]  # the only real training here
    assert outcome.status == "complete"
    assert [row["fold"] for row in outcome.curve] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    bests = [
        min(row["val_loss"] for row in outcome.curve if row["fold"] == fold) for fold in (1, 2, 3)
    ]
    assert [fold["score"] for fold in outcome.folds] == bests
    assert len(set(bests)) == 3  # other sequences were held out
    assert outcome.score == pytest.approx(np.mean(bests))


def test_further_folds_are_reported_when_they_have_ended(fake: FakeTraining) -> None:
    owner = train()
    first = [(1, 0.5), (2, 0.3), (3, 0.3)]
    assert told(owner) == [
        *first,
        (4, None),
        (5, None),
        (6, None),
        (6, 0.2),
        (7, None),
        (8, None),
        (9, None),
    ]
    outcome = owner.outcomes[0]
    assert outcome.folds == [
        {"score": 0.3, "best_epoch": 2},
        {"score": 0.1, "best_epoch": 2},
        {"score": 0.7, "best_epoch": 3},
    ]
    assert (outcome.score, outcome.best_epoch) == (pytest.approx(1.1 / 3), 2)


def test_epochs_of_a_fold_are_numbered_as_if_the_fold_before_was_whole(fake: FakeTraining) -> None:
    fake.losses = [[0.5], [0.4, 0.3], [0.2]]
    assert told(train()) == [(1, 0.5), (4, None), (5, None), (6, 0.4), (7, None)]


@pytest.mark.parametrize(
    ("epoch", "score", "epochs", "folds"), [(2, 0.3, 2, 0), (5, 0.3, 5, 1), (6, 0.3, 6, 1)]
)
def test_a_pruned_trial_has_the_score_of_its_finished_folds(
    fake: FakeTraining, epoch: int, score: float, epochs: int, folds: int
) -> None:
    outcome = train(stop_at=epoch).outcomes[0]
    assert (outcome.status, outcome.score) == ("pruned", score)
    assert (len(outcome.curve), len(outcome.folds)) == (epochs, folds)


def test_a_trial_that_is_pruned_after_a_fold_has_that_fold(fake: FakeTraining) -> None:
    owner = ListOwner([JOB])
    owner.keep_going = lambda report: report.epoch < 6 or report.best is None  # type: ignore[method-assign]
    InProcessExecutor(FOLDED).run(owner)
    outcome = owner.outcomes[0]
    assert (outcome.status, len(outcome.folds), len(outcome.curve)) == ("pruned", 2, 6)
    assert outcome.score == pytest.approx(0.2)


def test_a_fold_that_diverges_ends_the_trial(fake: FakeTraining) -> None:
    fake.losses = [[0.5, 0.4, 0.3], [0.5, math.nan], [0.1]]
    outcome = train().outcomes[0]
    assert (outcome.status, outcome.score, len(outcome.folds)) == ("diverged", 0.3, 1)
    assert [row["fold"] for row in outcome.curve] == [1, 1, 1, 2]
    fake.losses = [[math.nan]]
    assert train().outcomes[0].score is None


def test_an_error_in_a_further_fold_ends_the_trial_and_keeps_the_others(
    fake: FakeTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(*arguments: Any) -> Any:
        if fake.built == 1:
            raise MemoryError("no more")
        return fake.build()

    monkeypatch.setattr("tcn_search.models.build.build_model", build)
    outcome = train().outcomes[0]
    assert (outcome.status, outcome.reason) == ("out_of_memory", "MemoryError: no more")
    assert (outcome.score, len(outcome.folds), len(outcome.curve)) == (0.3, 1, 3)


def test_a_time_limit_holds_for_all_folds_together(fake: FakeTraining) -> None:
    train(replace(JOB, time_limit=600))
    assert len(fake.deadlines) == 3
    assert len(set(fake.deadlines)) == 1
    assert 500 < fake.deadlines[0].at - time.monotonic() <= 600


def test_latency_and_parameters_are_taken_from_the_first_fold(fake: FakeTraining) -> None:
    assert train(replace(JOB, measure_latency=True)).outcomes[0].latency == 1  # of the first model
    too_large = train(replace(JOB, max_params=5)).outcomes[0]
    assert (too_large.status, too_large.curve, too_large.folds) == ("too_large", [], [])


def test_worker_processes_get_the_folds(tmp_path: Path) -> None:
    write_training_data(FOLDED, tmp_path)
    read = read_training_data(tmp_path)
    assert read.trainings == 3
    for number in range(3):
        theirs = read.for_training(number)
        ours = FOLDED.for_training(number)
        assert theirs.spec == ours.spec
        for split, wanted in ((theirs.train, ours.train), (theirs.validation, ours.validation)):
            np.testing.assert_array_equal(split.X, wanted.X)
            np.testing.assert_array_equal(split.y, wanted.y)


def test_a_study_stores_and_shows_its_folds(fake: FakeTraining) -> None:
    fake.losses = [[0.5, 0.4], [0.3, 0.2], [0.6, 0.7], [0.4, 0.6], [0.4, 0.5], [0.3, 0.9]]
    search = SearchSettings(objectives=("val_loss", "val_accuracy"), folds=3)
    study = make("folds", TASK, training=TrainingSettings(epochs=2), search=search)
    study.run(2, executor=InProcessExecutor(study.training_data), on_progress=quiet)
    frame = load_study("folds").trials()
    assert list(frame["fold_scores"]) == ["0.4, 0.2, 0.6", "0.4, 0.4, 0.3"]
    assert list(frame["score"]) == pytest.approx([0.4, 1.1 / 3])
    assert list(frame["fold_std"]) == pytest.approx([0.2, 0.1 / math.sqrt(3)])
    assert list(frame["epochs"]) == [6, 6]
    curves = study.learning_curves()
    assert curves["fold"].dtype == int
    assert list(curves.columns[:3]) == ["trial", "fold", "epoch"]
    assert list(curves["epoch"]) == [1, 2] * 6
    stored = optuna.load_study(study_name="folds", storage="sqlite:///runs/studies.db")
    assert stored.trials[0].values == pytest.approx(
        [0.4, 0.6]
    )  # further objectives at their folds' best epochs
    assert stored.trials[1].values == pytest.approx([1.1 / 3, 1 - 1.1 / 3])
    axes = plot_learning_curves(curves, "val_loss", best_trial=1)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "other trials, validation",
        "trial 1, validation",
        "trial 1, training",
    ]
    others = axes.collections[0].get_segments()  # type: ignore[attr-defined]
    assert [len(line) for line in others] == [2] * 3
    assert len([line for line in axes.lines if len(line.get_xdata()) == 2]) == 6
    assert "fold_<wbr>scores" in page(study.results, {}, {})
    assert study.definition.score_name == "val_loss (mean of 3 folds)"


def test_a_shared_best_score_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    space = SearchSpace(nb_filters=[4], kernel_size=[3, 4], levels=[4], learning_rate=[1e-3])
    study = make(
        space=space, search=SearchSettings(pruner="none")
    )  # all of them tie: see `synthetic.loss_of`
    run(study, 3)
    _print_ties(study)
    assert " ".join(capsys.readouterr().out.split()) == (
        "3 trials have this score: 4 validation sequences cannot rank them. "
        "A study with --folds 5 --set name=waves_5 could."
    )
    folded = make("folded", space=space, search=SearchSettings(pruner="none", folds=2))
    run(folded, 3, Synthetic(folds=2))
    _print_ties(folded)
    X, y = waves(24)
    given = make("given", Task.from_arrays(X, y, X_validation=X, y_validation=y), space=space)
    run(given, 3)
    _print_ties(given)
    assert capsys.readouterr().out == ""


def test_a_study_of_one_fold_has_no_columns_of_folds() -> None:
    study = make()
    run(study, 1)
    assert not {"fold_scores", "fold_std"} & set(study.trials())
    assert "fold" not in study.learning_curves()


def test_pruners_count_the_epochs_of_all_folds() -> None:
    assert make_pruner("hyperband", 21, folds=4)._max_resource == 84  # type: ignore[attr-defined]
    asha = make_pruner("asha", 21, folds=4)
    # The rung at 40 lies in the second fold, at whose end there is something new to judge by.
    assert epochs_of_pruning(asha, [*range(1, 22), 42, 63]) == {5, 10, 20, 42}


def stopped_after(
    pruner: optuna.pruners.BasePruner, best: list[float], scores: list[float], direction: str
) -> int | None:
    """Return the folds after which a trial is stopped, where another one is the best so far.

    Each fold has 4 epochs. The mean of the finished folds is reported at the end of each fold.
    """
    study = optuna.create_study(pruner=pruner, direction=direction)
    trial = study.ask()
    trial.set_user_attr("result", {"folds": [{"score": score, "best_epoch": 1} for score in best]})
    study.tell(trial, float(np.mean(best or [0.5])))
    trial = study.ask()
    for epoch in range(1, 5):
        trial.report(scores[0], epoch)
        assert not trial.should_prune()
    for folds in range(2, len(scores)):
        trial.report(float(np.mean(scores[:folds])), 4 * folds)
        if trial.should_prune():
            return folds
    return None


@pytest.mark.parametrize(
    ("direction", "best", "scores", "folds"),
    [
        ("minimize", [0.1, 0.2, 0.3, 0.4, 0.5], [0.2, 0.4, 0.6, 0.8, 1.0], 3),
        ("maximize", [0.1, 0.2, 0.3, 0.4, 0.5], [0.2, 0.4, 0.6, 0.8, 1.0], None),
        ("maximize", [0.9, 0.8, 0.9, 0.8, 0.9], [0.8, 0.7, 0.7, 0.6, 0.5], 3),
        ("minimize", [0.1, 0.2, 0.3, 0.4, 0.5], [0.0, 0.4, 0.6, 0.8, 1.0], 4),  # 0.1 better once
        ("minimize", [0.1, 0.2, 0.3, 0.4, 0.5], [0.1, 0.2, 0.3, 0.4, 0.5], None),
        ("minimize", [0.1, 0.9, 0.2], [0.3, 1.0, 0.2], 2),  # of 3 folds, two must do
        ("minimize", [0.1, 0.9, 0.2], [0.3, 0.8, 0.2], None),
        ("minimize", [], [0.3, 0.8, 0.2], None),  # the best trial has no folds
    ],
)
def test_wilcoxon_stops_trials_that_are_worse_in_the_same_folds(
    direction: str, best: list[float], scores: list[float], folds: int | None
) -> None:
    pruner = make_pruner("wilcoxon", 4, folds=len(scores))
    assert stopped_after(pruner, best, scores, direction) == folds


def test_asha_compares_fold_by_fold_as_well_from_three_folds_on() -> None:
    best, scores = [0.1, 0.9, 0.2], [0.3, 1.0, 0.2]
    assert stopped_after(make_pruner("asha", 4, folds=3), best, scores, "minimize") == 2
    assert stopped_after(make_pruner("none", 4, folds=3), best, scores, "minimize") is None
    assert stopped_after(make_pruner("asha", 4, folds=2), best, scores, "minimize") is None


@pytest.mark.parametrize("folds", [1, 2])
def test_wilcoxon_needs_folds(folds: int) -> None:
    with pytest.raises(InputError) as error:
        SearchSettings(pruner="wilcoxon", folds=folds)
    assert str(error.value) == (
        'pruner "wilcoxon" compares trials fold by fold and needs at least 3 folds. '
        f"Set folds = 3, or take another pruner. Received: folds = {folds}"
    )


def test_a_study_is_pruned_between_folds(fake: FakeTraining) -> None:
    fake.losses = [[0.3], [0.2], [0.1], [0.5], [0.4], [0.35], [0.1], [0.05]]
    search = SearchSettings(pruner="wilcoxon", folds=3, warm_start=False)
    study = make("folds", TASK, training=TrainingSettings(epochs=1), search=search)
    study.run(3, executor=InProcessExecutor(study.training_data), on_progress=quiet)
    assert list(study.trials()["ended"]) == ["complete", "pruned", "complete"]
    assert list(study.trials()["fold_scores"]) == ["0.3, 0.2, 0.1", "0.5, 0.4", "0.35, 0.1, 0.05"]


def test_the_folds_of_a_study_cannot_change() -> None:
    make(search=SearchSettings(folds=3))
    with pytest.raises(InputError, match=r"search.folds: 3 in the study, 2 now"):
        make(search=SearchSettings(folds=2))
    for task in (TASK, None):
        with pytest.raises(
            InputError,
            match=r"cannot go on with other choices, objectives, folds or fraction: search.folds. Give",
        ):
            make(task=task, search=SearchSettings(folds=2), allow_changes=True)


def test_an_executor_without_the_folds_is_refused() -> None:
    study = make(search=SearchSettings(folds=3, pruner="none"))
    with pytest.raises(
        InputError,
        match="The executor trained without the study's 3 folds: give it study.training_data.",
    ):
        run(study, 1)
    with pytest.raises(
        InputError, match="The executor trained with folds, which the study does not have: give it"
    ):
        run(make("plain", search=SearchSettings(pruner="none")), 1, Synthetic(folds=2))


def test_a_study_stored_before_there_were_folds_has_one() -> None:
    stored = SearchSettings().to_dict()
    del stored["folds"]
    assert SearchSettings.from_dict(stored) == SearchSettings()


def test_an_ensemble_of_several_configurations_is_not_for_folds() -> None:
    search = SearchSettings(folds=3)
    with pytest.raises(InputError) as error:
        Definition.of(TASK, search=search, final=FinalSettings(members=2))
    assert str(error.value) == (
        "members must be 1 with folds: each re-run has a model for each fold, and none has "
        "predictions for all validation sequences. Received: members = 2, folds = 3"
    )
    assert Definition.of(TASK, search=search).final.members == 1
    make("folds", search=search)
    for task in (TASK, None):
        with pytest.raises(InputError, match="members must be 1 with folds"):
            make("folds", task=task, final=FinalSettings(members=2), allow_changes=True)


@pytest.mark.parametrize(
    ("folds", "message"),
    [
        (0, "folds must be an integer of at least 1. Received: 0"),
        (2.5, "folds must be an integer of at least 1. Received: 2.5"),
        (25, "folds = 25 needs at least 25 sequences that can be held out"),
    ],
)
def test_bad_folds_write_nothing(folds: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        make(search=SearchSettings(folds=folds))
    assert not list(tmp_path.rglob("*"))
