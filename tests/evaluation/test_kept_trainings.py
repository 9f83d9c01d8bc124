"""Finished final trainings are kept over an interrupt, a full disk and a kill."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import pytest

from tcn_search import SearchSettings, SearchSpace, Study, Task, TrainingSettings, delete_study
from tcn_search.errors import InputError, LeaseError
from tcn_search.evaluation import member_files
from tcn_search.evaluation.winner import Winner
from tcn_search.storage.connection import open_storage
from tcn_search.storage.lease import Lease
from tcn_search.workers.executor import InProcessExecutor, Owner
from tcn_search.workers.trial import TrialJob, TrialOutcome
from tests.conftest import waves
from tests.evaluation import made_up
from tests.evaluation.made_up import MadeUp, load, use_made_up_models
from tests.study.synthetic import Synthetic

KEPT = Path("runs/waves/final_trainings")
SAVED = ["best.keras"]


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TCN_SEARCH_DATA", str(tmp_path / "cache"))
    X, y = waves(24)
    task = Task.from_arrays(X, y, X_test=X[:12], y_test=y[:12])
    space = SearchSpace(nb_filters=[4], kernel_size=[2], levels=[4], nb_stacks=[1], norm=["none"])
    made = Study("waves", task, space, training=TrainingSettings(epochs=2))
    made.run(1, executor=Synthetic(), on_progress=lambda progress: None)
    return made


def numbers(winner: Winner) -> Any:
    """Return the numbers of a winner that do not depend on the clock."""
    runs = [(run.trial, run.seed, run.best_epoch) for run in winner.runs]
    return runs, winner.test_scores, winner.ensemble_score, winner.saved_seed, winner.refit_epochs


def files() -> list[str]:
    """Return the files of the study, but for its members."""
    return sorted(
        file.name
        for file in Path("runs/waves").rglob("*")
        if file.is_file() and file.parent.name != "members"
    )


@pytest.fixture
def made_up_models(monkeypatch: pytest.MonkeyPatch) -> None:
    use_made_up_models(monkeypatch)


def best_of(study: Study, executor: MadeUp, **arguments: Any) -> Winner:
    return study.best(executor=executor, on_progress=lambda progress: None, **arguments)


@pytest.mark.parametrize("refit", [False, True])
def test_an_interrupted_call_trains_only_what_is_left_when_repeated(
    study: Study, made_up_models: None, refit: bool
) -> None:
    with pytest.raises(KeyboardInterrupt):
        best_of(study, MadeUp(stop_at=1), seeds=3, refit=refit)
    assert study.results.holder() is None
    assert study.test_readings == 0
    rest = MadeUp()
    continued = best_of(study, rest, seeds=3, refit=refit)
    assert rest.finals == [2, 3]  # the trial has seed 0
    assert files() == SAVED
    assert load(Path(continued.model_file)).seeds == (1, 2, 3)
    Path(continued.model_file).unlink()
    assert numbers(best_of(study, MadeUp(), seeds=3, refit=refit)) == numbers(continued)


class Stopped(InProcessExecutor):
    """An executor that trains, until Ctrl-C is pressed before its second training."""

    def run(self, owner: Owner) -> None:
        super().run(_OneJob(owner))
        raise KeyboardInterrupt


class _OneJob:
    """An owner that hands out one job only."""

    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.finish = owner.finish
        self.keep_going = owner.keep_going
        self.asked = False

    def next_job(self) -> TrialJob | None:
        if self.asked:
            return None
        self.asked = True
        return self.owner.next_job()


@pytest.mark.slow
@pytest.mark.parametrize("refit", [False, True])
def test_an_interrupted_call_finds_the_same_as_a_whole_one(study: Study, refit: bool) -> None:
    with pytest.raises(KeyboardInterrupt):
        study.best(seeds=3, refit=refit, executor=Stopped(study.training_data))
    assert study.results.holder() is None
    assert study.test_readings == 0
    made: list[int] = []

    def best() -> Winner:
        return study.best(
            seeds=3,
            refit=refit,
            executor=InProcessExecutor(study.training_data),
            on_run=lambda run: made.append(run.seed),
        )

    continued = best()
    assert made == [2, 3]  # the trial has seed 0
    weights = keras.saving.load_model("runs/waves/best.keras").get_weights()
    Path("runs/waves/best.keras").unlink()
    whole = best()
    assert numbers(whole) == numbers(continued)
    again = keras.saving.load_model("runs/waves/best.keras").get_weights()
    assert all((one == other).all() for one, other in zip(weights, again, strict=True))


def test_a_model_that_could_not_be_saved_is_saved_without_new_trainings(
    study: Study, made_up_models: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as now:
        full_disk(now, lambda file: file.endswith("best.keras"))
        with pytest.raises(InputError) as caught:
            best_of(study, MadeUp(), seeds=2)
    assert str(caught.value) == (
        "The model cannot be saved as runs/waves/best.keras (2 finished trainings kept for the same command): "
        "No space left on device"
    )
    assert (study.winner, study.test_readings, study.results.holder()) == (None, 0, None)
    again = MadeUp()
    best_of(study, again, seeds=2)
    assert again.jobs == []
    assert files() == SAVED
    assert study.test_readings == 1


def test_members_that_could_not_be_saved_leave_the_earlier_winner(
    study: Study, made_up_models: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = best_of(study, MadeUp(), seeds=1)

    def full(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))

    with monkeypatch.context() as now:
        now.setattr(member_files, "_copy", full)
        with pytest.raises(InputError) as caught:
            best_of(study, MadeUp(), seeds=2)
    assert str(caught.value) == (
        "The members cannot be saved in runs/waves/members: No space left on device"
    )
    assert study.winner is not None
    assert study.winner.read_at == before.read_at
    assert load(Path("runs/waves/best.keras")).seeds == (1,)
    assert [load(Path(file)).seeds for file in before.member_files] == [(1,)]


def test_trainings_are_kept_in_the_cache_if_the_disk_of_runs_is_full(
    study: Study, made_up_models: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = MadeUp._outcome

    def in_the_last_file(executor: MadeUp, job: TrialJob) -> TrialOutcome:
        outcome = real(executor, job)
        Path(job.model_files[0]).rename(job.model_files[-1])
        return outcome

    monkeypatch.setattr(MadeUp, "_outcome", in_the_last_file)
    with pytest.raises(KeyboardInterrupt):
        best_of(study, MadeUp(stop_at=1), seeds=2)
    assert len(list((tmp_path / "cache").rglob("*.keras"))) == 1
    rest = MadeUp()
    best_of(study, rest, seeds=2)
    assert rest.finals == [2]
    assert not list((tmp_path / "cache").rglob("*.keras"))


def test_an_earlier_model_and_its_record_survive_a_full_disk(
    study: Study, made_up_models: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = best_of(study, MadeUp(), seeds=1)
    model = Path(before.model_file).read_bytes()
    with monkeypatch.context() as now:
        full_disk(now, lambda file: True)
        with pytest.raises(InputError, match="No space left on device"):
            best_of(study, MadeUp(), seeds=2)
    assert study.winner is not None
    assert study.winner.read_at == before.read_at
    assert Path(before.model_file).read_bytes() == model


def test_damaged_trainings_and_those_of_other_settings_are_not_used(
    study: Study, made_up_models: None
) -> None:
    with pytest.raises(KeyboardInterrupt):
        best_of(study, MadeUp(stop_at=1), seeds=2)
    (model,) = KEPT.glob("*.keras")
    model.write_text("damaged")
    again = MadeUp(stop_at=1)
    with pytest.raises(KeyboardInterrupt):
        best_of(study, again, seeds=2)
    assert again.finals == [1]
    final = replace(study.definition.final, epochs=5)
    other = Study("waves", study.task, final=final, allow_changes=True)
    changed = MadeUp()
    best_of(other, changed, seeds=1)
    assert changed.finals == [1]
    assert not KEPT.exists()


def test_re_runs_of_a_study_with_another_fraction_are_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made_up_models: None
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TCN_SEARCH_DATA", str(tmp_path / "cache"))
    X, y = waves(24)
    space = SearchSpace(
        nb_filters=[4, 8],
        kernel_size=[2],
        levels=[4],
        nb_stacks=[1],
        norm=["none"],
        dropout_rate=[0.0],
        learning_rate=[1e-3],
    )
    reruns: dict[float, list[list[int]]] = {}
    for fraction in (1.0, 0.5, 1.0):
        made = Study(
            "waves",
            Task.from_arrays(X, y),
            space,
            training=TrainingSettings(epochs=2),
            search=SearchSettings(fraction=fraction, sampler="grid", pruner="none"),
        )
        made.run(2, executor=Synthetic(), on_progress=lambda progress: None)
        executor = MadeUp()
        best_of(made, executor, seeds=1)
        reruns.setdefault(fraction, []).append(executor.reruns)
        delete_study("waves")
    assert reruns[0.5] == [reruns[1.0][0]]  # of the same seeds
    assert len(reruns[1.0][0]) == 4
    assert reruns[1.0][1] == []  # kept by the first study


def test_a_second_call_names_the_process_that_holds_the_study(
    study: Study, made_up_models: None
) -> None:
    winner = best_of(study, MadeUp(), seeds=1)
    held = Lease(open_storage(), "waves")
    held.take()
    # The stored result needs no lease.
    assert best_of(study, MadeUp(), seeds=1).read_at == winner.read_at
    for use in (lambda: best_of(study, MadeUp(), seeds=2), lambda: study.compare(["gru"], 1, 1)):
        with pytest.raises(
            LeaseError, match=f"The study 'waves' is in use by process {os.getpid()} on "
        ):
            use()
    held.let_go()
    with pytest.raises(ZeroDivisionError):
        best_of(study, MadeUp(lambda job: 1 / 0), seeds=2)
    assert study.results.holder() is None
    assert study.test_readings == 1


def full_disk(monkeypatch: pytest.MonkeyPatch, is_full_for: Any) -> None:
    """Let `best` save no model into a file for whose name `is_full_for` returns True."""
    real = made_up.Model.save

    def save(model: made_up.Model, file: Path) -> None:
        if is_full_for(str(file)):
            file.write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))
        real(model, file)

    monkeypatch.setattr(made_up.Model, "save", save)


def test_without_a_place_for_models_nothing_is_trained(
    study: Study, made_up_models: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file, so that no folder can be made in it")
    monkeypatch.setenv("TCN_SEARCH_DATA", str(taken))
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    KEPT.write_text("a file too")
    executor = MadeUp()
    with pytest.raises(InputError) as error:
        best_of(study, executor)
    assert executor.jobs == []

    assert str(error.value).startswith(
        f"Trained models can be kept nowhere. {KEPT}: File exists; {taken}/final_trainings/"
    )
    assert str(error.value).endswith(": Not a directory")
