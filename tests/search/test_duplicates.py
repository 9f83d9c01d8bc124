"""A configuration that was trained already is not trained again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tcn_search import SearchSettings, Study, Task, TrainingSettings
from tcn_search.search.queue import enqueue
from tcn_search.search.retries import fail_stale_trials
from tcn_search.search.suggestions import REJECTED_OF_A_SAMPLER
from tcn_search.workers.executor import Owner
from tests.conftest import waves
from tests.study.synthetic import Synthetic, small_space

TASK = Task.from_arrays(*waves(24))
FOUR = small_space()  # four configurations


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make(name: str = "waves", **changes: Any) -> Study:
    given = {"training": TrainingSettings(epochs=2), "search": SearchSettings(pruner="none")}
    return Study(name, TASK, FOUR, **{**given, **changes})


def run(study: Study, trials: int, executor: Synthetic | None = None) -> Synthetic:
    executor = executor or Synthetic()
    study.run(trials, executor=executor, on_progress=lambda progress: None)
    return executor


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_each_configuration_is_trained_once_and_then_the_run_ends(sampler: str) -> None:
    study = make(search=SearchSettings(sampler=sampler, pruner="none"))
    jobs = run(study, 10).jobs
    configurations = [(job.architecture, job.settings) for job in jobs]
    assert len(configurations) == len(set(configurations)) == study.finished == 4
    assert study.ended_early == "every configuration of the space has been trained"
    frame = study.trials().set_index("trial")
    repeated = frame[frame["ended"] == "duplicate"]
    assert len(repeated) <= 5 * REJECTED_OF_A_SAMPLER
    assert set(repeated["state"]) == {"FAIL"}  # samplers learn nothing from it
    for row in repeated.itertuples():
        trained = int(row.reason.removeprefix("the same configuration as trial "))
        assert frame.loc[trained, "ended"] == "complete"
        for name in ("nb_filters", "learning_rate"):
            assert frame.loc[trained, name] == getattr(row, name)


def test_a_seeded_study_with_duplicates_is_reproducible() -> None:
    frames = []
    for name in "ab":
        study = make(name, search=SearchSettings(pruner="none", seed=3))
        run(study, 2)
        run(make(name, search=SearchSettings(pruner="none", seed=3)), 4)
        frames.append(study.trials().drop(columns=["started", "completed"]))
    assert frames[0].equals(frames[1])


def test_what_is_in_training_is_not_trained_beside_itself() -> None:
    class AllAtOnce(Synthetic):
        def run(self, owner: Owner) -> None:
            while (job := owner.next_job()) is not None:
                self.jobs.append(job)
            for job in self.jobs:
                owner.finish(self._train(job, owner))

    jobs = run(make(), 10, AllAtOnce()).jobs
    assert len({(job.architecture, job.settings) for job in jobs}) == len(jobs) == 4


def test_failed_and_stale_trials_leave_their_configuration_to_be_trained() -> None:
    study = make()
    jobs = run(study, 10, Synthetic({0: "failed", 2: "stale"})).jobs
    assert study.status_counts()["complete"] == 4
    assert len(jobs) == 6


def test_a_diverged_configuration_is_not_trained_again() -> None:
    study = make()
    assert len(run(study, 10, Synthetic({1: "diverged", 2: "unbuildable"})).jobs) == 4


def test_an_enqueued_configuration_is_trained_in_any_case() -> None:
    study = make()
    run(study, 1)
    stored = study._handle.optuna_study
    enqueue(stored, stored.trials[0].params)
    (again,) = run(study, 2).jobs
    assert again.architecture == study.results.architecture_of(0)


def test_other_settings_are_another_configuration() -> None:
    run(make(), 4)
    longer = make(training=TrainingSettings(epochs=3), allow_changes=True)
    run(longer, 9)
    assert longer.finished == 8
    assert longer.ended_early == "every configuration of the space has been trained"


def test_a_duplicate_whose_run_died_is_not_tried_again() -> None:
    study = make()
    run(study, 10)
    handle = study._handle
    trial = handle.optuna_study.ask()
    architecture, _ = study.definition.task_space().suggest(trial)
    trial.set_user_attr("architecture", architecture.to_dict())
    trial.set_user_attr("duplicate_of", 0)
    before = len(handle.records())
    fail_stale_trials(handle.optuna_study, study.definition, handle.records())
    assert len(handle.records()) == before
    assert handle.records()[-1].status == "duplicate"
