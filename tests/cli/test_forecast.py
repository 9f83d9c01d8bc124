"""`tcn-search forecast`: time stamps, ids and quantiles after the last row, and stored errors."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tcn_search import (
    Architecture,
    SearchSpace,
    Study,
    TrainingSettings,
    build_model,
    load_task,
    predict_next,
)
from tcn_search.cli.main import main
from tcn_search.errors import InputError
from tcn_search.evaluation.model_outputs import keep_errors
from tcn_search.models.build import load_model
from tcn_search.workers.executor import InProcessExecutor
from tests.cli.processes import unwrapped
from tests.conftest import draw_head
from tests.evaluation.forecast_tasks import noisy_waves
from tests.study.synthetic import Synthetic

ROWS = 200
HOURS = pd.date_range("2024-01-01", periods=ROWS, freq="h")
OPTIONS = {"horizon": 3, "look_back": 8, "parts": [100, 50, 50]}
ARCHITECTURE = Architecture(4, 3, (1, 2))


def wide_table() -> pd.DataFrame:
    values = noisy_waves(ROWS)
    return pd.DataFrame({"date": HOURS, "load": values[:, 0], "heat": values[:, 1]})


def long_table() -> pd.DataFrame:
    values = noisy_waves(ROWS)
    frames = [
        pd.DataFrame({"id": name, "time": HOURS[:rows], "y": values[:rows, 0] * size})
        for name, rows, size in (("small", ROWS, 1.0), ("large", ROWS - 10, 1000.0))
    ]
    return pd.concat(frames)


def save(file: str, table: pd.DataFrame, with_errors: bool = True, **options: object) -> None:
    """Save a table as FILE.csv and a model of it as FILE.keras."""
    table.to_csv(f"{file}.csv", index=False)
    task = load_task("forecast", file=f"{file}.csv", **OPTIONS, **options)
    model = build_model(ARCHITECTURE, task)
    draw_head(model)
    if with_errors:
        keep_errors([model], task.spec, task.validation)
    model.save(f"{file}.keras")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[pd.DataFrame, str]:
    assert main(["forecast", *arguments]) == 0
    captured = capsys.readouterr()
    return pd.read_csv(io.StringIO(captured.out)), captured.err


def test_the_steps_after_the_last_row_of_each_column(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save("own", wide_table())
    frame, note = printed(["own.keras", "--data", "own.csv"], capsys)
    assert note == ""
    assert list(frame) == ["id", "time", "step", "forecast", "0.1", "0.5", "0.9"]
    assert frame["id"].tolist() == ["load"] * 3 + ["heat"] * 3
    expected = pd.date_range(HOURS[-1], periods=4, freq="h")[1:]
    assert pd.to_datetime(frame["time"]).tolist() == [*expected, *expected]
    assert (frame["0.1"] < frame["0.9"]).all()
    # As `tcn-search predict` says, with the columns below each other.
    assert main(["predict", "own.keras", "own.csv"]) == 0
    known = pd.read_csv(io.StringIO(capsys.readouterr().out))
    names = [f"{name}+{step}" for name in ("load", "heat") for step in (1, 2, 3)]
    np.testing.assert_allclose(frame["forecast"], known[names].iloc[0], rtol=1e-5)
    shorter, _ = printed(
        ["own.keras", "--data", "own.csv", "--horizon", "2", "--quantiles", "0.25"], capsys
    )
    assert list(shorter) == ["id", "time", "step", "forecast", "0.25"]
    assert shorter["step"].tolist() == [1, 2, 1, 2]
    np.testing.assert_allclose(shorter["forecast"], frame[frame["step"] < 3]["forecast"])


def test_each_series_below_each_other_goes_on_after_its_own_last_row(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save("own", long_table())
    assert main(["forecast", "own.keras", "--data", "own.csv", "--out", "next.csv"]) == 0
    assert capsys.readouterr().out == "wrote 6 rows to next.csv\n"
    frame = pd.read_csv("next.csv").set_index("id")
    first = pd.to_datetime(frame[frame["step"] == 1]["time"])
    assert first["small"] == HOURS[-1] + pd.Timedelta(hours=1)
    assert first["large"] == HOURS[-11] + pd.Timedelta(hours=1)
    width = frame["0.9"] - frame["0.1"]
    sizes = width["large"].to_numpy() / width["small"].to_numpy()
    np.testing.assert_allclose(sizes, 1000, rtol=0.1)


def test_columns_known_in_advance_are_given_for_the_horizon(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = wide_table().rename(columns={"heat": "price"})
    save("own", table, target="load", known="price")
    later = pd.DataFrame(
        {"date": pd.date_range(HOURS[-1], periods=4, freq="h")[1:], "price": [9.0, 9.0, 9.0]}
    )
    later.to_csv("later.csv", index=False)
    frame, _ = printed(["own.keras", "--data", "own.csv", "--future", "later.csv"], capsys)
    later.assign(price=-9.0).to_csv("later.csv", index=False)
    other, _ = printed(["own.keras", "--data", "own.csv", "--future", "later.csv"], capsys)
    assert frame["id"].unique().tolist() == ["load"]
    assert (frame["forecast"] != other["forecast"]).all()


def test_a_model_without_known_errors_has_no_quantiles(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save("own", wide_table(), with_errors=False)
    frame, note = printed(["own.keras", "--data", "own.csv"], capsys)
    assert list(frame) == ["id", "time", "step", "forecast"]
    assert note.startswith("no quantiles: the model was not trained for them")
    model = load_model("own.keras")
    pd.testing.assert_frame_equal(
        predict_next(model, "own.csv").drop(columns="time"), frame.drop(columns="time"), rtol=1e-5
    )
    with pytest.raises(InputError, match="The model has no quantiles"):
        predict_next(model, "own.csv", quantiles=[0.1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.keras", "--data", "own.csv"], "There is no model file none.keras."),
        (["own.keras"], "A model needs the rows that it forecasts from: --data NEW.csv"),
        (["own.keras", "--data", "none.csv"], "There is no file none.csv."),
        (["own.keras", "--data", "own.csv", "--horizon", "4"], "horizon must be at most 3, the steps that the model was trained to predict. Received: 4."),
        (["own.keras", "--data", "own.csv", "--quantiles", "0.1,2"], "--quantiles must be numbers between 0 and 1, such as 0.1,0.9. Received: '0.1,2'"),
        (["own.keras", "--data", "own.csv", "--quantiles", "0.001"], "A quantile must lie between 0.025 and 0.975"),
        (["own.keras", "--errors", "step"], "--errors shows what `best` stored in a study. Received: a model."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_in_a_line(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    save("own", wide_table())
    assert main(["forecast", *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"tcn-search forecast: {message}")


def test_a_study_shows_its_errors_beside_simple_models_and_forecasts_its_own_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wide_table().to_csv("own.csv", index=False)
    task = load_task("forecast", file="own.csv", season=6, **OPTIONS)
    space = SearchSpace(
        nb_filters=[4], kernel_size=[3], levels=[2], nb_stacks=[1], norm=["none"], readout=["last"]
    )
    study = Study("own", task, space, training=TrainingSettings(epochs=1))
    study.run(1, executor=Synthetic(), on_progress=lambda progress: None)
    assert main(["forecast", "own", "--errors", "all"]) == 2
    assert "Run: tcn-search best own" in capsys.readouterr().err
    winner = study.best(top=1, seeds=2, executor=InProcessExecutor(task.training))
    assert winner.forecast is not None
    assert winner.forecast.windows == 48
    assert winner.forecast.overall["mse"] == pytest.approx(winner.score, rel=1e-4)
    names = [
        "winner",
        "mean",
        "last value repeated",
        "seasonal naive, 6 steps",
        "drift",
        "linear map of the windows",
    ]
    errors, _ = printed(["own", "--errors", "step"], capsys)
    assert errors["model"].unique().tolist() == names
    assert errors["step"].tolist() == [1, 2, 3] * 6
    by_series, _ = printed(["own", "--errors", "id"], capsys)
    assert by_series["id"].tolist() == ["load", "heat"] * 6
    assert by_series["coverage_80"].notna().sum() == 2  # simple models have no intervals
    frame, _ = printed(["own"], capsys)
    assert len(frame) == 6
    assert main(["status", "own"]) == 0
    assert "within the 80% interval" in unwrapped(capsys.readouterr().out)
    table = pd.read_csv("runs/own/test_forecasts.csv")
    assert table.groupby("id")["origin"].nunique().tolist() == [16, 16]
    assert main(["report", "own"]) == 0
    for name in ("error_by_step", "forecasts", "residuals"):
        assert Path(f"runs/own/{name}.png").is_file()
