"""Studies with a custom model."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tcn_search import (
    Architecture,
    Constraints,
    SearchSettings,
    SearchSpace,
    Study,
    Task,
    TrainingSettings,
    load_study,
    tcn_body,
)
from tcn_search.cli.main import main
from tcn_search.errors import InputError
from tcn_search.study import creation, handle
from tcn_search.study.model_check import require_usable_model
from tcn_search.study.study_file import read_study_file
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.executor import InProcessExecutor
from tcn_search.workers.trial import TrialJob, TrialOutcome
from tcn_search.workers.trial_training import run_trial
from tests.conftest import waves
from tests.study.synthetic import Synthetic

TASK = Task.from_arrays(*waves(24), X_test=waves(8, seed=1)[0], y_test=waves(8, seed=1)[1])
SPACE = SearchSpace(
    nb_filters=[2, 4], kernel_size=[3], levels=[3, 4], readout=["last", "max"], norm=["none"]
)
TRAINING = TrainingSettings(epochs=2)
SOURCE = """
import keras
from tcn_search import tcn_body

UNITS = 3

@keras.saving.register_keras_serializable("mine")
class Doubled(keras.layers.Layer):
    def call(self, x):
        return 2 * x

def build(architecture, task, settings):
    sequences = keras.Input((task.seq_len, task.input_channels))
    x = Doubled()(tcn_body(architecture, settings.dropout_rate)(sequences))
    x = keras.layers.Dense(UNITS)(x)
    return keras.Model(sequences, keras.layers.Dense(task.outputs)(x))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change into an empty folder with a model file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "mine.py").write_text(SOURCE)
    return tmp_path


