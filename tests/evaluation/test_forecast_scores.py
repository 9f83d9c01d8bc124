"""Scores of forecasts in units, conformal intervals and their coverage, tables of forecasts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tcn_search import Architecture, build_model, forecast_metrics
from tcn_search.baselines.simple import simple_models
from tcn_search.errors import InputError
from tcn_search.evaluation.forecast_scores import (
    ForecastScorer,
    ForecastScores,
    forecast_scores,
    scorer_of_test,
)
from tcn_search.evaluation.intervals import ErrorQuantiles, error_quantiles
from tcn_search.evaluation.model_outputs import (
    OutputReader,
    in_units,
    keep_errors,
    model_reader,
    seasonal_errors,
    spaced_origins,
)
from tcn_search.evaluation.winner_scores import score_winner
from tcn_search.models.build import load_model
from tcn_search.tasks.forecast_windows import WindowPlaces
from tests.conftest import draw_head
from tests.evaluation.forecast_tasks import (
    HORIZON,
    SEASON,
    long_task,
    noisy_waves,
    wide_task,
)

ENDS = (300, 700, 1100)


@pytest.fixture(scope="module")
def wide():
    return wide_task(noisy_waves(ENDS[2]), ENDS)


@pytest.fixture(scope="module")
def long():
    values = noisy_waves(ENDS[2], series=3).T * np.array([[1.0], [100.0], [0.01]])
    return long_task([values[0], values[1][:900], values[2]], ENDS)


@pytest.fixture(scope="module", params=["wide", "long"])
def task(request):
    return request.getfixturevalue(request.param)


def test_every_window_of_the_test_split_is_scored(wide) -> None:
    models = {model.name: model for model in simple_models(wide.spec, wide.validation)}
    predict = models["last value repeated"].choices[0].fit(wide.train)
    scores = forecast_scores(wide, predict)
    assert scores.windows == len(wide.test) == ENDS[2] - ENDS[1] - HORIZON + 1
    error = (predict(wide.test.X) - wide.test.y) / np.asarray(wide.spec.target_std)
    assert scores.overall["mse"] == pytest.approx(np.square(error).mean(), rel=1e-4)
    by_step = np.square(error).reshape(len(error), HORIZON, 2).mean(axis=(0, 2))
    assert scores.by_step["mse"] == pytest.approx(by_step.tolist(), rel=1e-4)
    assert scores.series == ["a", "b"]
    assert scores.by_series["mae_units"][1] > 1.5 * scores.by_series["mae_units"][0]
    assert scores.frame("step")["step"].tolist() == [1, 2, 3, 4]
    assert scores.frame("id")["id"].tolist() == ["a", "b"]
    assert ForecastScores(**vars(scores)) == scores


def test_series_of_different_size_count_alike_where_errors_are_relative(long) -> None:
    models = {model.name: model for model in simple_models(long.spec, long.validation)}
    scores = forecast_scores(long, models["last value repeated"].choices[0].fit(long.train))
    assert scores.series == ["shop 0", "shop 1", "shop 2"]
    units = scores.by_series["mae_units"]
    assert units[1] > 50 * units[0]
    assert units[0] > 20 * units[2]
    for name in ("mse", "mase"):
        assert max(scores.by_series[name]) < 1.6 * min(scores.by_series[name])


def test_the_scale_of_mase_is_seasonal_naive_before_the_test_split(wide) -> None:
    seen = wide.windows.values[0][: ENDS[1]]
    expected = np.abs(seen[SEASON:] - seen[:-SEASON]).mean(axis=0)
    np.testing.assert_allclose(seasonal_errors(wide.windows, SEASON)[0], expected)
    expected = np.abs(np.diff(seen, axis=0)).mean(axis=0)
    np.testing.assert_allclose(seasonal_errors(wide.windows, 0)[0], expected)
    np.testing.assert_allclose(seasonal_errors(wide.windows, ENDS[1])[0], expected)


def test_intervals_from_validation_errors_hold_on_the_test_split(task) -> None:
    """The stated coverage, on held-out windows of series whose noise does not change."""
    predict = simple_models(task.spec, task.validation)[-1].choices[1].fit(task.train)
    errors = error_quantiles(task.validation.y - predict(task.validation.X))
    for levels in ((0.1, 0.5, 0.9), (0.05, 0.95), (0.25, 0.75)):
        scorer = ForecastScorer(
            task, task.test, task.windows.test, OutputReader((), errors, levels)
        )
        scorer.add(predict(task.test.X))
        stated = round(100 * (levels[-1] - levels[0]))
        assert scorer.scores().overall[f"coverage_{stated}"] == pytest.approx(
            stated / 100, abs=0.04
        )


def test_quantiles_of_errors_are_conformal() -> None:
    errors = np.arange(9.0)[:, np.newaxis]  # of 9 errors, the rank of a level is ten times it
    quantiles = error_quantiles(errors, [0.05, 0.1, 0.5, 0.9, 0.95])
    assert np.ravel(quantiles.values).tolist() == [0.0, 0.0, 4.0, 8.0, 8.0]
    assert quantiles.at(0.3)[0] == pytest.approx(2.0)
    assert ErrorQuantiles(**quantiles.to_dict()) == quantiles
    with pytest.raises(InputError, match="must lie between 0.05 and 0.95.*Received: 0.01"):
        quantiles.at(0.01)
    gaps = np.vstack([errors, [[np.nan]]])
    assert error_quantiles(gaps, [0.5]).values == [[4.0]]


def test_levels_that_a_model_cannot_give_are_refused() -> None:
    with pytest.raises(InputError, match=r"trained for: \[0.1, 0.5, 0.9\]. Received: 0.2"):
        OutputReader([0.1, 0.5, 0.9], None, [0.2])
    with pytest.raises(InputError, match="The model has no quantiles"):
        OutputReader([], None, [0.2])
    assert OutputReader([], None, None).levels == []


def test_the_median_of_trained_quantiles_is_the_forecast() -> None:
    outputs = np.arange(12.0).reshape(2, 6)  # two numbers of three quantiles each
    read = OutputReader([0.1, 0.5, 0.9], None, [0.1, 0.9]).read(outputs)
    assert read.forecast.tolist() == [[1, 4], [7, 10]]
    assert read.quantiles[0.1].tolist() == [[0, 3], [6, 9]]
    assert read.quantiles[0.9].tolist() == [[2, 5], [8, 11]]


def test_errors_are_saved_with_the_model(wide, tmp_path) -> None:
    models = []
    for _ in range(2):
        model = build_model(Architecture(4, 3, (1, 2)), wide)
        draw_head(model)
        models.append(model)
    assert model_reader(models[0]).levels == []
    keep_errors(models, wide.spec, wide.validation)
    models[0].save(tmp_path / "own.keras")
    reader = model_reader(load_model(tmp_path / "own.keras"), [0.1, 0.9])
    predicted = np.mean([model.predict(wide.validation.X, verbose=0) for model in models], axis=0)
    read = reader.read(predicted)
    inside = (read.quantiles[0.1] <= wide.validation.y) & (wide.validation.y <= read.quantiles[0.9])
    assert inside.mean() == pytest.approx(0.8, abs=0.01)
    np.testing.assert_array_equal(read.forecast, predicted)


def test_the_winner_has_its_intervals_where_its_first_training_is_not_averaged(
    wide, tmp_path
) -> None:
    models = []
    for _ in range(3):
        model = build_model(Architecture(4, 3, (1, 2)), wide)
        draw_head(model)
        models.append(model)
    averaged = [1, 2]
    keep_errors([models[place] for place in averaged], wide.spec, wide.validation)
    result = score_winner(wide, models, averaged, len(models), tmp_path)
    assert result.forecast is not None
    assert "coverage_80" in result.forecast.overall
    table = pd.read_csv(tmp_path / "test_forecasts.csv")
    assert {"0.1", "0.9"} <= set(table.columns)


def test_the_table_has_windows_that_do_not_overlap(task) -> None:
    scorer = scorer_of_test(task)
    truth = np.asarray(task.test.y)
    for start in range(0, len(truth), 100):
        scorer.add(truth[start : start + 100] + 1.0)
    table = scorer.table()
    assert not table.duplicated(["id", "time"]).any()
    windows = task.windows
    names = [windows.targets, windows.ids][len(windows.ids) > 1]
    assert set(table["id"]) == set(names)
    first = table.iloc[0]
    assert (first["step"], first["time"]) == (1, windows.times[ENDS[1]])
    assert first["origin"] == windows.times[ENDS[1] - 1]
    values = windows.values[0][:, 0]
    rows = table[table["id"] == names[0]]
    np.testing.assert_allclose(rows["truth"], values[ENDS[1] : ENDS[1] + len(rows)], rtol=1e-5)
    errors = forecast_metrics(table)
    assert errors["mase"].item() == pytest.approx(scorer.scores().overall["mase"], rel=0.01)


def test_origins_are_spaced_within_each_series_and_limited() -> None:
    places = WindowPlaces(
        series=np.repeat([0, 1], [9, 5]), first_target=np.array([*range(20, 29), *range(3, 8)])
    )
    assert spaced_origins(places, 4, most=99).tolist() == [0, 4, 8, 9, 13]
    assert spaced_origins(places, 4, most=2).tolist() == [0, 9]


def test_targets_far_from_zero_come_back_with_their_offset(wide) -> None:
    from dataclasses import replace

    spec = replace(wide.spec, target_offset=(1e9,) * wide.spec.outputs)
    values = in_units(spec, wide.windows, wide.test.y[:2], np.zeros(2, int))
    np.testing.assert_allclose(values.reshape(2, -1), wide.test.y[:2].astype("float64") + 1e9)
    assert isinstance(scorer_of_test(wide), ForecastScorer)
