"""Results of a study: a live study sees new trials, a snapshot reads the trials once."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest

from tcn_search import (
    SearchSettings,
    SearchSpace,
    Study,
    Task,
    TrainingSettings,
    study_figures,
    write_report,
)
from tcn_search.cli.main import main
from tcn_search.study import results
from tests.conftest import waves
from tests.study.synthetic import Synthetic


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(tmp_path)
    study = Study(
        "waves",
        Task.from_arrays(*waves(24)),
        SearchSpace(nb_filters=[4, 8], levels=[3, 4]),
        training=TrainingSettings(epochs=3),
        search=SearchSettings(objectives=("val_loss", "params"), warm_start=False),
    )
    study.run(4, executor=Synthetic({1: "diverged"}), on_progress=lambda progress: None)
    return study


def test_a_study_sees_new_trials_and_a_snapshot_does_not(study: Study) -> None:
    before = study.snapshot()
    frame = before.trials()
    Study("waves").run(9, executor=Synthetic({0: "failed"}), on_progress=lambda progress: None)
    assert (study.finished, before.finished) == (9, 4)
    assert len(study.trials()) == len(study.objective_values()) + 2  # one diverged, one failed
    assert study.status_counts() == {"complete": 8, "diverged": 1, "failed": 1}
    assert before.status_counts() == {"complete": 3, "diverged": 1}
    assert before.trials().equals(frame)
    assert study.snapshot().trials().equals(study.trials())


def test_a_snapshot_has_the_results_of_the_study(study: Study) -> None:
    snapshot = study.snapshot()
    frame = snapshot.trials()
    frame["score"] = 0.0  # the next frame is another copy
    assert snapshot.trials().equals(study.trials())
    assert snapshot.learning_curves().equals(study.learning_curves())
    assert snapshot.pareto().equals(study.pareto())
    assert snapshot.candidates(2) == study.candidates(2)
    complete = study.trials().query("ended == 'complete'")
    assert study.best_trial == complete.loc[complete["score"].idxmin(), "trial"]
    assert study.best_score == complete["score"].min()
    assert study.results.architecture_of(study.best_trial) == study.best_architecture


@pytest.mark.parametrize("command", ["status", "report"])
def test_a_command_reads_the_trials_once_and_makes_one_frame(
    command: str, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = list[int]()
    read = list[int]()
    real_frame = results.trials_frame
    real_read = optuna.Study.get_trials
    monkeypatch.setattr(
        results, "trials_frame", lambda *given: made.append(1) or real_frame(*given)
    )
    monkeypatch.setattr(
        optuna.Study,
        "get_trials",
        lambda *given, **named: read.append(1) or real_read(*given, **named),
    )
    assert main([command, "waves"]) == 0
    assert (len(made), len(read)) == (1, 1)


def test_of_equal_scores_the_earlier_trial_is_the_best(study: Study) -> None:
    for number in (4, 5):
        trial = study._handle.optuna_study.ask()
        architecture, _ = study.definition.task_space().suggest(trial)
        trial.set_user_attr("architecture", architecture.to_dict())
        trial.set_user_attr("result", {"ended": "complete", "score": -1.0})
        study._handle.optuna_study.tell(trial, [-1.0, 10.0])
        assert trial.number == number
    assert study.best_trial == 4
    assert set(study.pareto()["trial"]) == {4, 5}  # neither beats the other


def test_the_report_names_its_steps(study: Study) -> None:
    steps: list[str] = []
    write_report(study, on_step=steps.append)
    assert steps == [
        "reading the trials of waves",
        "drawing the figures",
        *(f"writing {name}.png, {name}.svg and {name}.pdf" for name in study_figures(study)),
        "writing report.html",
    ]


def test_methods_that_are_on_the_results_now_answer_on_the_study_too(study: Study) -> None:
    assert study.endings() == study.results.status_counts()
    assert study.candidate(0) == study.results.candidate(0)
    assert study.snapshot().test_readings == study.test_evaluations
    assert {"endings", "holder", "run", "name"} <= set(dir(study))
    assert repr(study.snapshot()) == repr(study)
    with pytest.raises(AttributeError, match="'Study' object has no attribute 'nothing'"):
        study.nothing  # noqa: B018
