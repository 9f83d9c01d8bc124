"""The live display of a notebook, in parts and with a display that keeps what it is shown."""

from __future__ import annotations

import logging
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import IPython.display
import pytest

from tcn_search import Architecture, Study, Task, TrainingSettings
from tcn_search.evaluation.final_progress import FinalProgress
from tcn_search.search.callbacks import TrialProgress
from tcn_search.search.progress import Progress
from tcn_search.study import notebook_progress
from tcn_search.study.notebook_progress import NotebookProgress, in_notebook
from tcn_search.trial_status import TrialStatus
from tests.conftest import waves
from tests.study.synthetic import Synthetic, small_space

EPOCHS = 3


class Display:
    """Takes the place of `IPython.display.display`: a list of states for each output of the cell."""

    def __init__(self) -> None:
        self.outputs: list[list[Any]] = []

    def __call__(self, value: Any, display_id: bool) -> SimpleNamespace:
        assert display_id
        states = [value]
        self.outputs.append(states)
        return SimpleNamespace(update=states.append)

    @property
    def words(self) -> list[str]:
        """What the first output has said, with every elapsed time as "0 s"."""
        return [
            re.sub(r"\d+ (s|min)( so far|\n|$|\.)", r"0 s\2", repr(state))
            for state in self.outputs[0]
        ]

    @property
    def pictures(self) -> list[bytes]:
        return [state._repr_png_() for state in self.outputs[1]]


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Display:
    """A notebook, as far as the package can tell, which shows every update."""
    display = Display()
    monkeypatch.setattr(notebook_progress, "in_notebook", lambda: True)
    monkeypatch.setattr(IPython.display, "display", display)
    monkeypatch.setattr(notebook_progress, "_SECONDS", 0.0)
    monkeypatch.setattr(notebook_progress, "_SHARE", 1e9)
    return display


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(
        "small",
        Task.from_arrays(*waves(24)),
        small_space(),
        training=TrainingSettings(epochs=EPOCHS),
        storage=f"sqlite:///{tmp_path}/studies.db",
        folder=tmp_path,
    )


