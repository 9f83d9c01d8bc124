"""The figures of forecasts, drawn from small frames."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot

from tcn_search import forecast_metrics, plot_error_by_step, plot_forecasts, plot_residuals

HOURS = pd.date_range("2024-01-01", periods=12, freq="h")
FORECASTS = pd.concat(
    [
        pd.DataFrame(
            {
                "id": name,
                "origin": HOURS.repeat(3)[: 4 * 9 : 3][:3].repeat(3),
                "step": [1, 2, 3] * 3,
                "time": HOURS[3:],
                "truth": np.arange(9.0) + shift,
                "forecast": np.arange(9.0) + shift + 0.5,
                "0.1": np.arange(9.0) + shift - 1,
                "0.5": np.arange(9.0) + shift,
                "0.9": np.arange(9.0) + shift + 1,
            }
        )
        for name, shift in (("load", 0.0), ("heat", 100.0))
    ]
)


@pytest.fixture(autouse=True)
def _closed_figures() -> Iterator[None]:
    yield
    pyplot.close("all")


def labels(ax: pyplot.Axes) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_forecasts_are_drawn_over_the_truth_with_their_interval() -> None:
    ax = plot_forecasts(FORECASTS, "heat")
    truth, *windows = ax.get_lines()
    np.testing.assert_allclose(truth.get_ydata(), np.arange(9.0) + 100)
    assert len(windows) == len(ax.collections) == 3
    np.testing.assert_allclose(windows[0].get_ydata(), [100.5, 101.5, 102.5])
    assert labels(ax) == ["truth", "forecast", "80% interval"]
    assert ax.get_ylabel() == "heat"


def test_series_and_windows_are_chosen() -> None:
    assert plot_forecasts(FORECASTS).get_ylabel() == "load"
    assert len(plot_forecasts(FORECASTS, "load", 2).get_lines()) == 3
    assert len(plot_forecasts(FORECASTS, "load", [HOURS[0]]).get_lines()) == 2


def test_a_forecast_without_truth_and_an_empty_frame_are_drawn() -> None:
    future = FORECASTS.drop(columns=["truth", "origin", "0.1", "0.5", "0.9"])
    ax = plot_forecasts(future[future["step"] == 1])
    assert labels(ax) == ["forecast"]
    for plot in (plot_forecasts, plot_residuals):
        assert plot(FORECASTS.iloc[:0]).get_title(loc="left")


def test_the_error_of_each_model_by_step() -> None:
    errors = pd.DataFrame(
        {
            "model": ["winner", "winner", "drift", "drift"],
            "step": [1, 2, 1, 2],
            "mae": [1.0, 2, 3, 4],
        }
    )
    ax = plot_error_by_step(errors, "mae")
    winner, drift = ax.get_lines()
    assert (winner.get_ydata().tolist(), drift.get_ydata().tolist()) == ([1, 2], [3, 4])
    assert winner.get_linewidth() > drift.get_linewidth()
    assert labels(ax) == ["winner", "drift"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step of the horizon", "mae")


def test_residuals_are_truth_minus_forecast() -> None:
    _, ax = pyplot.subplots()
    assert plot_residuals(FORECASTS, "load", ax=ax) is ax
    points = ax.collections[0].get_offsets()
    np.testing.assert_allclose(points[:, 1], -0.5)
    assert ax.get_ylabel() == "load: truth − forecast"


def test_a_table_without_forecasts_or_the_series_is_refused() -> None:
    with pytest.raises(ValueError, match="must have the columns id, time, forecast. Missing: id,"):
        plot_forecasts(pd.DataFrame({"time": [1, 2]}))
    with pytest.raises(ValueError, match="truth, forecast. Missing: truth"):
        plot_residuals(pd.DataFrame({"id": "a", "time": [1, 2], "forecast": 1.0}))
    with pytest.raises(ValueError, match="errors must have the columns step, mse. Missing: mse"):
        plot_error_by_step(pd.DataFrame({"step": [1], "mae": [0.5]}))
    known = pd.DataFrame({"id": ["a", "b"], "time": [1, 1], "forecast": 1.0})
    with pytest.raises(ValueError, match="id must be one of the series 'a', 'b'. Received: 'c'"):
        plot_forecasts(known, id="c")


def test_errors_of_one_forecast_need_no_model() -> None:
    errors = forecast_metrics(FORECASTS.reset_index(drop=True), by="step")
    (line,) = plot_error_by_step(errors, "mae_units").lines
    assert line.get_xydata().tolist() == [[1, 0.5], [2, 0.5], [3, 0.5]]
