"""Callbacks of a run: what they are told, and that their errors lose no trial."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from tcn_search import Study, Task, TrainingSettings, TrialCallback, TrialProgress
from tcn_search.errors import InputError, TrialsFailedError
from tcn_search.trial_status import TrialStatus
from tests.conftest import waves
from tests.study.synthetic import Synthetic, small_space


class Recorder(TrialCallback):
    def __init__(self) -> None:
        self.epochs: list[TrialProgress] = []
        self.trials: list[TrialProgress] = []

    def on_epoch(self, progress: TrialProgress) -> None:
        self.epochs.append(progress)

    def on_trial(self, progress: TrialProgress) -> None:
        self.trials.append(progress)


@pytest.fixture
def study(tmp_path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(tmp_path)
    task = Task.from_arrays(*waves(24), name="waves")
    return Study("mine", task, small_space(), training=TrainingSettings(epochs=3))


def test_every_epoch_and_every_trial_is_told(study: Study) -> None:
    seen = Recorder()
    study.run(3, executor=Synthetic({1: "diverged"}), callbacks=[seen])
    table = study.trials().set_index("trial")
    told = [progress.trial for progress in seen.trials]
    assert told == table[table["ended"].isin(["complete", "pruned", "diverged"])].index.tolist()
    first, second = seen.trials[:2]
    assert first.study == "mine"
    assert first.status is TrialStatus.COMPLETE
    assert first.score == table["score"][first.trial]
    assert first.objective == "val_loss"
    assert first.direction == "minimize"
    assert first.outcome is not None
    assert first.numbers == first.outcome.curve[-1]
    assert first.hyperparameters["learning_rate"] == first.settings.learning_rate
    assert first.architecture.kernel_size == 3
    assert second.status is TrialStatus.DIVERGED
    of_first = [progress for progress in seen.epochs if progress.trial == first.trial]
    assert [progress.epoch for progress in of_first] == [1, 2, 3]
    assert {progress.status for progress in seen.epochs} == {TrialStatus.RUNNING}
    assert of_first[-1].score == first.score
    assert all(progress.outcome is None for progress in of_first)
    with pytest.raises(FrozenInstanceError):
        first.score = 0.0  # type: ignore[misc]


@pytest.mark.parametrize("method", ["on_epoch", "on_trial"])
def test_an_error_in_a_callback_loses_no_trial(
    study: Study, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    calls = []

    def fail(progress: TrialProgress) -> None:
        calls.append(progress)
        raise RuntimeError("the tracker is down")

    failing = TrialCallback()
    setattr(failing, method, fail)
    after = Recorder()
    study.run(3, executor=Synthetic(), callbacks=[failing, after], on_progress=lambda _: None)
    assert study.finished == 3
    assert len(after.trials) == 3
    assert len(after.epochs) == 9
    assert len(calls) == 1
    assert [record.getMessage() for record in caplog.records if record.name == "tcn_search"] == [
        f"TrialCallback.{method} failed at trial 0 and is not called again in this run: "
        "RuntimeError: the tracker is down"
    ]


def test_a_trial_is_stored_before_it_is_told(study: Study) -> None:
    class Reader(TrialCallback):
        def on_trial(self, progress: TrialProgress) -> None:
            stored = study.trials().set_index("trial")["ended"]
            assert stored[progress.trial] == progress.status.value
            finished.append(study.finished)

    finished: list[int] = []
    study.run(2, executor=Synthetic(), callbacks=[Reader()])
    assert finished == [1, 2]


def test_trials_of_a_stopped_run_are_told_when_they_are_trained_again(study: Study) -> None:
    seen = Recorder()
    with pytest.raises(KeyboardInterrupt):
        study.run(2, executor=Synthetic(interrupt_at=2), callbacks=[seen])
    assert len(seen.trials) == 1
    study.run(2, executor=Synthetic(), callbacks=[seen])
    assert len(seen.trials) == 2


def test_ctrl_c_in_a_callback_stops_the_run(study: Study) -> None:
    class Stop(TrialCallback):
        def on_trial(self, progress: TrialProgress) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study.run(3, executor=Synthetic(), callbacks=[Stop()])
    assert study.finished == 1


@pytest.mark.parametrize("wrong", [[print], [Recorder], Recorder(), [None]])
def test_what_is_no_callback_is_refused_before_the_run(study: Study, wrong) -> None:
    with pytest.raises(InputError, match="callbacks must be"):
        study.run(1, executor=Synthetic(), callbacks=wrong)
    assert study.trials().empty


def test_the_trial_that_ends_the_run_is_told(study: Study) -> None:
    seen = Recorder()
    with pytest.raises(TrialsFailedError, match="3 trials in a row ended in an error"):
        study.run(9, executor=Synthetic(dict.fromkeys(range(9), "failed")), callbacks=[seen])
    assert [progress.status for progress in seen.trials] == [TrialStatus.FAILED] * 3
