"""What a user sees of trainings: in a file line by line, on a terminal of 80 columns, as JSON."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from tcn_search import SearchSettings, Study, Task, TrainingSettings
from tcn_search.cli import output, progress
from tcn_search.cli.main import main
from tcn_search.cli.output import table_lines, wrapped
from tcn_search.evaluation.final_progress import FinalProgress
from tcn_search.search.progress import BestTrial, Progress
from tests.cli.processes import unwrapped
from tests.conftest import waves
from tests.study.synthetic import Synthetic, small_space

CONFIGURATION = (
    "TCN(nb_filters=32, kernel_size=6, dilations=[1, 2, 4, 8], norm='weight') with "
    "learning_rate=0.002, dropout_rate=0, batch_size=4, epochs=8, schedule='cosine'"
)
RUNNING = Progress(
    finished=3,
    wanted=40,
    running=dict.fromkeys(range(12), 2),
    best=0.41,
    seconds_left=240.0,
    best_trial=BestTrial(2, 0.41, 0.41, "val_loss 0.41, val_accuracy 0.9", CONFIGURATION),
    running_texts=dict.fromkeys(range(12), "epoch 2 of 8, val_loss 0.5, val_accuracy 0.8"),
)
ENDED = RUNNING._replace(
    trial=7, text="val_loss 0.6, val_accuracy 0.7, 8 epochs, 9 s", configuration=CONFIGURATION
)


@pytest.fixture(autouse=True)
def _eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_without_a_terminal_there_are_short_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.show_progress() as display:
        display.step("reading the study gun")
        display.on_trial(RUNNING)
        display.on_trial(ENDED)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "reading the study gun ...",
        "trial 7: val_loss 0.6, val_accuracy 0.7, 8 epochs, 9 s",
    ]
    assert lines[-1] == "    best 0.41 (trial 2), 3 of 40 done, 4 min left"
    assert max(map(len, lines)) <= 80
    assert CONFIGURATION in unwrapped("\n".join(lines))


def test_long_trainings_are_heard_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "_QUIET_SECONDS", -1.0)
    with progress.show_progress() as display:
        display.on_trial(RUNNING._replace(running_texts={4: "epoch 2 of 8, val_loss 0.5"}))
    assert unwrapped(capsys.readouterr().out) == (
        "3 of 40 trials done; running: trial 4, epoch 2 of 8, val_loss 0.5"
    )


def test_the_live_display_shows_names_with_brackets_and_colons_as_they_are() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    shown = progress._LiveOutput(console)
    display = progress.ProgressDisplay(shown)
    display.step("reading the study runs[/x]/:key:.toml")
    console.print(shown)
    display.on_trial(ENDED._replace(text="failed (ValueError :x: [red])"))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "reading the study runs[/x]/:key:.toml ... 0 s so far" in text
    assert "trial 7: failed (ValueError :x: [red])" in text


def test_the_live_display_has_bar_best_and_running_trials_in_80_columns() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    shown = progress._LiveOutput(console)
    display = progress.ProgressDisplay(shown)
    display.step("importing Keras")
    console.print(shown)
    display.on_trial(RUNNING)
    console.print(shown)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert lines[0].startswith("importing Keras ... 0 s so far")
    assert re.search(r"^trials .* 3 of 40 .* so far, about 4 min left", lines[1])
    text = unwrapped("\n".join(lines))
    assert "best: val_loss 0.41, val_accuracy 0.9, trial 2 TCN(nb_filters=32" in text
    assert "learning_rate=0.002" in text
    assert "trial 0: epoch 2 of 8, val_loss 0.5, val_accuracy 0.8" in text
    assert "trial 8" not in text
    assert "and 4 more" in text
    assert max(map(len, lines)) <= 80


def test_steps_of_best_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.show_progress() as display:
        display.on_training(FinalProgress.of_step("fitting simple baselines"))
        display.on_training(FinalProgress.of_step("fitting simple baselines"))
    assert capsys.readouterr().out == "fitting simple baselines ...\n"


def test_progress_on_standard_error_leaves_the_output_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress.show_progress(on_stderr=True) as display:
        display.step("reading the study gun")
        display.step("reading the study gun", only_live=True)
    assert capsys.readouterr() == ("", "reading the study gun ...\n")


def test_words_are_never_broken_and_tables_are_aligned() -> None:
    path = "/a/long/path/" + "x" * 90
    assert wrapped(f"saved: {path}") == ["saved:", f"    {path}"]
    assert wrapped("one\ntwo", indent=2) == ["  one", "  two"]
    lines = table_lines(("name", "score"), [("a", "0.5\n± 0.1"), ("long name", "1")])
    assert lines == ["name       score", "a            0.5", "           ± 0.1", "long name      1"]


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(tmp_path)
    study = Study(
        "waves",
        Task.from_arrays(*waves(24)),
        small_space(),
        training=TrainingSettings(epochs=2),
        search=SearchSettings(pruner="none"),
    )
    study.run(2, executor=Synthetic(), on_progress=lambda progress: None)
    return study


def test_status_as_json_rebuilds_the_best_configuration(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "waves", "--format", "json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["state"], values["finished"], values["winner"]) == ("searched", 2, None)
    best = values["best"]
    assert best["trial"] == study.best_trial
    assert best["score"] == pytest.approx(study.best_score)
    candidate = study.results.best_trials()[0]
    assert TrainingSettings.from_dict(best["settings"]) == candidate.settings
    assert type(candidate.architecture).from_dict(best["architecture"]) == candidate.architecture
    assert main(["status", "--format", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["study"], row["state"], row["objective"]) == ("waves", "searched", "val_loss")
    assert row["score"] == pytest.approx(study.best_score)


def test_status_fits_80_columns_and_counts_configurations_outside(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "waves"]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    outside = len(study.results.start.outside)
    assert f"{outside} known configurations outside the space\n" in out
    assert "learning_rate=" in out
    assert "dropout_rate=0" in out


def test_tasks_and_check_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "--format", "json"]) == 0
    assert {"name", "shape", "required_context", "source"} == set(
        json.loads(capsys.readouterr().out)[0]
    )
    network = ["--seq-len", "600", "--kernel-size", "8", "--dilations", "1,2,4,8"]
    assert main(["check", *network, "--format", "json"]) == 1
    values = json.loads(capsys.readouterr().out)
    assert (values["covers"], values["receptive_field"]) == (False, 211)
    assert values["verdict"].startswith("No: it sees 211 of the 600 steps required")


def test_numbers_that_are_not_finite_become_null(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json({"a": [float("nan"), 1.5], "b": float("inf")})
    assert json.loads(capsys.readouterr().out) == {"a": [None, 1.5], "b": None}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_best_on_a_terminal_shows_progress_in_the_first_second_and_stops(study: Study) -> None:
    import pty

    main_end, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    command = [sys.executable, "-m", "tcn_search", "best", "waves"]
    started = time.monotonic()
    with subprocess.Popen(
        command, stdout=terminal, stderr=terminal, env=environment, start_new_session=True
    ) as process:
        os.close(terminal)
        first = ""
        while " ..." not in first:  # control sequences come before it
            first += os.read(main_end, 4096).decode()
        seconds = time.monotonic() - started
        assert "starting" in first or "reading the study" in first
        assert seconds < 5  # a machine may be busy; alone it takes half a second
        process.terminate()
        text = first
        while True:
            try:
                text += os.read(main_end, 65536).decode(errors="replace")
            except OSError:
                break
        assert process.wait(60) in (0, 2, 130, -15)
    os.close(main_end)
    assert "Traceback" not in text
    assert "oneDNN" not in text
    assert "cuInit" not in text
