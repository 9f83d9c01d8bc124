"""Scores of a saved model on labelled data, from arrays and from every kind of file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from tcn_search import Architecture, Task, build_model, evaluate, forecast_metrics, load_task
from tcn_search.cli.main import main
from tcn_search.errors import InputError
from tcn_search.evaluation.label_scores import label_scores
from tcn_search.models.predict import predict
from tests.conftest import draw_head, waves
from tests.formats.written_wav import write_wav
from tests.models.every_kind import CAUSAL, CLASSES, MODELS, STEPS, built

NAMES = ("a", "b", "c")


def sequences(count: int = 40, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal([1.0, 2.0], [2.0, 0.5], (count, 12, 2))


def test_classes_are_scored_overall_and_by_class() -> None:
    model = built(CAUSAL, CLASSES)
    X = sequences()
    y = np.random.default_rng(1).integers(0, 3, len(X))
    evaluation = evaluate(model, X, y)
    predicted = np.array([NAMES.index(name) for name in predict(model, X)["prediction"]])
    assert evaluation.kind == "classification"
    assert evaluation.examples == 40
    assert evaluation.scores["accuracy"] == np.mean(predicted == y)
    assert evaluation.scores["balanced_accuracy"] == pytest.approx(
        np.mean([np.mean(predicted[y == number] == number) for number in range(3)])
    )
    assert evaluation.scores["f1"] == pytest.approx(metrics.f1_score(y, predicted, average="macro"))
    assert evaluation.confusion is not None
    assert evaluation.confusion.loc["b", "c"] == np.sum((y == 1) & (predicted == 2))
    assert evaluation.by_class is not None
    assert evaluation.by_class["examples"].tolist() == np.bincount(y).tolist()
    assert "true class by row, predicted class by column" in str(evaluation)
    named = evaluate(model, X, [NAMES[number] for number in y])
    assert named.scores == evaluation.scores
    one_hot = evaluate(model, X, np.eye(3)[y])
    assert one_hot.scores == evaluation.scores


def test_a_class_without_an_example_has_no_warning_and_counts_nothing() -> None:
    X = sequences(4)
    evaluation = evaluate(built(CAUSAL, CLASSES), X, ["b", "b", "b", "b"])
    recall = evaluation.by_class["recall"].tolist()  # type: ignore[index]
    assert evaluation.scores["balanced_accuracy"] == recall[1]


def test_many_classes_are_listed_by_their_confusions() -> None:
    spec = replace(CLASSES, outputs=14, class_names=tuple("abcdefghijklmn"))
    X = sequences(60)
    y = np.random.default_rng(0).integers(0, 14, 60)
    text = str(evaluate(built(CAUSAL, spec), X, y))
    assert "most frequent confusions, true class as predicted class\n" in text


def test_classes_of_steps_are_scored_without_padding() -> None:
    model = built(replace(CAUSAL, readout="sequence"), replace(STEPS, ragged=True))
    X = sequences(3)
    X[0, 5:] = np.nan
    y = np.random.default_rng(0).integers(0, 3, (3, 12))
    evaluation = evaluate(model, [X[0, :5], X[1], X[2]], y)
    table = predict(model, X)
    truth = np.concatenate([y[0, :5], y[1], y[2]])
    assert evaluation.examples == 29
    assert evaluation.scores["accuracy"] == np.mean(table["prediction"] == np.array(NAMES)[truth])
    lists = evaluate(model, [X[0, :5], X[1], X[2]], [list(y[0, :5]), list(y[1]), list(y[2])])
    assert lists.scores == evaluation.scores
    with pytest.raises(InputError, match="Received: 4 classes for the 5 steps of sequence 0"):
        evaluate(model, [X[0, :5], X[1], X[2]], [y[0, :4], y[1], y[2]])


def test_labels_are_scored() -> None:
    model = MODELS["labels"]()
    X = sequences()
    y = np.random.default_rng(0).integers(0, 2, (40, 3))
    evaluation = evaluate(model, X, y)
    predicted = predict(model, X).iloc[:, 1:].to_numpy() > 0.5
    assert evaluation.scores["binary_accuracy"] == np.mean(predicted == y)
    assert evaluation.by_class is not None
    assert evaluation.confusion is None
    with pytest.raises(InputError, match="y must hold zeros and ones for labels"):
        evaluate(model, X, y + 1)


def test_a_single_label_is_scored() -> None:
    truth = np.array([[0], [1], [1]])
    scores = label_scores(truth, np.array([[0.2], [0.8], [0.1]]), ["x"])
    assert scores.overall["f1"] == pytest.approx(2 / 3)
    assert scores.tables["by_class"].iloc[0].tolist() == ["x", 1.0, 0.5, pytest.approx(2 / 3), 2]


def test_numbers_are_scored_in_their_units() -> None:
    model = MODELS["numbers"]()
    X = sequences()
    y = np.random.default_rng(0).normal([3, 30], [1, 10], (40, 2))
    evaluation = evaluate(model, X, y)
    predicted = predict(model, X)[["x", "y"]].to_numpy()
    assert evaluation.scores["mse"] == pytest.approx(np.mean((predicted - y) ** 2))
    assert evaluation.by_number is not None
    assert evaluation.by_number["number"].tolist() == ["x", "y"]
    assert evaluation.by_number["r2"].tolist() == pytest.approx(
        metrics.r2_score(y, predicted, multioutput="raw_values")
    )
    assert evaluate(model, X[:1], y[:1]).to_dict()["scores"]["r2"] is None
    for wrong, message in (
        (y[:, :1], "y must hold 2 numbers for each sequence. Received: shape (40, 1)"),
        (np.full((40, 2), np.nan), "y must hold finite numbers. Received: NaN or infinity"),
        (["a"] * 40, "y must hold 2 numbers for each sequence. Received: text"),
    ):
        with pytest.raises(InputError) as error:
            evaluate(model, X, wrong)
        assert str(error.value) == message
    model.get_layer("head").bias.assign([np.nan, 0.0])
    with pytest.raises(InputError, match="The model must predict finite numbers"):
        evaluate(model, X, y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0] * 39, "y must have one target for each of the 40 sequences. Received: 39"),
        (["d"] * 40, "y must hold classes that the model knows: a, b, c. Received: d"),
        ([0.5] * 40, "y must hold classes that the model knows: a, b, c. Received: 0.5"),
        (7, "y must hold at least one sequence, and a target for each."),
        ([float("nan")] * 40, "y must hold classes that the model knows: a, b, c. Received: nan"),
        (np.zeros((40, 2)), "y must hold one class for each sequence. Received: shape (40, 2)"),
    ],
)
def test_targets_that_do_not_fit_are_refused(y, message: str) -> None:
    with pytest.raises(InputError) as error:
        evaluate(built(CAUSAL, CLASSES), sequences(), y)
    assert str(error.value) == message


def test_a_forecast_is_scored_on_every_window(tmp_path: Path) -> None:
    hours = pd.date_range("2024-01-01", periods=60, freq="h")
    generator = np.random.default_rng(0)
    table = pd.DataFrame(
        {"date": hours, "load": generator.normal(100, 20, 60), "heat": generator.normal(size=60)}
    )
    table.to_csv(tmp_path / "series.csv", index=False)
    task = load_task(
        "forecast", file=tmp_path / "series.csv", target="load", horizon=2, look_back=8
    )
    model = build_model(Architecture(4, 3, (1, 2)), task)
    draw_head(model)
    evaluation = evaluate(model, table)
    assert evaluation.examples == 60 - 8 - 2 + 1
    windows = np.stack([table[["load", "heat"]].to_numpy()[s : s + 8] for s in range(51)])
    forecasts = predict(model, windows)[["load+1", "load+2"]].to_numpy()
    truth = np.stack([table["load"].to_numpy()[s + 8 : s + 10] for s in range(51)])
    frame = pd.DataFrame(
        {
            "id": "load",
            "step": np.tile([1, 2], 51),
            "truth": truth.ravel(),
            "forecast": forecasts.ravel(),
            "scale": task.spec.target_std[0],
        }
    )
    expected = forecast_metrics(frame).iloc[0].to_dict()
    assert evaluation.scores == pytest.approx(expected, rel=1e-5)
    assert evaluation.by_step is not None
    assert evaluation.by_step["mae_units"].tolist() == pytest.approx(
        forecast_metrics(frame, by="step")["mae_units"].tolist(), rel=1e-5
    )
    with pytest.raises(InputError, match="must hold at least 10 steps of a series"):
        evaluate(model, table[:9])
    with pytest.raises(InputError, match="A forecast is evaluated on a table of series"):
        evaluate(model, windows, truth)


def test_series_below_each_other_are_scored_in_their_units(tmp_path: Path) -> None:
    steps = np.arange(40)
    generator = np.random.default_rng(0)
    table = pd.concat(
        pd.DataFrame(
            {
                "id": name,
                "ds": pd.date_range("2024-01-01", periods=40, freq="D"),
                "y": level + generator.normal(size=40) * level / 10,
                "price": 1.0 + steps % 3,
            }
        )
        for name, level in (("north", 10.0), ("south", 5000.0))
    )
    table.to_csv(tmp_path / "shops.csv", index=False)
    file = tmp_path / "shops.csv"
    task = load_task("forecast", file=file, horizon=2, look_back=8, known="price")
    model = build_model(Architecture(4, 2, (1, 2, 4)), task)
    draw_head(model)
    evaluation = evaluate(model, file)
    assert evaluation.examples == 2 * (40 - 8 - 2 + 1)
    assert evaluation.by_series is not None
    assert evaluation.by_series["id"].tolist() == ["north", "south"]
    north, south = evaluation.by_series["mae_units"]
    assert north < 20
    assert 100 < south < 10_000


def test_a_window_does_not_see_what_comes_after_it(tmp_path: Path) -> None:
    """Neither in an interpolated step, nor in the scale of a series that was not trained on."""
    days = pd.date_range("2024-01-01", periods=40, freq="D")
    values = 10 + np.random.default_rng(0).normal(size=40)
    table = pd.DataFrame({"id": "north", "ds": days, "y": values})
    table.loc[20, "y"] = np.nan
    options = {"target": "y", "horizon": 2, "look_back": 8, "gaps": "interpolate"}
    table.to_csv(tmp_path / "shops.csv", index=False)
    model = build_model(
        Architecture(4, 2, (1, 2, 4)),
        load_task("forecast", file=tmp_path / "shops.csv", id="id", **options),
    )
    draw_head(model)
    assert evaluate(model, table).examples == 40 - 8 - 2 + 1 - 1
    new = table.assign(id="south")
    changed = new.copy()
    changed.loc[10:, "y"] *= 100
    evaluations = [evaluate(model, frame[:10].copy()) for frame in (new, changed)]
    assert evaluations[0].scores == evaluations[1].scores
    whole = evaluate(model, changed)
    assert "series south was not trained on; it is standardised by its first 8 steps" in " ".join(
        whole.notes
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with labelled waves, and a model of them."""
    monkeypatch.chdir(tmp_path)
    (X, y), (X_new, y_new) = waves(16), waves(10, seed=1)
    task = Task.from_arrays(X, y, class_names=["slow", "fast"])
    model = build_model(Architecture(4, 3, (1, 2, 4)), task)
    draw_head(model)
    model.save("waves.keras")
    np.savez("new.npz", X=X_new, y=y_new)
    np.savez("unlabelled.npz", X=X_new)
    np.savez("three.npz", X=np.zeros((2, 16, 3)), y=[0, 1])
    np.savez("turned.npz", X=X_new, y=1 - y_new, class_names=["fast", "slow"])
    return tmp_path


