"""A study that is written as a study file is the same study when it is read again."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tcn_search import (
    Constraints,
    FinalSettings,
    Range,
    SearchSettings,
    SearchSpace,
    Study,
    Task,
    TrainingSettings,
    load_task,
)
from tcn_search.study.study_file import read_study_file
from tcn_search.study.study_file_text import study_file_text
from tests.conftest import waves


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {
            "space": SearchSpace(
                nb_filters=[4, 8],
                kernel_size=Range(2, 4),
                dilations=[[1, 2, 4, 8], [1, 3, 9]],
                learning_rate=Range(1e-5, 1e-2, log=True),
                dropout_rate=None,
                batch_size=[8, 16],
                optimizer=["adam", "sgd"],
            ),
            "constraints": Constraints(required_context=9, max_params=50_000),
            "training": TrainingSettings(epochs=3, clip_norm=1.5, weight_decay=1e-3),
            "search": SearchSettings(
                objectives=("val_accuracy", "params"), sampler="random", folds=3, final_epochs=7
            ),
            "final": FinalSettings(seeds=2, refit=False, weights="last"),
        },
    ],
)
def test_what_is_written_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wave_file: Path, changes: dict[str, object]
) -> None:
    monkeypatch.chdir(tmp_path)
    task = load_task(str(wave_file))
    study = Study('a "name" é', task, **changes)  # type: ignore[arg-type]
    file = tmp_path / "written.toml"
    file.write_text(study_file_text(study.name, study.definition), encoding="utf-8")
    read = read_study_file(file)
    assert read.name == study.name
    again = Study(
        "again",
        read.load_task(),
        space=read.space,
        constraints=read.constraints,
        training=read.training_settings(task),
        search=read.search,
        final=read.final_settings(),
    )
    kept = [
        line
        for line in study.definition.differences(again.definition)
        # The former place of final.epochs, and a default that the space replaces in every trial.
        if not line.startswith(("search.final_epochs:", "final.epochs:", "training.batch_size:"))
    ]
    assert kept == []
    assert again.definition.final_epochs == study.definition.final_epochs


def test_a_study_of_arrays_says_that_its_data_is_not_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    study = Study("waves", Task.from_arrays(*waves(24), name="mine"))
    text = study_file_text(study.name, study.definition)
    assert "# Made from arrays: a study file needs the data in a file" in text
    assert tomllib.loads(text)["task"] == {"name": "mine"}
