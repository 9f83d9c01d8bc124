"""Changes of a continued study: refused, or accepted and recorded. Errors of its storage."""

from __future__ import annotations

import argparse
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy

from tcn_search import (
    Constraints,
    FinalSettings,
    Range,
    SearchSettings,
    SearchSpace,
    Study,
    Task,
    TrainingSettings,
    load_study,
)
from tcn_search.cli.run import _print_end
from tcn_search.errors import InputError, LeaseError, StorageError
from tcn_search.search.definition import Definition
from tcn_search.storage import connection as storage
from tcn_search.storage.lease import Lease
from tcn_search.storage.studies import list_studies
from tcn_search.study import changes
from tcn_search.tasks.task_spec import RecordingFormat
from tests.conftest import waves
from tests.study.synthetic import Synthetic

TASK = Task.from_arrays(*waves(24))
SPACE = SearchSpace(nb_filters=[4, 8], kernel_size=Range(2, 4), levels=Range(3, 5), nb_stacks=[1])


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make(epochs: int = 3, space: SearchSpace = SPACE, **options: Any) -> Study:
    return Study("waves", TASK, space, training=TrainingSettings(epochs=epochs), **options)


def run(study: Study, trials: int, executor: Synthetic | None = None) -> None:
    study.run(trials, executor=executor or Synthetic(), on_progress=lambda progress: None)


def test_changed_training_settings_are_refused_or_accepted_and_recorded() -> None:
    run(make(), 1)
    with pytest.raises(InputError) as caught:
        make(epochs=5)
    assert "training.epochs: 3 in the study, 5 now" in str(caught.value)
    assert "accept the changes with --allow-changes" in str(caught.value)
    study = make(epochs=5, allow_changes=True)
    assert study.changes == []
    run(study, 2)
    (change,) = load_study("waves").changes
    assert change["what"] == ["training.epochs: 3 in the study, 5 now"]
    assert load_study("waves").definition.training.epochs == 5
    run(make(epochs=5), 3)
    assert len(load_study("waves").changes) == 1


@pytest.mark.parametrize("by_search", [True, False])
def test_final_epochs_are_one_number_under_two_names(by_search: bool) -> None:
    def settings(epochs: int, in_search: bool) -> dict[str, Any]:
        if in_search:
            return {"search": SearchSettings(final_epochs=epochs)}
        return {"search": SearchSettings(), "final": FinalSettings(epochs=epochs)}

    assert make(**settings(9, by_search)).definition.final_epochs == 9
    assert make(search=SearchSettings()).definition.final_epochs == 9  # not given: as it was
    assert make(**settings(9, not by_search)).definition.final_epochs == 9
    for epochs, in_search in ((7, by_search), (8, not by_search)):
        with pytest.raises(InputError, match=r"There is a study 'waves' already"):
            make(**settings(epochs, in_search))
        changed = make(**settings(epochs, in_search), allow_changes=True)
        assert changed.definition.final_epochs == epochs


def test_a_study_without_the_format_of_its_recordings_goes_on() -> None:
    """Earlier versions did not store the format."""
    recordings = [RecordingFormat(rate, downsample=1, front="average") for rate in (8000, 16000)]
    tasks = [replace(TASK, spec=replace(TASK.spec, recordings=each)) for each in recordings]
    now, faster = [Definition.of(task, SPACE) for task in tasks]
    values = now.to_dict()
    assert Definition.from_dict(values) == now
    del values["task"]["recordings"]
    earlier = Definition.from_dict(values)
    assert earlier.differences(now) == []
    assert earlier.digest([]) == now.digest([])
    assert (
        now.differences(faster) == []
    )  # the format is for new data, and does not change a training


