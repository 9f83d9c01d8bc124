"""`tcn-search predict` on tables: columns are found by name, and ignored ones are named."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tcn_search import Architecture, Task, build_model, load_task
from tcn_search.cli.main import main
from tests.cli.processes import unwrapped
from tests.conftest import draw_head

rng = np.random.default_rng(0)
ROWS = [
    {"id": row, "time": step, "accel": rng.normal(), "gyro": rng.normal(), "label": "du"[row % 2]}
    for row in range(16)
    for step in range(6)
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a model of a long table, and that table."""
    monkeypatch.chdir(tmp_path)
    pd.DataFrame(ROWS).to_csv("own.csv", index=False)
    save_model(Architecture(4, 2, (1, 2, 4)), load_task("./own.csv"), "own.keras")
    return tmp_path


def save_model(architecture: Architecture, task: Task, file: str) -> None:
    model = build_model(architecture, task)
    draw_head(model)
    model.save(file)


def predicted(model: str, data: str, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    assert main(["predict", model, data]) == 0
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_columns_are_found_by_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = pd.DataFrame(ROWS)
    known, note = predicted("own.keras", "own.csv", capsys)
    assert note == ""
    assert known.count("\n") == 17
    table[["gyro", "time", "id", "accel"]].assign(more=1).to_csv("swapped.csv")
    predictions, note = predicted("own.keras", "swapped.csv", capsys)
    assert predictions == known
    assert note == "swapped.csv: not read: column Unnamed: 0, more\n"
    table.rename(columns={"accel": "a"}).to_csv("renamed.csv", index=False)
    assert main(["predict", "own.keras", "renamed.csv"]) == 2
    assert capsys.readouterr().err == (
        "tcn-search predict: renamed.csv must have the columns that were trained on. Missing: accel. "
        "It has: id, time, a, gyro, label\n"
    )


def test_a_forecast_finds_its_series_by_name(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hours = pd.date_range("2024-01-01", periods=60, freq="h")
    table = pd.DataFrame({"date": hours, "load": rng.normal(size=60), "heat": rng.normal(size=60)})
    table.to_csv("series.csv", index=False)
    task = load_task("forecast", file="series.csv", target="load", horizon=2, look_back=8)
    save_model(Architecture(4, 3, (1, 2)), task, "forecast.keras")
    known, _ = predicted("forecast.keras", "series.csv", capsys)
    table[["heat", "load", "date"]][::-1].to_csv("swapped.csv")
    predictions, note = predicted("forecast.keras", "swapped.csv", capsys)
    assert predictions == known
    assert note == (
        "swapped.csv: not read: column Unnamed: 0\n"
        "swapped.csv: rows are put in the order of time; row 2 (2024-01-03 10:00:00) was the first "
        "to be earlier than the row before it\n"
    )
    table.drop(columns="heat").to_csv("less.csv", index=False)
    assert main(["predict", "forecast.keras", "less.csv"]) == 2
    assert "Missing: heat. It has: date, load" in capsys.readouterr().err
    table.rename(columns={"date": "when"}).to_csv("renamed.csv", index=False)
    assert main(["predict", "forecast.keras", "renamed.csv", "--time", "when"]) == 0
    assert capsys.readouterr().out == known


def test_new_tables_are_read_as_in_training(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pd.DataFrame(ROWS).assign(
        time=lambda frame: [f"0{1 + k}/02/2024" for k in frame["time"]]
    )
    table.to_csv("own.csv", index=False, sep=";", decimal=",")
    save_model(Architecture(4, 2, (1, 2, 4)), load_task("./own.csv", dayfirst=True), "own.keras")
    known, _ = predicted("own.keras", "own.csv", capsys)
    table[::-1].to_csv("reversed.csv", index=False, sep=";", decimal=",")
    predictions, _ = predicted("own.keras", "reversed.csv", capsys)
    assert [line.split(",")[1:] for line in predictions.splitlines()[:0:-1]] == [
        line.split(",")[1:] for line in known.splitlines()[1:]
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "own.xls"], "A study is a .toml file, or data: an .npz, a .csv, a .tsv or a .ts. Received: own.xls"),
        (["run", "own"], "A study is a .toml file, or data: an .npz, a .csv, a .tsv or a .ts. Received: own"),
        (["run", "own.csv", "--target", "x"], "{folder}/own.csv has no column 'x'. It has: id, time, accel, gyro, label"),
        (["run", "own.csv", "--horizon", "2"], "target must name the column of {folder}/own.csv to predict. It has: accel, gyro, label"),
    ],
)  # fmt: skip
def test_run_names_the_error_in_a_table(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err.removeprefix("tcn-search run: ")
    assert error.replace(str(folder) + "/", "").strip() == message.replace("{folder}/", "")
    assert not Path("runs").exists()


def test_run_makes_studies_of_tables(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hours = pd.date_range("2024-01-01", periods=60, freq="h")
    pd.DataFrame({"date": hours, "load": np.arange(60.0), "heat": 1.0}).to_csv("Series.CSV")
    options = (
        "--horizon 2 --target load --target heat --trials 1 --workers 1 "
        "--set training.epochs=1 --set task.look_back=8"
    )
    assert main(["run", "Series.CSV", *options.split()]) == 0
    out = unwrapped(capsys.readouterr().out)
    assert "forecast of 2 of 2 series, 2 steps ahead" in out
    assert "Series.CSV: not read: column Unnamed: 0" in out
    assert main(["status", "Series.CSV"]) == 0


def test_check_reads_data_as_run_does(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = ["--kernel-size", "3", "--dilations", "1,2"]
    assert main(["check", "--task", "own.csv", "--target", "label", *network]) == 0
    assert (
        "own: 16 sequences × 6 steps × 2 channels (12 training, 4 validation); classification"
        in (capsys.readouterr().out)
    )
    hours = pd.date_range("2024-01-01", periods=600, freq="h")
    pd.DataFrame({"date": hours, "load": np.arange(600.0)}).to_csv("series.csv")
    assert main(["check", "--task", "series.csv", "--horizon", "2", *network]) == 1
    out = capsys.readouterr().out
    assert "336 steps × 1 channel" in out
    assert "series.csv: not read: column Unnamed: 0" in out


def test_series_below_each_other_are_predicted_in_their_units(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    steps = np.arange(60)
    shops = [
        pd.DataFrame(
            {
                "id": name,
                "ds": pd.date_range("2024-01-01", periods=60, freq="D"),
                "y": level + np.sin(steps),
                "price": 1.0 + steps % 3,
            }
        )
        for name, level in (("north", 10.0), ("south", 5000.0))
    ]
    table = pd.concat(shops)
    table.to_csv("shops.csv", index=False)
    task = load_task(
        "forecast", file="shops.csv", horizon=2, look_back=8, known="price", calendar="weekday"
    )
    save_model(Architecture(4, 2, (1, 2, 4)), task, "own.keras")
    assert main(["predict", "own.keras", "shops.csv"]) == 2
    assert "Column price is known in advance, so its values are needed for the 2 steps" in (
        capsys.readouterr().err
    )
    future = table[table["ds"] >= "2024-02-28"].copy()
    future["ds"] += pd.Timedelta(days=2)
    table = pd.concat([table, future[future["ds"] > "2024-02-29"].assign(y="")])
    table.to_csv("new.csv", index=False)
    out, _ = predicted("own.keras", "new.csv", capsys)
    frame = pd.read_csv(StringIO(out))
    assert list(frame.columns) == ["id", "y+1", "y+2"]
    assert frame["id"].tolist() == ["north", "south"]
    assert frame["y+1"][0] < 100 < 4000 < frame["y+1"][1]
