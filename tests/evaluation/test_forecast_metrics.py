"""Errors of forecasts: worked examples, published numbers, and sums that equal them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tcn_search import forecast_metrics
from tcn_search.errors import InputError
from tcn_search.evaluation.forecast_metrics import ForecastTotals, intervals_of

FRAME = pd.DataFrame(
    {
        "id": ["a", "a", "b", "b"],
        "step": [1, 2, 1, 2],
        "truth": [10.0, 20.0, 1.0, 3.0],
        "forecast": [12.0, 16.0, 1.0, 1.0],
        "0.1": [9.0, 15.0, 0.0, 0.0],
        "0.9": [14.0, 18.0, 2.0, 2.0],
        "scale": [4.0, 4.0, 2.0, 2.0],
        "seasonal_error": [2.0, 2.0, 0.5, 0.5],
    }
)


def test_the_metrics_of_a_worked_example() -> None:
    row = forecast_metrics(FRAME).iloc[0]
    assert row["mse"] == pytest.approx((0.25 + 1 + 0 + 1) / 4)
    assert row["mae"] == pytest.approx((0.5 + 1 + 0 + 1) / 4)
    assert row["mse_units"] == pytest.approx((4 + 16 + 0 + 4) / 4)
    assert row["mae_units"] == pytest.approx((2 + 4 + 0 + 2) / 4)
    assert row["mase"] == pytest.approx((1 + 2 + 0 + 4) / 4)
    assert row["smape"] == pytest.approx(200 * (2 / 22 + 4 / 36 + 0 + 2 / 4) / 4)
    assert row["coverage_80"] == 0.5
    low = [0.1 * 1, 0.1 * 5, 0.1 * 1, 0.1 * 3]
    high = [0.1 * 4, 0.9 * 2, 0.1 * 1, 0.9 * 1]
    assert row["wql"] == pytest.approx(sum(low + high) / 34)


def test_metrics_by_step_and_by_series() -> None:
    by_step = forecast_metrics(FRAME, by="step")
    assert by_step["step"].tolist() == [1, 2]
    assert by_step["mae_units"].tolist() == [1.0, 3.0]
    by_series = forecast_metrics(FRAME, by="id")
    assert by_series["id"].tolist() == ["a", "b"]
    assert by_series["mase"].tolist() == [1.5, 2.0]
    assert by_series["coverage_80"].tolist() == [0.5, 0.5]


def test_what_is_not_known_is_left_out() -> None:
    plain = FRAME[["id", "step", "truth", "forecast"]].copy()
    plain.loc[1, "truth"] = np.nan
    result = forecast_metrics(plain)
    assert list(result) == ["mse_units", "mae_units", "smape"]
    assert result["mae_units"].item() == pytest.approx(4 / 3)
    zeros = pd.DataFrame({"id": "a", "step": [1], "truth": [0.0], "forecast": [0.0]})
    assert forecast_metrics(zeros)["smape"].item() == 0
    constant = FRAME.assign(seasonal_error=[0.0, 0.0, 0.5, 0.5])
    assert forecast_metrics(constant)["mase"].item() == 2.0


def test_errors_name_the_column_and_the_argument() -> None:
    with pytest.raises(InputError, match="columns id, step, truth and forecast. Missing: step"):
        forecast_metrics(FRAME.drop(columns="step"))
    with pytest.raises(InputError, match='by must be "step", "id" or None. Received: \'series\''):
        forecast_metrics(FRAME, by="series")


def test_intervals_have_the_same_share_on_both_sides() -> None:
    assert intervals_of([0.05, 0.1, 0.5, 0.9, 0.95, 0.99]) == [(0.05, 0.95), (0.1, 0.9)]
    assert intervals_of([0.2, 0.5]) == []


def test_sums_over_batches_equal_the_metrics_of_all_rows() -> None:
    generator = np.random.default_rng(0)
    truth = generator.normal(5, 1, size=(7, 3, 2))
    truth[2, 1, 0] = np.nan
    forecast = truth + generator.normal(size=truth.shape)
    quantiles = {0.25: forecast - 0.7, 0.75: forecast + 0.5}
    series = np.array([0, 0, 1, 1, 1, 0, 1])
    scale = np.array([[1.0, 2.0], [3.0, 4.0]])
    seasonal_error = np.array([[0.5, 0.2], [0.1, 0.9]])
    totals = ForecastTotals(3, scale, seasonal_error)
    for rows in (slice(0, 4), slice(4, 7)):
        totals.add(
            truth[rows],
            forecast[rows],
            series[rows],
            {level: values[rows] for level, values in quantiles.items()},
        )
    window, step, target = np.indices(truth.shape)
    number = 2 * series[window] + target
    frame = pd.DataFrame(
        {
            "id": [str(one) for one in number.ravel()],
            "step": step.ravel() + 1,
            "truth": truth.ravel(),
            "forecast": forecast.ravel(),
            "0.25": quantiles[0.25].ravel(),
            "0.75": quantiles[0.75].ravel(),
            "scale": scale.ravel()[number.ravel()],
            "seasonal_error": seasonal_error.ravel()[number.ravel()],
        }
    )
    for by in (None, "step", "id"):
        expected = forecast_metrics(frame, by=by).drop(columns=by or [])
        if by == "id":
            expected = forecast_metrics(frame.sort_values("id"), by=by).drop(columns="id")
        metrics = totals.metrics(by)
        assert list(metrics) == list(expected)
        for name, values in metrics.items():
            np.testing.assert_allclose(values, expected[name], err_msg=f"{name} by {by}")


def test_m4_errors_are_those_that_are_published_with_the_data(shared_data: Path) -> None:
    train = pd.read_csv(shared_data / "M4_Hourly_train.csv.gz", index_col=0)
    test = pd.read_csv(shared_data / "M4_Hourly_test.csv.gz", index_col=0)
    frames = []
    for (name, known), truth in zip(train.iterrows(), test.to_numpy(), strict=True):
        values = known.dropna().to_numpy()
        frames.append(
            pd.DataFrame(
                {
                    "id": name,
                    "step": range(1, 49),
                    "truth": truth,
                    "forecast": np.tile(values[-24:], 2),
                    "seasonal_error": np.abs(values[24:] - values[:-24]).mean(),
                }
            )
        )
    errors = forecast_metrics(pd.concat(frames))
    assert errors["smape"].item() == pytest.approx(13.912, abs=5e-4)
    assert errors["mase"].item() == pytest.approx(1.193, abs=5e-4)