def test_choices_and_objectives_cannot_change() -> None:
    make()
    other = SearchSpace(**{**SPACE.to_dict(), "nb_filters": [4, 8, 16]})
    with pytest.raises(InputError) as caught:
        make(space=other, allow_changes=True, search=SearchSettings(objectives=("val_accuracy",)))
    assert str(caught.value) == (
        "The study 'waves' cannot go on with other choices, objectives, folds or fraction: search.objectives, space.nb_filters. Give the "
        "new study another name; it can begin with the best of this one: --from waves (start_from='waves')."
    )
    make(space=SearchSpace(**{**SPACE.to_dict(), "kernel_size": Range(2, 6)}), allow_changes=True)


@pytest.mark.parametrize(
    ("before", "after", "may"),
    [
        ({"kernel_size": Range(2, 4)}, {"kernel_size": [2, 3]}, False),
        (
            {"learning_rate": Range(1e-3, 1e-2, log=True)},
            {"learning_rate": Range(1e-3, 1e-2)},
            False,
        ),
        ({"weight_decay": Range(0.0, 0.2)}, {"weight_decay": Range(0, 1)}, True),
        ({"learning_rate": Range(1e-3, 1e-2, log=True)}, {"learning_rate": 3e-3}, True),
        ({"dropout_rate": 0.0}, {"dropout_rate": Range(0.0, 0.2)}, True),
    ],
)
def test_the_kind_of_a_dimension_cannot_change(
    before: dict[str, Any], after: dict[str, Any], may: bool
) -> None:
    old, new = (SearchSpace(**{**SPACE.to_dict(), **change}) for change in (before, after))
    run(make(space=old), 2)
    if not may:
        with pytest.raises(
            InputError,
            match=f"other choices, objectives, folds or fraction: space.{next(iter(after))}",
        ):
            make(space=new, allow_changes=True)
        return
    used = [loaded().results.candidate(trial).settings for trial in (0, 1)]
    study = make(space=new, allow_changes=True)
    run(study, 4)
    assert [loaded().results.candidate(trial).settings for trial in (0, 1)] == used
    assert loaded().best_trial is not None


def test_constraints_cannot_change_the_lists_of_choices() -> None:
    lists = [
        [1, 2, 4],
        [1, 2, 4, 8],
        [1, 2, 4, 8, 16],
    ]  # with kernel size 2 they see 15, 31 and 63 steps
    space = SearchSpace(nb_filters=4, kernel_size=2, nb_stacks=1, dilations=lists, padding="causal")
    task = Task.from_arrays(*waves(24, steps=40))

    def with_context(steps: int) -> Study:
        return Study("waves", task, space, Constraints(required_context=steps), allow_changes=True)

    run(with_context(12), 2)
    with pytest.raises(
        InputError, match=r"space.dilations \(of which the constraints allow others\). Give the new"
    ):
        with_context(20)
    run(with_context(10), 3)  # all three, as before
    run(with_context(40), 4)  # one, which is not given to Optuna


