"""Predictions on numbers far from zero, from a saved model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tcn_search import Architecture, Task, build_model, load_model, load_task, predict
from tcn_search.cli.main import main
from tcn_search.errors import InputError
from tests.conftest import draw_head, waves

SMALL = Architecture(nb_filters=4, kernel_size=3, dilations=(1, 2))
X, _ = waves(12)
WIDE = X.astype("float64")
OFFSET = 1.5e9
Y = 1.7e9 + np.arange(12.0) / 4


def test_an_offset_is_taken_off_and_put_back(tmp_path: Path) -> None:
    plain = build_model(SMALL, Task.from_arrays(WIDE, np.arange(12.0) / 4))
    draw_head(plain)
    task = Task.from_arrays(WIDE + OFFSET, Y)
    model = build_model(SMALL, task)
    model.set_weights(plain.get_weights())
    model.save(tmp_path / "far.keras")
    found = predict(load_model(tmp_path / "far.keras"), WIDE + OFFSET)["prediction"]
    (offset,) = task.spec.target_offset
    assert found.dtype == "float64"
    np.testing.assert_allclose(found - 1.7e9, predict(plain, WIDE)["prediction"], atol=1e-3)
    centred = np.asarray(
        model.predict((WIDE + OFFSET - task.spec.input_offset).astype("float32"), verbose=0)
    )
    np.testing.assert_allclose(found - offset, centred[:, 0], atol=1e-5)


def test_numbers_that_are_rounded_already_are_refused() -> None:
    model = build_model(SMALL, Task.from_arrays(WIDE + OFFSET, Y))
    with pytest.raises(InputError) as error:
        predict(model, (WIDE + OFFSET).astype("float32"))
    assert str(error.value) == (
        "X must be in double precision, float64: the model is for values around 1500000000, which "
        "float32 rounds. Received: float32"
    )
    with pytest.raises(InputError) as error:
        predict(model, np.full((1, 16, 2), 1e300))
    assert str(error.value) == (
        "X must lie within the range of float32, ±3.4e+38. Received: 1e+300 in sequence 0"
    )


def test_a_forecast_goes_on_where_a_far_series_ends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dates = pd.date_range("2024-01-01", periods=80).strftime("%Y-%m-%d")
    file = tmp_path / "meter.csv"
    pd.DataFrame({"date": dates, "meter": 123456789 + 0.25 * np.arange(80)}).to_csv(
        file, index=False
    )
    task = load_task("forecast", file=file, horizon=2, look_back=8)
    model = build_model(SMALL, task)
    model.set_weights(
        [np.zeros_like(weights) for weights in model.get_weights()]
    )  # repeats the last value
    model.save(tmp_path / "meter.keras")
    assert main(["predict", str(tmp_path / "meter.keras"), str(file)]) == 0
    header, row = capsys.readouterr().out.split()
    assert header == "sequence,meter+1,meter+2"
    np.testing.assert_allclose(
        [float(value) for value in row.split(",")], [0, 123456808.75, 123456808.75], atol=1e-3
    )


def test_arrays_with_channels_first_are_predicted_where_it_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = build_model(SMALL, Task.from_arrays(WIDE, Y))
    model.save(tmp_path / "own.keras")
    np.savez(tmp_path / "new.npz", X=WIDE.transpose(0, 2, 1))
    arguments = ["predict", str(tmp_path / "own.keras"), str(tmp_path / "new.npz")]
    assert main([*arguments, "--axes", "channels_steps"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 13
    assert main(arguments) == 2
    assert capsys.readouterr().err == (
        "tcn-search predict: The model takes 2 channels. Received: 16 (shape (12, 2, 16)). "
        "Are the axes (sequences, channels, steps)? Then turn them: --axes channels_steps, or "
        "X.transpose(0, 2, 1)\n"
    )
