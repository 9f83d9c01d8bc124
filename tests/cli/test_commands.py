"""The commands as a user types them: from a study file to predictions, and bad input."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tcn_search import load_study, study_figures
from tcn_search.cli.main import main
from tcn_search.tasks.registry import BUILT_IN
from tests.cli.processes import command, unwrapped
from tests.conftest import waves

EVALUATIONS = (
    "Test evaluations: 1 in this study, "
    "one each time that a configuration's final trainings were scored on the test split"
)


def test_from_a_study_file_to_predictions(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = command("run", "mine.toml")
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    assert (
        "mine: classification, 2 classes (from y_train: integers, shape (40,)); 32 training, 8 validation sequences "
        "60 sequences × 16 steps × 2 channels (32 training, 8 validation, 20 test) "
    ) in unwrapped(ran.stdout)
    assert "readout max: the output sees all 16 steps through the pool" in unwrapped(ran.stdout)
    assert "2 of 2 done" in ran.stdout
    assert "best: val_loss" in ran.stdout

    assert main(["run", "mine.toml"]) == 0
    assert "2 trials are finished already. --trials 12 would go on." in capsys.readouterr().out

    assert main(["status"]) == 0
    listed = capsys.readouterr().out
    assert re.search(r"^mine +searched +2 +val_loss 0\.\d+ +20\d\d-", listed, re.MULTILINE)
    assert re.search(r"^ +val_accuracy [01]", listed, re.MULTILINE)
    assert main(["status", "mine"]) == 0
    assert "2 finished: 2 complete" in capsys.readouterr().out

    best = command("best", "mine", "--seeds", "2", "--workers", "1")
    assert best.returncode == 0, best.stderr
    assert best.stderr == ""
    assert "Winner over 2 seeds" in best.stdout
    assert EVALUATIONS in unwrapped(best.stdout)
    assert main(["best", "mine", "--seeds", "2"]) == 0
    again = capsys.readouterr().out
    assert (
        "These trainings are stored; nothing is trained, and nothing is scored on the test split again."
        in unwrapped(again)
    )
    assert EVALUATIONS in unwrapped(again)
    assert main(["status", "mine"]) == 0
    status = unwrapped(capsys.readouterr().out)
    assert EVALUATIONS.lower() in status
    assert re.search(r"winner: trial \d, test accuracy [01]\S* TCN\(nb_filters=4, ", status)

    assert main(["report", "mine.toml"]) == 0
    figures = study_figures(load_study("mine"))
    assert {"history", "receptive_field", "learning_curves", "confusion_matrix"} <= set(figures)
    assert {file.name for file in Path("runs/mine").iterdir()} == {
        "best.keras",
        "final_trainings",
        "members",
        "report.html",
        "trials.csv",
        *(f"{name}.{ending}" for name in figures for ending in ("png", "svg", "pdf")),
    }

    predicted = command("predict", "runs/mine/best.keras", "waves.npz", "--out", "predictions.csv")
    assert predicted.returncode == 0, predicted.stderr
    frame = pd.read_csv("predictions.csv")
    assert list(frame) == ["sequence", "prediction", "probability_slow", "probability_fast"]
    assert len(frame) == 20
    _, y_test = waves(20, seed=1)
    accuracy = (frame["prediction"] == np.array(["slow", "fast"])[y_test]).mean()
    assert (
        f"Test: accuracy {accuracy:.4g} by the ensemble (mean of the predictions of 2 "
        in unwrapped(best.stdout)
    )


def test_a_study_of_defaults_from_data_alone(folder: Path) -> None:
    ran = command("run", "waves.npz", "--trials", "1", "--folds", "2", "--set", "training.epochs=1")
    assert ran.returncode == 0, ran.stderr
    assert "waves: classification" in ran.stdout
    assert "2 folds: a trial trains 2 times, and its score is the mean" in ran.stdout
    assert "over 2 folds, 2 epochs" in ran.stdout


def test_run_takes_downloaded_data_from_a_directory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own.toml").write_text('[task]\nname = "seq_mnist"\n')
    (tmp_path / "mnist.npz").write_text("something else")
    assert main(["run", str(tmp_path / "own.toml"), "--data-dir", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(
        f"tcn-search run: {tmp_path}/mnist.npz is not the expected file: its SHA-256 is "
    )
    (tmp_path / "own.toml").write_text('[task]\nname = "adding"\n')
    assert main(["run", str(tmp_path / "own.toml"), "--data-dir", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        "tcn-search run: Task 'adding' has no option 'data_dir'. It has: seq_len, train_size, validation_size, "
        "test_size, seed.\n"
    )


def test_tasks_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks"]) == 0
    out = capsys.readouterr().out
    assert all(f"\n{name}: " in f"\n{out}" for name in BUILT_IN)
    assert out.splitlines()[-1] == (
        "path/to/data.npz, .csv or .ts: your own; X_train (n, T, C) and y_train in an .npz (docs/data-files.md)"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "none.toml"], "tcn-search run: There is no study file none.toml."),
        (["run", "mine.toml", "--set", "space.kernel=3"], "tcn-search run: mine.toml: Unknown key 'space.kernel'. Did you mean 'space.kernel_size'?"),
        (["run", "mine.toml", "--set", "space.kernel_size={low=5,high=2}"], "low must not be above its high. Received: low = 5, high = 2"),
        (["run", "mine.toml", "--set", "space.levels=[1]", "--set", "space.readout=last"], "No architecture of this space covers the required context of 16 steps (sequence length 16)"),
        (["run", "mine.toml", "--set", "task.name=osuleef"], "There is no task 'osuleef'. Did you mean 'osuleaf'?"),
        (["run", "mine.toml", "--set", "search.objectives=['val_f2']"], "objective must be one of val_loss (minimize), val_accuracy (maximize), val_balanced_accuracy (maximize), val_f1 (maximize)"),
        (["run", "mine.toml", "--storage", "sqlite:////proc/none/x.db"], "The study storage sqlite:////proc/none/x.db cannot be used"),
        (["run", "mine.toml", "--storage", "postgresql://ann:secret@127.0.0.1:1/x"], "postgresql://ann:***@127.0.0.1:1/x"),
        (["run", "mine.toml", "--trials", "0"], "--trials must be at least 1. Received: 0"),
        (["run", "mine.toml", "--workers", "0"], "--workers must be auto or at least 1. Received: 0"),
        (
            ["run", "mine.toml", "--workers-per-gpu", "0"],
            "--workers-per-gpu must be at least 1. Received: 0",
        ),
        (["run", "mine.toml", "--folds", "0"], "mine.toml: folds must be an integer of at least 1. Received: 0"),
        (["run", "mine.toml", "--folds", "99"], "folds = 99 needs at least 99 sequences that can be held out (never the last one of a class). Received: 40."),
        (["run", "mine.toml", "--timeout", "soon"], "--timeout must be a time above 0 such as 90s, 30m or 2h. Received: 'soon'"),
        (["run", "rank2.npz"], "rank2.npz: X_train must have rank 3, (sequences, steps, channels). Received: shape (40, 16)."),
        (["run", "nan.npz"], "nan.npz: X_train must be finite within each sequence. Received: NaN or infinity in 1 of 40 sequences"),
        (["run", "empty_class.npz"], "empty_class.npz: Every class needs a training example. Without one: never."),
        (["status", "nothing"], "tcn-search status: There is no study 'nothing' in the storage. It has no studies yet."),
        (["report", "nothing"], "There is no study 'nothing' in the storage."),
        (["best", "nothing"], "There is no study 'nothing' in the storage."),
        (["best", "nothing", "--out", "model.h5"], "--out must be a file that ends in .keras. Received: model.h5"),
        (["predict", "none.keras", "waves.npz"], "There is no model file none.keras."),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_changes_nothing(
    arguments: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    X, y = waves(40)
    np.savez("rank2.npz", X_train=X[..., 0], y_train=y)
    np.savez("empty_class.npz", X_train=X, y_train=y, class_names=["slow", "fast", "never"])
    X[7, 3] = np.nan
    np.savez("nan.npz", X_train=X, y_train=y)
    before = sorted(folder.rglob("*"))
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert err.count("\n") == 1
    assert "secret" not in err
    assert out == ""
    assert sorted(folder.rglob("*")) == before


def test_no_command_and_an_unknown_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "run" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main(["walk"])
    assert ended.value.code == 2


def test_a_study_goes_on_after_the_reader_of_its_output_has_gone(folder: Path) -> None:
    """`tcn-search run mine.toml | head -1` ends with every trial."""
    with subprocess.Popen(
        [sys.executable, "-m", "tcn_search", "run", "mine.toml", "--workers", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        assert started.stdout is not None
        assert started.stdout.readline().startswith("mine: ")
        started.stdout.close()
        assert started.stderr is not None
        assert "Traceback" not in started.stderr.read()
        assert started.wait() == 0
    assert load_study("mine").finished == 2


def test_a_command_without_a_reader_ends_without_a_traceback(folder: Path) -> None:
    """`tcn-search tasks | head -0` ends quietly."""
    read, write = os.pipe()
    os.close(read)
    ended = subprocess.run(
        [sys.executable, "-m", "tcn_search", "tasks"],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(write)
    assert "Traceback" not in ended.stderr
