"""Trials on a fraction of the training split; final trainings on all of it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tcn_search import SearchSettings, SearchSpace, Study, Task, TrainingSettings
from tcn_search.errors import InputError
from tcn_search.search.definition import Definition
from tcn_search.search.final_settings import FinalSettings
from tcn_search.study import running, training_executors
from tcn_search.study.study_file import read_study_file
from tcn_search.tasks.training_data import TrainingData
from tcn_search.workers import executor
from tcn_search.workers.executor import InProcessExecutor, Owner
from tcn_search.workers.job_data import JobData
from tcn_search.workers.trial import TrialJob
from tcn_search.workers.trial_training import run_trial
from tests.conftest import waves
from tests.study.synthetic import Synthetic

TASK = Task.from_arrays(*waves(40))  # 32 training sequences
SPACE = SearchSpace(nb_filters=[4], kernel_size=[4], levels=[4], nb_stacks=[1], readout=["max"])


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make(**settings: Any) -> Study:
    search = SearchSettings(warm_start=False, **settings)
    return Study("waves", TASK, SPACE, training=TrainingSettings(epochs=1), search=search)


@pytest.mark.parametrize(
    ("sequences", "fraction"),
    [(1, 1), (12_000, 1), (12_500, 0.96), (54_000, 0.22), (10**7, 0.0012)],
)
def test_large_data_has_a_fraction_by_default(sequences: int, fraction: float) -> None:
    assert SearchSettings().for_sequences(sequences).fraction == fraction
    assert SearchSettings(fraction=0.5).for_sequences(sequences).fraction == 0.5


@pytest.mark.parametrize("fraction", [0, -0.5, 1.5, True, "0.5", float("nan")])
def test_other_fractions_are_refused(fraction: Any) -> None:
    text = f"above 0 and at most 1, the share of the training sequences that trials are trained on. Received: {fraction!r}"
    with pytest.raises(InputError, match=re.escape(text)):
        SearchSettings(fraction=fraction)


def test_trials_have_the_fraction_and_say_so() -> None:
    study = make(fraction=0.25)
    assert len(study.training_data.train) == 8
    assert len(study.training_data.validation) == len(TASK.validation)
    assert study.results.notes == [
        "trials train on 8 of 32 sequences (fraction 0.25); final trainings on all"
    ]
    assert make_other(fraction=1.0).results.notes == []


def make_other(**settings: Any) -> Study:
    return Study("others", TASK, SPACE, search=SearchSettings(warm_start=False, **settings))


def test_folds_have_the_fraction_of_each_training_split() -> None:
    study = make_other(fraction=0.5, folds=2)
    assert len(study.training_data.for_training(0).train) == 10
    assert study.results.notes[-1] == (
        "trials train on a part of the training sequences of each fold (fraction 0.5); "
        "final trainings on all"
    )


class Recorder(InProcessExecutor):
    """Stands in for the worker processes of `best`; records the jobs with their sequences."""

    jobs: ClassVar[list[tuple[JobData, int]]] = []

    def __init__(self, data: TrainingData, slots: object) -> None:
        super().__init__(data)

    def run(self, owner: Owner) -> None:
        while (job := owner.next_job()) is not None:
            self.jobs.append((job.data, len(job.data.of(self.data).train)))
            owner.finish(run_trial(job, self.data, owner.keep_going))


@pytest.mark.parametrize(
    ("top", "refit", "jobs"),
    [
        (1, True, [(JobData.JOINED, 40)]),
        (2, False, [(JobData.TRIAL, 8), (JobData.TRIAL, 8), (JobData.TRAINING, 32)]),
    ],
)
def test_final_trainings_have_all_sequences_and_rerun_trials_a_part(
    top: int, refit: bool, jobs: list[tuple[JobData, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    study = Study(
        "waves",
        TASK,
        SPACE,
        training=TrainingSettings(epochs=1),
        search=SearchSettings(warm_start=False, fraction=0.25),
        final=FinalSettings(rerun_seeds=1),
    )
    study.run(top, executor=Synthetic(), on_progress=lambda progress: None)
    monkeypatch.setattr(Recorder, "jobs", [])
    monkeypatch.setattr(training_executors, "ProcessExecutor", Recorder)
    sizes = []
    plan_workers = running.plan_workers

    def planned(*arguments: Any, data_bytes: int, **named: Any) -> Any:
        sizes.append(data_bytes)
        return plan_workers(*arguments, data_bytes=data_bytes, **named)

    monkeypatch.setattr(running, "plan_workers", planned)
    winner = study.best(top=top, seeds=1, refit=refit, on_progress=lambda progress: None)
    assert len(winner.winning_runs) == 1
    assert Recorder.jobs == jobs
    assert sizes == [TASK.training.bytes_in_a_worker]  # the largest data of a worker


def test_final_trainings_in_this_process_have_all_sequences(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = make(fraction=0.25)
    study.run(1, executor=Synthetic(), on_progress=lambda progress: None)
    counts = []

    def counted_training(job: TrialJob, data: TrainingData, keep_going: Any) -> Any:
        counts.append(len(data.train))
        return run_trial(job, data, keep_going)

    monkeypatch.setattr(executor, "run_trial", counted_training)
    study.best(seeds=1, executor=InProcessExecutor(study.training_data))
    assert counts == [32]


def test_default_settings_suit_the_sequences_of_a_trial(tmp_path: Path) -> None:
    search = SearchSettings(fraction=0.25)
    large = Task.from_arrays(*waves(400))  # 320 training sequences: batches of 16
    assert Definition.of(large, SPACE).training.batch_size == 16
    assert Definition.of(large, SPACE, search=search).training.batch_size == 8
    assert Definition.of(TASK, SPACE).search.fraction == 1.0
    file = tmp_path / "mine.toml"
    file.write_text("[task]\nname = 'adding'\n[search]\nfraction = 0.25")
    assert read_study_file(file).training_settings(large).batch_size == 8


def test_the_fraction_of_a_study_cannot_change() -> None:
    make(fraction=0.5)
    with pytest.raises(InputError, match=r"search.fraction: 0.5 in the study, 0.25 now"):
        make(fraction=0.25)
    with pytest.raises(InputError, match=r"objectives, folds or fraction: search.fraction"):
        Study(
            "waves",
            TASK,
            SPACE,
            training=TrainingSettings(epochs=1),
            search=SearchSettings(warm_start=False, fraction=0.25),
            allow_changes=True,
        )
    assert make().definition.search.fraction == 0.5  # none given: as it was


def test_a_study_without_a_fraction_goes_on_with_all_sequences() -> None:
    """Earlier versions had none."""
    study = make()
    values = study.definition.to_dict()
    del values["search"]["fraction"]
    earlier = Definition.from_dict(values)
    assert earlier.search.fraction == 1.0
    many = replace(study.definition, search=replace(earlier.search, fraction=0.2))
    assert many.digest([]) == earlier.digest([])  # final trainings are the same


def test_a_continued_run_draws_the_same_part() -> None:
    make(fraction=0.5).run(1, executor=Synthetic(), on_progress=lambda progress: None)
    first, second = (make().training_data.train.X for _ in range(2))
    assert (first == second).all()
    assert len(first) == 16
