"""Finished final trainings are kept over an interrupt, a full disk and a kill."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import keras
import pytest

from tcn_search import SearchSpace, Study, Task, TrainingSettings
from tcn_search.errors import InputError, LeaseError
from tcn_search.evaluation import selection
from tcn_search.evaluation.final_training import FinalTrainer, FinalTraining, SeedRun
from tcn_search.evaluation.winner import Winner
from tcn_search.search.trial_record import Candidate
from tcn_search.storage.connection import open_storage
from tcn_search.storage.lease import Lease
from tcn_search.study.handle import StudyHandle
from tests.conftest import waves
from tests.study.synthetic import Synthetic

KEPT = Path("runs/waves/final_trainings")


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
    runs = [(run.trial, run.seed, run.score, run.metric, run.best_epoch) for run in winner.runs]
    return runs, winner.test_scores, winner.saved_seed, winner.refit_epochs


def files() -> list[str]:
    return sorted(file.name for file in Path("runs/waves").rglob("*") if file.is_file())


def stop_after_seed_1(run: SeedRun) -> None:
    if run.seed == 1:
        raise KeyboardInterrupt


class Model:
    """A model that can be saved, and nothing else."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def save(self, file: Path) -> None:
        file.write_text(f"model of seed {self.seed}")


@pytest.fixture
def instant_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let final trainings take no time."""

    def train(trainer: FinalTrainer, candidate: Candidate, seed: int) -> FinalTraining:
        run = SeedRun(
            trial=candidate.trial,
            seed=seed,
            score=1 / (seed + 1),
            metric=0.5,
            best_epoch=1,
            seconds=0.1,
        )
        return FinalTraining(run, Model(seed))

    def refit(trainer: FinalTrainer, candidate: Candidate, seed: int, epochs: int) -> Model:
        return Model(seed)

    def load(handle: StudyHandle, file: Path) -> Model:
        words = file.read_text().rpartition(" ")
        if words[0] != "model of seed":
            raise InputError("damaged")
        return Model(int(words[2]))

    monkeypatch.setattr(FinalTrainer, "train", train)
    monkeypatch.setattr(FinalTrainer, "refit", refit)
    monkeypatch.setattr(selection, "score_on_test", lambda model, task: model.seed / 10)
    monkeypatch.setattr(StudyHandle, "load_model", load)


@pytest.mark.parametrize("refit", [False, True])
def test_an_interrupted_call_trains_only_what_is_left_when_repeated(
    study: Study, instant_training: None, refit: bool
) -> None:
    with pytest.raises(KeyboardInterrupt):
        study.best(seeds=3, refit=refit, on_run=stop_after_seed_1)
    assert study.results.holder() is None
    assert study.test_readings == 0
    made: list[int] = []
    continued = study.best(seeds=3, refit=refit, on_run=lambda run: made.append(run.seed))
    assert made == [2, 3]  # the trial has seed 0
    assert files() == ["best.keras"]
    assert Path(continued.model_file).read_text() == "model of seed 3"
    Path(continued.model_file).unlink()
    assert numbers(study.best(seeds=3, refit=refit)) == numbers(continued)


@pytest.mark.slow
@pytest.mark.parametrize("refit", [False, True])
def test_an_interrupted_call_finds_the_same_as_a_whole_one(study: Study, refit: bool) -> None:
    with pytest.raises(KeyboardInterrupt):
        study.best(seeds=3, refit=refit, on_run=stop_after_seed_1)
    assert study.results.holder() is None
    assert study.test_readings == 0
    made: list[int] = []
    continued = study.best(seeds=3, refit=refit, on_run=lambda run: made.append(run.seed))
    assert made == [2, 3]  # the trial has seed 0
    assert files() == ["best.keras"]
    weights = keras.saving.load_model("runs/waves/best.keras").get_weights()
    Path("runs/waves/best.keras").unlink()
    whole = study.best(seeds=3, refit=refit)
    assert numbers(whole) == numbers(continued)
    again = keras.saving.load_model("runs/waves/best.keras").get_weights()
    assert all((one == other).all() for one, other in zip(weights, again, strict=True))


def test_finished_trainings_of_a_refit_are_not_repeated(
    study: Study, instant_training: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = FinalTrainer.refit
    trained: list[int] = []

    def refit(trainer: FinalTrainer, candidate: Candidate, seed: int, epochs: int) -> Any:
        if trained == [1]:
            raise KeyboardInterrupt
        trained.append(seed)
        return real(trainer, candidate, seed, epochs)

    with monkeypatch.context() as stopped:
        stopped.setattr(FinalTrainer, "refit", refit)
        with pytest.raises(KeyboardInterrupt):
            study.best(seeds=2, refit=True)
    trained = [0]
    monkeypatch.setattr(FinalTrainer, "refit", refit)
    study.best(seeds=2, refit=True, on_run=lambda run: pytest.fail("it trained"))
    assert trained == [0, 2]


def test_a_model_that_could_not_be_saved_is_saved_without_new_trainings(
    study: Study, instant_training: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as now:
        full_disk(now, lambda file: file.endswith("best.keras"))
        with pytest.raises(InputError) as caught:
            study.best(seeds=2)
    assert str(caught.value) == (
        "The model cannot be saved as runs/waves/best.keras (2 finished trainings kept for the same command): "
        "No space left on device"
    )
    assert (study.winner, study.test_readings, study.results.holder()) == (None, 0, None)
    study.best(seeds=2, on_run=lambda run: pytest.fail("it trained"))
    assert files() == ["best.keras"]
    assert study.test_readings == 1


def test_trainings_are_kept_in_the_cache_if_the_disk_of_runs_is_full(
    study: Study, instant_training: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as now:
        full_disk(now, lambda file: "cache" not in file)
        with pytest.raises(
            InputError, match=r"\(2 finished trainings kept for the same command\): No space left"
        ):
            study.best(seeds=2)
    study.best(seeds=2, on_run=lambda run: pytest.fail("it trained"))
    assert not list((tmp_path / "cache").rglob("*.keras"))


def test_the_model_is_saved_even_if_no_training_can_be_kept(
    study: Study, instant_training: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_disk(monkeypatch, lambda file: "trial" in file)
    assert len(study.best(seeds=2).test_scores) == 2
    assert files() == ["best.keras"]


def test_an_earlier_model_and_its_record_survive_a_full_disk(
    study: Study, instant_training: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = study.best(seeds=1)
    model = Path(before.model_file).read_bytes()
    full_disk(monkeypatch, lambda file: True)
    with pytest.raises(InputError, match="No space left on device"):
        study.best(seeds=2)
    assert study.winner == before
    assert Path(before.model_file).read_bytes() == model
    assert files() == ["best.keras"]


def test_damaged_trainings_and_those_of_other_settings_are_not_used(
    study: Study, instant_training: None
) -> None:
    with pytest.raises(KeyboardInterrupt):
        study.best(seeds=2, on_run=stop_after_seed_1)
    (model,) = KEPT.glob("*.keras")
    model.write_text("damaged")
    made: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        study.best(seeds=1, on_run=lambda run: (made.append(run.seed), stop_after_seed_1(run)))
    other = Study("waves", study.task, training=TrainingSettings(epochs=3), allow_changes=True)
    other.best(seeds=1, on_run=lambda run: made.append(run.seed))
    assert made == [1, 1]
    assert not KEPT.exists()


def test_a_second_call_names_the_process_that_holds_the_study(
    study: Study, instant_training: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    winner = study.best(seeds=1)
    held = Lease(open_storage(), "waves")
    held.take()
    assert study.best(seeds=1) == winner  # the stored result needs no lease
    for use in (lambda: study.best(seeds=2), lambda: study.compare(["gru"], 1, 1)):
        with pytest.raises(
            LeaseError, match=f"The study 'waves' is in use by process {os.getpid()} on "
        ):
            use()
    held.let_go()
    monkeypatch.setattr(FinalTrainer, "train", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        study.best(seeds=2)
    assert study.results.holder() is None
    assert study.test_readings == 1


def full_disk(monkeypatch: pytest.MonkeyPatch, is_full_for: Any) -> None:
    """Let no model be saved into a file for whose name `is_full_for` returns True."""
    real = Model.save

    def save(model: Model, file: Path) -> None:
        if is_full_for(str(file)):
            file.write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))
        real(model, file)

    monkeypatch.setattr(Model, "save", save)
