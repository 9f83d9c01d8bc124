"""Cross-validated studies: a trial's score is the mean of its folds', and pruning looks at whole folds."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from tcn_search import Range, SearchSettings, SearchSpace, Study, Task, TrainingSettings, load_study
from tcn_search.cli.run import _print_ties
from tcn_search.errors import InputError
from tcn_search.models.build import build_model
from tcn_search.plots.learning_curves import plot_learning_curves
from tcn_search.report.page import page
from tcn_search.study.pruners import make_pruner
from tcn_search.workers.executor import InProcessExecutor
from tcn_search.workers.processes import ProcessExecutor
from tcn_search.workers.trial import EpochReport
from tests.conftest import waves
from tests.study.synthetic import Synthetic, epochs_of_pruning
from tests.study.test_study import make, quiet, run
from tests.workers.test_executors import JOB, Scripted

TASK = Task.from_arrays(*waves(24))
FOLDED = TASK.cross_validated(3)


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def train(job: Any = JOB, **owner: int) -> Scripted:
    scripted = Scripted([job], **owner)
    InProcessExecutor(FOLDED).run(scripted)
    return scripted


def test_the_score_is_the_mean_of_the_folds() -> None:
    owner = train()
    outcome = owner.outcomes[0]
    assert outcome.ended == "complete"
    assert [row["fold"] for row in outcome.curve] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    bests = [min(row["val_loss"] for row in outcome.curve if row["fold"] == fold) for fold in (1, 2, 3)]
    assert [fold["score"] for fold in outcome.folds] == bests
    assert len(set(bests)) == 3  # other sequences were held out
    assert outcome.score == pytest.approx(np.mean(bests))
    assert outcome.best_epoch == round(np.mean([fold["best_epoch"] for fold in outcome.folds]))
    # The first fold is reported as it goes, further ones when they have ended.
    told = [(report.epoch, report.best) for report in owner.reports]
    first = np.minimum.accumulate([row["val_loss"] for row in outcome.curve[:3]])
    expected = [*zip((1, 2, 3), first, strict=True), (4, None), (5, None), (6, None)]
    expected += [(6, pytest.approx(np.mean(bests[:2]))), (7, None), (8, None), (9, None)]
    assert told == expected


def test_a_fold_that_stops_early_leaves_the_next_its_place() -> None:
    settings = replace(
        JOB.settings, epochs=5, patience=1, learning_rate=1e-9
    )  # improves by nothing that counts
    owner = train(replace(JOB, settings=settings, objective="val_accuracy", direction="maximize"))
    assert [report.epoch for report in owner.reports] == [1, 2, 6, 7, 10, 11, 12]
    assert len(owner.outcomes[0].curve) == 6


@pytest.mark.parametrize(("epoch", "folds"), [(2, 0), (5, 1), (6, 1)])
def test_a_trial_that_is_stopped_has_the_score_of_its_finished_folds(epoch: int, folds: int) -> None:
    owner = train(stop_at=epoch)
    outcome = owner.outcomes[0]
    assert outcome.ended == "stopped"
    assert len(outcome.curve) == epoch
    assert len(outcome.folds) == folds
    assert outcome.score == [report.best for report in owner.reports if report.best is not None][-1]


def test_a_trial_that_is_stopped_after_a_fold_has_that_fold() -> None:
    owner = Scripted([JOB])
    owner.keep_going = lambda report: report.epoch < 6 or report.best is None  # type: ignore[method-assign]
    InProcessExecutor(FOLDED).run(owner)
    outcome = owner.outcomes[0]
    assert (outcome.ended, len(outcome.folds), len(outcome.curve)) == ("stopped", 2, 6)
    assert outcome.score == pytest.approx(np.mean([fold["score"] for fold in outcome.folds]))


def test_an_error_in_a_further_fold_ends_the_trial_and_keeps_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []

    def build(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            raise MemoryError("no more")
        return build_model(*arguments)

    monkeypatch.setattr("tcn_search.models.build.build_model", build)
    outcome = train().outcomes[0]
    assert (outcome.ended, outcome.reason) == ("out_of_memory", "MemoryError: no more")
    assert len(outcome.folds) == 1
    assert outcome.score == outcome.folds[0]["score"]
    assert len(outcome.curve) == 3
    assert len(calls) == 2


def test_a_time_limit_holds_for_all_folds_together() -> None:
    def wait(report: EpochReport) -> bool:
        time.sleep(0.4 if report.epoch > 3 else 0)
        return True

    owner = Scripted([replace(JOB, time_limit=600)])
    owner.keep_going = wait  # type: ignore[method-assign]
    InProcessExecutor(FOLDED).run(owner)
    assert owner.outcomes[0].ended == "complete"
    first = train().outcomes[0].seconds["total"]
    owner.jobs = [replace(JOB, number=1, time_limit=first + 0.2)]
    InProcessExecutor(FOLDED).run(owner)
    assert owner.outcomes[1].ended == "over_time"


def test_what_is_known_after_one_fold_is_asked_once() -> None:
    outcome = train(replace(JOB, measure_latency=True)).outcomes[0]
    assert outcome.latency is not None
    assert outcome.latency > 0
    too_large = train(replace(JOB, max_params=5)).outcomes[0]
    assert (too_large.ended, too_large.curve, too_large.folds) == ("too_large", [], [])


def test_a_fold_that_diverges_ends_the_trial() -> None:
    outcome = train(replace(JOB, settings=replace(JOB.settings, learning_rate=1e30))).outcomes[0]
    assert outcome.ended == "diverged"
    assert outcome.score is None
    assert {row["fold"] for row in outcome.curve} == {1}


def test_worker_processes_get_the_folds() -> None:
    owner = Scripted([JOB])
    executor = ProcessExecutor(FOLDED)
    try:
        executor.run(owner)
    finally:
        executor.close()
    theirs, ours = owner.outcomes[0], train().outcomes[0]
    assert [fold["score"] for fold in theirs.folds] == pytest.approx([fold["score"] for fold in ours.folds])


def test_a_study_keeps_and_shows_its_folds() -> None:
    search = SearchSettings(objectives=("val_loss", "val_accuracy"), folds=3)
    space = SearchSpace(
        nb_filters=[4],
        kernel_size=[8],
        levels=[2],
        nb_stacks=[1],
        norm=["none"],
        learning_rate=Range(1e-3, 1e-2),
    )
    study = Study("folds", TASK, space, training=TrainingSettings(epochs=2, batch_size=8), search=search)
    study.run(2, executor=InProcessExecutor(study.training_data), on_progress=quiet)
    frame = load_study("folds").trials()
    curves = study.learning_curves()
    assert list(curves.columns[:3]) == ["trial", "fold", "epoch"]
    assert list(curves["epoch"]) == [1, 2] * 6
    for _, row in frame.iterrows():
        scores = [float(score) for score in row["fold_scores"].split(", ")]
        assert len(scores) == 3
        assert row["score"] == pytest.approx(np.mean(scores), rel=1e-3)
        assert row["fold_std"] == pytest.approx(np.std(scores, ddof=1), rel=0.05)
        assert row["epochs"] == 6
    first = curves[curves["trial"] == 0]
    at_best = [fold.loc[fold["val_loss"].idxmin(), "val_accuracy"] for _, fold in first.groupby("fold")]
    stored = optuna.load_study(study_name="folds", storage="sqlite:///runs/studies.db")
    assert stored.trials[0].values[1] == pytest.approx(np.mean(at_best))  # the further objective, too
    axes = plot_learning_curves(curves, "val_loss", best_trial=0)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "other trials",
        "trial 0, validation",
        "trial 0, training",
    ]
    assert len([line for line in axes.lines if len(line.get_xdata()) == 2]) == 3 + 6
    assert "fold_scores" in page(study, {})


def test_a_shared_best_score_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    space = SearchSpace(nb_filters=[4], kernel_size=[3, 4], levels=[4], learning_rate=[1e-3])
    study = make(
        space=space, search=SearchSettings(pruner="none")
    )  # all of them tie: see `synthetic.loss_of`
    run(study, 3)
    _print_ties(study)
    assert capsys.readouterr().out == (
        "      3 trials have this score: 4 validation sequences cannot rank them. "
        "A study with --folds 5 --set name=waves_5 could.\n"
    )
    folded = make("folded", space=space, search=SearchSettings(pruner="none", folds=2))
    run(folded, 3, Synthetic(folds=2))
    _print_ties(folded)
    X, y = waves(24)
    given = make("given", Task.from_arrays(X, y, X_validation=X, y_validation=y), space=space)
    run(given, 3)
    _print_ties(given)
    assert capsys.readouterr().out == ""


def test_one_fold_has_no_columns_of_its_own() -> None:
    study = make()
    run(study, 1)
    assert not {"fold_scores", "fold_std"} & set(study.trials())
    assert "fold" not in study.learning_curves()


def test_pruners_know_how_long_a_trial_is() -> None:
    assert make_pruner("hyperband", 21, folds=4)._max_resource == 84  # type: ignore[attr-defined]
    asha = make_pruner("asha", 21, folds=4)
    # The rung at 27 lies in the second fold, at whose end there is something new to judge by.
    assert epochs_of_pruning(asha, [*range(1, 22), 42, 63]) == {3, 9, 42}


def test_other_folds_are_another_study() -> None:
    make(search=SearchSettings(folds=3))
    with pytest.raises(InputError, match=r"search.folds: 3 in the study, 2 now"):
        make(search=SearchSettings(folds=2))
    for task in (TASK, None):
        with pytest.raises(
            InputError, match=r"cannot go on with other choices, objectives or folds: search.folds. Give"
        ):
            make(task=task, search=SearchSettings(folds=2), allow_changes=True)


def test_an_executor_without_the_folds_is_refused() -> None:
    study = make(search=SearchSettings(folds=3, pruner="none"))
    with pytest.raises(
        InputError, match="The executor trained without the study's 3 folds: give it study.training_data."
    ):
        run(study, 1)
    with pytest.raises(
        InputError, match="The executor trained with folds, which the study does not have: give it"
    ):
        run(make("plain", search=SearchSettings(pruner="none")), 1, Synthetic(folds=2))


def test_a_study_from_before_folds_has_one() -> None:
    stored = SearchSettings().to_dict()
    del stored["folds"]
    assert SearchSettings.from_dict(stored) == SearchSettings()


@pytest.mark.parametrize(
    ("folds", "message"),
    [
        (0, "folds must be an integer of at least 1. Received: 0"),
        (2.5, "folds must be an integer of at least 1. Received: 2.5"),
        (25, "folds = 25 needs at least 25 sequences that can be held out"),
    ],
)
def test_bad_folds_leave_nothing_behind(folds: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        make(search=SearchSettings(folds=folds))
    assert not list(tmp_path.rglob("*"))