def recorded_checks(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Record the checks of the model instead of making them."""
    calls: list[Any] = []
    for module in (creation, handle):
        monkeypatch.setattr(module, "require_usable_model", calls.append)
    return calls


def make(model_fn: Any = "mine.py:build", **options: Any) -> Study:
    given = {"training": TRAINING, "model_fn": model_fn, **options}
    return Study("own", TASK, SPACE, **given)


def run(study: Study, trials: int, executor: Any = None) -> Any:
    executor = executor or Synthetic()
    study.run(trials, executor=executor, on_progress=lambda progress: None)
    return executor


def test_a_study_with_its_model_in_a_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers find the file; the saved winner predicts in a process that only imports the file."""
    recorded_checks(monkeypatch)
    np.savez(folder / "new.npz", X=waves(3)[0])
    study = make()
    study.run(1, workers=1, on_progress=lambda progress: None)
    frame = study.trials()
    assert set(frame["ended"]) == {"complete"}
    winner = study.best(seeds=1)
    model = study.best_model(seeds=1)
    parameters = int(frame.set_index("trial").loc[winner.trial, "parameters"])
    assert model.count_params() == parameters
    predicting = [sys.executable, "-m", "tcn_search", "predict", winner.model_file, "new.npz"]
    done = subprocess.run([*predicting, "--import", "mine.py"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 4


def test_a_local_function_works_in_this_process_only() -> None:
    def build(architecture: Architecture, task: Any, settings: Any) -> keras.Model:
        sequences = keras.Input((task.seq_len, task.input_channels))
        x = tcn_body(architecture)(sequences)
        return keras.Model(sequences, keras.layers.Dense(task.outputs)(x))

    study = make(build)
    run(study, 1, InProcessExecutor(TASK.training))
    assert study.finished == 1
    with pytest.raises(
        InputError, match="Worker processes cannot import the model function .*build"
    ):
        study.run(2)
    model = load_study("own").definition.model
    assert model is not None
    object.__setattr__(model, "fingerprint", "of another process")
    with pytest.raises(
        InputError, match="^The model function .*build cannot be imported. Give it again: model_fn"
    ):
        model.load()


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (("UNITS = 3", "UNITS = 'three'"), "ValueError in line 15 of mine.py: "),
        (
            ("(architecture, task, settings)", "(architecture)"),
            "TypeError: build() takes 1 positional argument but 3",
        ),
        (
            ("Dense(task.outputs)", "Dense(7)"),
            "The model of model_fn must give (batch, 2) for classification with 2 outputs. Received: (batch, 7)",
        ),
        (
            ("return 2 * x", "return [2 * x"),
            "{folder}/mine.py is not valid Python: '[' was never closed in line 10.",
        ),
        (
            ("import keras", "import keras, not_there"),
            "ModuleNotFoundError in line 2 of mine.py: No module named",
        ),
    ],
)
def test_a_bad_model_is_reported_before_a_study_is_created(
    folder: Path, monkeypatch: pytest.MonkeyPatch, edit: tuple[str, str], message: str
) -> None:
    monkeypatch.setattr("tcn_search.workers.model_check._problem_in_new_process", here)
    (folder / "mine.py").write_text(SOURCE.replace(*edit))
    with pytest.raises(InputError) as caught:
        make()
    assert message.format(folder=folder) in str(caught.value)
    assert not (folder / "runs").exists()


def here(jobs: Any, spec: Any, backend: str) -> str:
    """Check the model in this process, which takes no seconds to start."""
    from tcn_search.workers.model_check import problem

    return problem(jobs, spec)


def test_the_model_is_checked_in_another_process(folder: Path) -> None:
    (folder / "mine.py").write_text(
        SOURCE.replace("Doubled()", "keras.layers.Lambda(lambda x: 2 * x)")
    )
    with pytest.raises(InputError) as caught:
        make()
    assert str(caught.value).startswith("The model of mine.py:build cannot be used. ")
    assert "cannot be read as a Keras model" in str(caught.value)
    assert "Lambda" in str(caught.value)


def test_a_script_that_creates_its_study_on_import_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tcn_search.workers.model_check._problem_in_new_process", here)
    (folder / "mine.py").write_text(SOURCE + "\nfrom tcn_search import Study\nStudy('own', None)\n")
    with pytest.raises(InputError) as caught:
        make()
    assert str(caught.value) == (
        "The model of mine.py:build cannot be used. mine.py makes a study when it is imported, as workers must do to find "
        'the model function. Put what only a run of it shall do under `if __name__ == "__main__":`.'
    )


def test_a_model_with_warm_up_can_be_checked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tcn_search.workers.model_check._problem_in_new_process", here)
    make(training=replace(TRAINING, warmup=0.1, schedule="cosine"))


def test_changed_source_is_refused_or_accepted_and_recorded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = recorded_checks(monkeypatch)
    study = make()
    run(study, 1)
    (folder / "mine.py").write_text("# a comment\n" + SOURCE)
    run(make(), 2)
    (folder / "mine.py").write_text(SOURCE.replace("UNITS = 3", "UNITS = 44"))
    line = "model: the source of mine.py:build has changed"
    with pytest.raises(InputError, match=line):
        make()
    with pytest.raises(InputError, match=line):
        run(study, 3)
    with pytest.raises(
        InputError, match="^The source of mine.py:build is not what the study 'own' was made with"
    ):
        study.best()
    assert len(calls) == 1
    run(make(allow_changes=True), 3)
    assert len(calls) == 2
    assert [change["what"] for change in load_study("own").changes] == [[line]]
    assert run(load_study("own"), 4).jobs[0].model == make().definition.model


def test_a_file_that_changes_during_a_run_makes_no_configuration_infeasible(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded_checks(monkeypatch)
    study = make()
    job = run(study, 1).jobs[0]
    (folder / "mine.py").write_text(SOURCE.replace("UNITS = 3", "UNITS = 44"))
    outcome = run_trial(job, TASK.training, lambda report: True)
    assert outcome.status is TrialStatus.FAILED
    assert outcome.reason.startswith("InputError: The source of mine.py:build has changed")


def test_a_file_that_was_moved_must_be_given_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded_checks(monkeypatch)
    make()
    (folder / "mine.py").rename(folder / "theirs.py")
    with pytest.raises(InputError) as caught:
        run(load_study("own"), 1)
    assert str(caught.value) == (
        f"There is no file {folder}/mine.py with a model function. The study 'own' needs it; if it is elsewhere now, give "
        'it again: model_fn="FILE.py:build".'
    )
    assert main(["status", "own"]) == 0
    executor = run(make("theirs.py:build"), 1)
    assert executor.jobs[0].model.place == str(folder / "theirs.py")


def test_another_model_or_none_is_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded_checks(monkeypatch)
    Study("own", TASK, SPACE, training=TRAINING)
    with pytest.raises(InputError, match="model: none in the study, mine.py:build now"):
        make()


class Sized(Synthetic):
    """Outcomes of models with 50 parameters a filter, some of which are too large."""

    def _train(self, job: TrialJob, owner: Any) -> TrialOutcome:
        parameters = 50 * job.architecture.level_filters[0]
        if job.max_params is not None and parameters > job.max_params:
            return TrialOutcome(job.number, TrialStatus.TOO_LARGE, parameters=parameters)
        outcome = super()._train(job, owner)
        return TrialOutcome(**{**vars(outcome), "parameters": parameters})


def test_costs_are_taken_from_the_built_model(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded_checks(monkeypatch)
    study = make(
        constraints=Constraints(max_params=100),
        search=SearchSettings(objectives=("val_loss", "params")),
    )
    run(study, 6, Sized())
    frame = study.trials()
    assert study.finished == 6 < len(frame)
    assert set(frame["parameters"]) == {100, 200}
    assert set(frame.loc[frame["parameters"] == 200, "ended"]) == {"too_large"}
    assert set(study.objective_values()["params"]) == {100.0}
    assert len(study.candidates(9, {"params": 100})) == 6
    with pytest.raises(
        InputError, match="^No complete trial of the study 'own' is within the limits: params 99.$"
    ):
        study.candidates(limits={"params": 99})


def test_a_model_that_is_too_large_is_refused_when_it_is_built() -> None:
    from dataclasses import replace

    from tcn_search.workers.trial_training import run_trial

    job = TrialJob(
        number=0,
        architecture=Architecture(2, 2, (1,)),
        settings=TRAINING,
        objective="val_loss",
        direction="minimize",
        seed=0,
        max_params=20,
    )
    outcome = run_trial(job, TASK.training, lambda report: True)
    assert (outcome.status, outcome.score) == ("too_large", None)
    assert outcome.reason == f"{outcome.parameters} parameters are more than the 20 allowed"
    assert TrialJob.from_dict(replace(job, max_params=None).to_dict()) == replace(
        job, max_params=None
    )


def test_the_path_of_a_model_is_relative_to_the_study_file(folder: Path) -> None:
    (folder / "files").mkdir()
    (folder / "files" / "s.toml").write_text('model = "mine.py:build"\n[task]\nname = "adding"\n')
    assert read_study_file("files/s.toml").model_fn == "files/mine.py:build"
    (folder / "files" / "s.toml").write_text('model = "mine:build"\n[task]\nname = "adding"\n')
    assert read_study_file("files/s.toml").model_fn == "mine:build"


def test_the_check_tries_every_readout(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded_checks(monkeypatch)
    definition = make().definition
    jobs: list[TrialJob] = []
    monkeypatch.setattr(
        "tcn_search.study.model_check.require_usable",
        lambda given, spec, backend: jobs.extend(given),
    )
    require_usable_model(definition)
    assert [job.architecture.readout for job in jobs] == ["last", "max"]
    assert {job.model for job in jobs} == {definition.model}