def test_changes_are_recorded_before_final_trainings_too(monkeypatch: pytest.MonkeyPatch) -> None:
    run(make(), 1)
    study = make(epochs=5, allow_changes=True)
    monkeypatch.setattr(
        "tcn_search.study.final_trainings.find_winner", lambda *arguments, **options: 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        study.best()
    assert load_study("waves").definition.training.epochs == 5
    assert [change["what"] for change in study.changes] == [
        ["training.epochs: 3 in the study, 5 now"]
    ]


def loaded() -> Study:
    return load_study("waves")


def test_arguments_of_an_existing_study_are_compared_without_a_task_too() -> None:
    make()
    with pytest.raises(InputError, match="training.epochs: 3 in the study, 7 now"):
        Study("waves", training=TrainingSettings(epochs=7))
    study = Study("waves", training=TrainingSettings(epochs=7), allow_changes=True)
    assert study.definition.training.epochs == 7


def test_a_study_that_another_process_is_creating_is_refused() -> None:
    opened = storage.open_storage(create=True)
    optuna.create_study(study_name="waves", storage=opened)
    creator = Lease(opened, "waves")
    creator.take()
    with pytest.raises(
        LeaseError, match="'waves' is being created by process .* Try again in a moment"
    ):
        make()
    creator.let_go()
    with pytest.raises(
        InputError, match="The creation of the study 'waves' was interrupted. Repeat the command"
    ):
        load_study("waves")
    run(make(), 1)


def test_a_creation_that_a_kill_interrupted_is_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = storage.open_storage(create=True)
    optuna.create_study(study_name="waves", storage=opened)
    with monkeypatch.context() as as_another:
        as_another.setattr("os.getpid", lambda: 4_000_000)  # above what Linux gives to a process
        Lease(opened, "waves").take()
    run(make(), 1)
    assert load_study("waves").finished == 1


def test_a_creation_begun_for_one_objective_is_not_resumed_with_two() -> None:
    optuna.create_study(study_name="waves", storage=storage.open_storage(create=True))
    with pytest.raises(InputError, match="was interrupted, with other objectives. Remove it with"):
        make(search=SearchSettings(objectives=("val_loss", "params")))


def test_a_study_of_another_program_is_not_changed() -> None:
    other = optuna.create_study(study_name="waves", storage=storage.open_storage(create=True))
    other.set_user_attr("mine", 1)
    with pytest.raises(
        InputError, match="The study 'waves' in this storage was not created by tcn_search"
    ):
        make()
    assert other.user_attrs == {"mine": 1}


def test_changed_versions_are_refused_or_accepted_and_recorded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run(make(), 1)
    found = changes.versions_now("tensorflow")
    monkeypatch.setattr(
        "tcn_search.study.handle.versions_now", lambda backend: {**found, "keras": "99.1.0"}
    )
    with pytest.raises(InputError, match=rf"keras: {found['keras']} in the study, 99.1.0 now"):
        run(make(), 2)
    assert load_study("waves").finished == 1
    run(make(allow_changes=True), 2)
    run(make(), 3)
    assert [len(change["what"]) for change in load_study("waves").changes] == [1]


class Locking(Synthetic):
    """Locks the storage from another connection at the second trial."""

    connection: sqlite3.Connection | None = None

    def _train(self, job: Any, owner: Any) -> Any:
        if len(self.jobs) == 2:
            self.connection = sqlite3.connect("runs/studies.db")
            self.connection.execute("BEGIN EXCLUSIVE")
        return super()._train(job, owner)


def test_a_storage_that_stays_locked_ends_the_run_with_an_error_of_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(storage, "_LOCK_TIMEOUT", 0.2)
    executor = Locking()
    with pytest.raises(StorageError) as caught:
        run(make(), 4, executor)
    assert str(caught.value) == (
        "The study storage sqlite:///runs/studies.db cannot be used: database is locked. What was finished is kept; "
        "when the storage works again, the same command continues."
    )
    assert executor.connection is not None
    executor.connection.close()
    study = load_study("waves")
    assert study.finished == 1
    run(study, 4)
    assert study.finished == 4


def test_a_full_disk_ends_the_run_with_an_error_of_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = make()

    def full(*arguments: Any, **options: Any) -> None:
        raise sqlalchemy.exc.OperationalError("INSERT", {}, Exception("database or disk is full"))

    with monkeypatch.context() as patched:
        patched.setattr("optuna.storages.RDBStorage.set_trial_user_attr", full)
        with pytest.raises(
            StorageError,
            match="cannot be used: database or disk is full. What was finished is kept",
        ):
            run(study, 2)
    run(load_study("waves"), 2)
    assert load_study("waves").finished == 2


def test_the_next_command_hides_the_password(capsys: pytest.CaptureFixture[str]) -> None:
    study = make()
    run(study, 1)
    _print_end(study, argparse.Namespace(storage="postgresql://ann:secret@host/db"), 1.0)
    printed = capsys.readouterr().out
    assert "tcn-search best waves --storage postgresql://ann:***@host/db" in printed
    assert "secret" not in printed


def test_an_sqlite_address_may_have_options() -> None:
    url = "sqlite:///own.db?timeout=30"
    run(make(storage=url), 1)
    assert list_studies(url) == ["waves"]
    assert load_study("waves", url).finished == 1
