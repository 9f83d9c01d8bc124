"""Jobs of final trainings: on which data they train, and the model that they save."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from tcn_search import Architecture, Task, TrainingSettings
from tcn_search.baselines.build import build_contender
from tcn_search.tasks.training_data import TrainingData
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.job_data import JobData
from tcn_search.workers.process_executor import ProcessExecutor
from tcn_search.workers.slots import WorkerSlot
from tcn_search.workers.trial import EpochReport, TrialJob
from tcn_search.workers.trial_training import run_trial
from tests.conftest import waves
from tests.workers.test_executors import ListOwner

TASK = Task.from_arrays(*waves(24))
FOLDED = TASK.cross_validated(3)
JOB = TrialJob(
    number=0,
    architecture=Architecture(nb_filters=4, kernel_size=2, dilations=(1, 2)),
    settings=TrainingSettings(epochs=3, batch_size=8, weights="last"),
    objective="val_loss",
    direction="minimize",
    seed=1,
    data=JobData.TRAINING,
)


def test_a_job_is_the_same_after_its_way_to_a_worker() -> None:
    job = replace(JOB, data=JobData.JOINED, model_files=("a.keras", "b.keras"))
    assert TrialJob.from_dict(json.loads(json.dumps(job.to_dict()))) == job


@pytest.mark.parametrize(
    ("data", "folds", "rows", "validation_rows"),
    [
        (JobData.TRIAL, True, len(TASK.train), len(TASK.validation)),
        (JobData.TRAINING, False, len(TASK.train), len(TASK.validation)),
        (JobData.JOINED, False, len(TASK.train) + len(TASK.validation), 0),
    ],
)
def test_the_data_of_a_job(data: JobData, folds: bool, rows: int, validation_rows: int) -> None:
    chosen: TrainingData = data.of(FOLDED)
    assert (chosen.folds is not None) == folds
    assert len(chosen.train) == rows
    np.testing.assert_array_equal(chosen.validation.X, TASK.validation.X[:validation_rows])


def test_a_refit_scores_no_epoch(tmp_path: Path) -> None:
    file = tmp_path / "model.keras"
    reports: list[EpochReport] = []

    def keep_going(report: EpochReport) -> bool:
        reports.append(report)
        return True

    job = replace(JOB, data=JobData.JOINED, model_files=(str(file),))
    outcome = run_trial(job, TASK.training, keep_going)
    assert (outcome.status, outcome.score, outcome.best_epoch) == (TrialStatus.COMPLETE, None, 3)
    assert [report.epoch for report in reports] == [1, 2, 3]
    assert outcome.seconds["validation"] == 0
    assert not any(name.startswith("val_") for numbers in outcome.curve for name in numbers)
    assert file.exists()


def test_a_model_is_saved_in_the_first_file_that_can_be_written(tmp_path: Path) -> None:
    missing = tmp_path / "missing" / "model.keras"
    file = tmp_path / "model.keras"
    job = replace(JOB, model_files=(str(missing), str(file)))
    outcome = run_trial(job, FOLDED, lambda report: True)
    assert (outcome.status, outcome.folds) == (TrialStatus.COMPLETE, [])
    model = keras.saving.load_model(file)
    loss = model.evaluate(TASK.validation.X, TASK.validation.y, verbose=0, return_dict=True)["loss"]
    assert loss == pytest.approx(outcome.curve[-1]["val_loss"], rel=1e-4)
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]


@pytest.mark.parametrize("contender", ["lstm:2", "fcn"])
def test_a_job_names_another_network_and_its_size(contender: str, tmp_path: Path) -> None:
    job = replace(
        JOB, contender=contender, parameters=200, model_files=(str(tmp_path / "m.keras"),)
    )
    assert TrialJob.from_dict(json.loads(json.dumps(job.to_dict()))) == job
    outcome = run_trial(job, TASK.training, lambda report: True)
    expected = build_contender(contender, 200, TASK, job.settings).count_params()
    assert (outcome.status, outcome.parameters) == (TrialStatus.COMPLETE, expected)
    assert keras.saving.load_model(tmp_path / "m.keras").count_params() == expected


def test_a_model_that_cannot_be_saved_fails_its_job(tmp_path: Path) -> None:
    job = replace(JOB, model_files=(str(tmp_path / "missing" / "model.keras"),))
    outcome = run_trial(job, TASK.training, lambda report: True)
    assert outcome.status is TrialStatus.FAILED
    assert "The model cannot be saved as " in outcome.reason


def test_a_diverged_model_is_not_saved(tmp_path: Path) -> None:
    file = tmp_path / "model.keras"
    settings = TrainingSettings(epochs=3, learning_rate=1e30, weights="last")
    outcome = run_trial(
        replace(JOB, settings=settings, model_files=(str(file),)),
        TASK.training,
        lambda report: True,
    )
    assert outcome.status is TrialStatus.DIVERGED
    assert not file.exists()


def test_the_schedule_of_a_refit_covers_the_steps_of_both_splits(tmp_path: Path) -> None:
    file = tmp_path / "model.keras"
    settings = TrainingSettings(schedule="cosine", batch_size=4, epochs=2, weights="last")
    job = replace(JOB, settings=settings, data=JobData.JOINED, model_files=(str(file),))
    assert run_trial(job, TASK.training, lambda report: True).status is TrialStatus.COMPLETE
    optimizer = keras.saving.load_model(file).optimizer
    rows = len(TASK.train) + len(TASK.validation)
    steps = 2 * math.ceil(rows / 4)
    assert optimizer._learning_rate.decay_steps == int(optimizer.iterations) == steps


def test_two_worker_processes_train_what_one_process_trains(tmp_path: Path) -> None:
    jobs = [
        replace(JOB, number=seed, seed=seed, model_files=(str(tmp_path / f"{seed}.keras"),))
        for seed in range(2)
    ]
    owner = ListOwner(jobs)
    executor = ProcessExecutor(FOLDED, (WorkerSlot(threads=1), WorkerSlot(threads=1)))
    try:
        executor.run(owner)
    finally:
        executor.close()
    for job in jobs:
        weights = keras.saving.load_model(job.model_files[0]).get_weights()
        here = replace(job, model_files=(str(tmp_path / "here.keras"),))
        outcome = run_trial(here, FOLDED, lambda report: True)
        assert owner.outcomes[job.number].score == pytest.approx(outcome.score, rel=1e-5)
        for one, other in zip(
            weights, keras.saving.load_model(here.model_files[0]).get_weights(), strict=True
        ):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