def epoch_of(trial: int, epoch: int, loss: float = 0.5) -> TrialProgress:
    return TrialProgress(
        study="small",
        trial=trial,
        status=TrialStatus.RUNNING,
        architecture=Architecture(4, 3, (1, 2)),
        settings=TrainingSettings(epochs=EPOCHS),
        hyperparameters={},
        objective="val_loss",
        direction="minimize",
        epoch=epoch,
        numbers={"val_loss": loss, "loss": loss},
    )


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (["ZMQInteractiveShell"], True),
        (["ZMQInteractiveShell", "Shell"], True),  # Colab's is derived from it
        (["TerminalInteractiveShell"], False),
    ],
)
def test_a_notebook_is_told_by_its_shell(
    kinds: list[str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind: type = object
    for name in kinds:
        kind = type(name, (kind,), {})
    shell = kind()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert in_notebook() is expected


def test_a_script_is_no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not in_notebook()  # IPython is imported, and runs no shell
    monkeypatch.delitem(sys.modules, "IPython")
    assert not in_notebook()
    assert "IPython" not in sys.modules


def test_a_run_shows_its_trials_and_ends_with_a_full_bar(
    study: Study, display: Display, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "tcn_search"):
        study.run(2, executor=Synthetic())
    assert len(display.outputs) == 2
    assert display.words[0].startswith("small: 0 of 2 trials, 0 s so far")
    assert any("In training: trial 0: epoch 1 of 3, val_loss" in words for words in display.words)
    last = display.words[-1]
    assert last.startswith("small: 2 of 2 trials, 0 s\nBest: trial ")
    assert "TCN(" in last
    assert "In training" not in last
    html = display.outputs[0][-1]._repr_html_()
    assert '<progress value="2" max="2"' in html
    assert ">2 of 2</progress>" in html
    assert all(picture.startswith(b"\x89PNG") for picture in display.pictures)
    assert not [record for record in caplog.records if "trial" in record.getMessage()]


def test_ctrl_c_leaves_a_readable_state(study: Study, display: Display) -> None:
    with pytest.raises(KeyboardInterrupt, match="The same call continues") as interrupt:
        study.run(5, executor=Synthetic(interrupt_at=2))
    assert len(interrupt.traceback) == 3  # this test, `Study.run` and the decorator
    assert interrupt.value.__suppress_context__
    last = display.words[-1]
    assert last.startswith("small: 1 of 5 trials, stopped after 0 s. The same call continues\nBest")
    assert "In training" not in last
    study.run(2, executor=Synthetic())
    assert display.outputs[2][-1].title.startswith("small: 2 of 2 trials")


def test_the_reason_of_an_early_end_is_shown(study: Study, display: Display) -> None:
    study.run(9, executor=Synthetic(), patience=1)
    assert study.ended_early == "no better trial among the last 1"
    assert " of 9 trials, 0 s; no better trial among the last 1\nBest" in re.sub(
        r"\d+ s;", "0 s;", display.words[-1]
    )


def test_an_error_of_the_display_does_not_end_the_run(
    study: Study,
    display: Display,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(value: object, display_id: bool) -> None:
        raise OSError("no front end")

    monkeypatch.setattr(IPython.display, "display", broken)
    study.run(2, executor=Synthetic())
    assert study.finished == 2
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == ["progress is not shown any more: OSError: no front end"]


def test_a_callback_or_a_quiet_logger_switches_it_off(
    study: Study, display: Display, caplog: pytest.LogCaptureFixture
) -> None:
    study.run(1, executor=Synthetic(), on_progress=lambda progress: None)
    with caplog.at_level(logging.WARNING, "tcn_search"):
        study.run(2, executor=Synthetic())
    assert display.outputs == []


def test_it_is_updated_at_most_once_a_second_and_takes_a_tenth_of_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(notebook_progress.time, "monotonic", lambda: clock.now)
    shown: list[str] = []

    def slow() -> str:
        clock.now += 0.3
        return "drawn"

    def display(value: str, display_id: bool) -> SimpleNamespace:
        shown.append(value)
        return SimpleNamespace(update=shown.append)

    output = notebook_progress._Output(display)
    for _ in range(100):
        output.show(lambda: "quick")
        clock.now += 0.1
    assert shown == ["quick"] * 10
    clock.now = 200.0
    output.show(slow)
    clock.now += 2.9
    output.show(lambda: "too early")
    clock.now += 0.2
    output.show(lambda: "late enough")
    output.show(lambda: "the end", at_once=True)
    assert shown[10:] == ["drawn", "late enough", "the end"]


def test_of_many_trials_the_last_curves_and_the_best_are_kept(display: Display) -> None:
    progress = NotebookProgress("small", display)
    progress._best_trial = 3
    for trial in range(60):
        progress.on_epoch(epoch_of(trial, 1, float("inf") if trial == 50 else 0.5))
        progress.on_trial(epoch_of(trial, 1))
    assert list(progress._curves) == [3, *range(31, 60)]
    progress.show_run(Progress(60, 90, running={59: 1}, best=None, seconds_left=70.0))
    assert "small: 60 of 90 trials, 0 s so far, about 70 s left" in display.words[-1]
    assert len(display.pictures) == 1


def test_folds_are_curves_of_their_own(display: Display) -> None:
    progress = NotebookProgress("small", display)
    for epoch in range(1, 2 * EPOCHS + 1):
        progress.on_epoch(epoch_of(0, epoch))
    assert [row["fold"] for row in progress._curves[0]] == [1] * EPOCHS + [2] * EPOCHS


def test_many_running_trials_are_counted(display: Display) -> None:
    running = {f"trial {number}": "epoch 1 of 3" for number in range(12)}
    progress = NotebookProgress("small", display)
    state = Progress(0, 20, running={}, best=None, seconds_left=None)
    progress.show_run(state._replace(running_texts=dict(enumerate(running.values()))))
    assert display.words[-1].count("epoch 1 of 3") == 8
    assert display.words[-1].endswith("and 4 more")


def test_final_trainings_show_their_stages_and_steps(display: Display) -> None:
    progress = NotebookProgress("small", display)
    progress.show_trainings(FinalProgress.of_step("importing Keras and reading the data"))
    assert display.words[-1] == "small: importing Keras and reading the data, 0 s so far"
    training = FinalProgress("re-runs", 0, 2, {}, None, 90.0)
    progress.show_trainings(training)
    progress.show_trainings(training._replace(finished=2, best_text="trial 3, val_loss 0.4"))
    progress.show_trainings(
        FinalProgress("final trainings", 1, 3, {}, None, 60.0)._replace(
            running_texts={"trial 3, seed 1": "epoch 2 of 9"}
        )
    )
    assert display.words[-1] == (
        "small: 1 of 3 final trainings, 0 s so far, about 60 s left\n"
        "Best of re-runs: trial 3, val_loss 0.4\n"
        "In training: trial 3, seed 1: epoch 2 of 9"
    )
    final = FinalProgress("final trainings", 3, 3, {}, None, None, step="scoring on the test split")
    progress.show_trainings(final)
    assert display.words[-1].startswith("small: scoring on the test split, 0 s so far")
    progress.show_trainings(FinalProgress.of_step("fitting simple baselines"))
    progress.close()
    assert display.words[-1] == (
        "small: 3 of 3 final trainings, 0 s\nBest of re-runs: trial 3, val_loss 0.4"
    )
    assert len(display.outputs) == 1


def test_what_has_never_been_shown_needs_no_end(display: Display) -> None:
    NotebookProgress("small", display).close()
    assert display.outputs == []