def test_the_command_prints_scores(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "waves.keras", "new.npz"]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("classification, 10 sequences\naccuracy ")
    assert captured.err == ""
    assert main(["evaluate", "waves.keras", "new.npz", "--format", "json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["classes"] == ["slow", "fast"]
    assert np.sum(values["confusion"]) == 10
    assert main(["evaluate", "waves.keras", "turned.npz", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == values


@pytest.mark.parametrize(
    ("model", "data", "message"),
    [
        ("no.keras", "new.npz", "There is no model file no.keras. `tcn-search best NAME` saves that of a study as runs/NAME/best.keras."),
        ("waves.keras", "no.npz", "There is no file no.npz."),
        ("new.npz", "new.npz", "new.npz cannot be read as a Keras model: "),
        ("waves.keras", "unlabelled.npz", "unlabelled.npz has no y: labelled data has X and y, or X_test and y_test. It has: X."),
        ("waves.keras", "three.npz", "The model takes 2 channels. Received: 3 (shape (2, 16, 3))"),
        ("waves.keras", "waves.keras", "Labelled data must be an .npz, a .csv, a .tsv or a .ts, or a folder of .wav. Received: waves.keras"),
        ("waves.keras", ".", "Recordings can only be given to a model that was trained on WAV files"),
    ],
)  # fmt: skip
def test_the_command_reports_bad_input_in_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], model: str, data: str, message: str
) -> None:
    assert main(["evaluate", model, data]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"tcn-search evaluate: {message}")
    assert error.count("\n") == 1


def test_tables_and_ts_files_are_scored(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generator = np.random.default_rng(0)
    rows = [
        {"id": row, "time": step, "accel": generator.normal(), "label": "du"[row % 2]}
        for row in range(12)
        for step in range(6)
    ]
    table = pd.DataFrame(rows)
    table.to_csv("own.csv", index=False)
    model = build_model(Architecture(4, 2, (1, 2, 4)), load_task("./own.csv"))
    draw_head(model)
    model.save("own.keras")
    evaluation = evaluate(model, "own.csv")
    truth = np.array(["du"[row % 2] for row in range(12)])
    X = table["accel"].to_numpy().reshape(12, 6, 1)
    assert evaluation.scores["accuracy"] == np.mean(predict(model, X)["prediction"] == truth)
    lines = [f"{','.join(map(str, X[row, :, 0]))}:{truth[row]}" for row in range(12)]
    header = "@timestamps false\n@classLabel true d u\n@data\n"
    Path("own.ts").write_text(header + "\n".join(lines))
    assert evaluate(model, "own.ts").scores == evaluation.scores
    Path("without.ts").write_text(
        "@timestamps false\n@classLabel false\n@data\n" + "\n".join(line[:-2] for line in lines)
    )
    table.rename(columns={"label": "kind"}).to_csv("renamed.csv", index=False)
    assert main(["evaluate", "own.keras", "renamed.csv", "--target", "kind"]) == 0
    capsys.readouterr()
    for data, message in (
        ("renamed.csv", "renamed.csv must have the columns that were trained on. Missing: label"),
        ("without.ts", "without.ts has no labels: its header needs @classLabel true"),
    ):
        assert main(["evaluate", "own.keras", data]) == 2
        assert message in capsys.readouterr().err


def test_a_folder_of_recordings_is_scored(folder: Path) -> None:
    generator = np.random.default_rng(0)
    for name in ("low", "high"):
        for number in range(4):
            samples = generator.integers(-3000, 3000, 400)
            write_wav(folder / "clips" / name / f"ann{number}_0.wav", samples)
    task = load_task("wav_folder", folder="clips", front="average", downsample=40)
    model = build_model(Architecture(4, 3, (1, 2)), task)
    draw_head(model)
    evaluation = evaluate(model, "clips")
    assert evaluation.examples == 8
    assert evaluation.by_class is not None
    assert evaluation.by_class["examples"].tolist() == [4, 4]
