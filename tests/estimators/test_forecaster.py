"""`TCNForecaster`: parameters as in scikit-learn, a fit, predictions, a backtest."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import tcn_search as ts
from tcn_search.errors import InputError
from tests.evaluation.forecast_tasks import noisy_waves

ROWS = 260


def frame_of(rows: int = ROWS) -> pd.DataFrame:
    values = noisy_waves(rows)
    hours = pd.date_range("2024-01-01", periods=rows, freq="h")
    return pd.DataFrame({"load": values[:, 0], "heat": values[:, 1]}, index=hours)


def small_forecaster(**changed: object) -> ts.TCNForecaster:
    space = ts.SearchSpace(
        nb_filters=[4], kernel_size=[3], levels=[2], nb_stacks=[1], norm=["none"], readout=["last"]
    )
    options = {
        "horizon": 4,
        "look_back": 12,
        "trials": 1,
        "seeds": 1,
        "space": space,
        "training": ts.TrainingSettings(epochs=1),
        **changed,
    }
    return ts.TCNForecaster(**options)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ts.TCNForecaster]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("forecaster"))
        yield small_forecaster().fit(frame_of())


def test_parameters_are_those_of_scikit_learn() -> None:
    forecaster = small_forecaster()
    parameters = forecaster.get_params()
    assert (parameters["horizon"], parameters["trials"]) == (4, 1)
    copy = clone(forecaster).set_params(horizon=7)
    assert (copy.horizon, forecaster.horizon) == (7, 4)
    assert "horizon=7" in repr(copy)
    for call in (copy.predict, lambda: copy.backtest(frame_of())):
        with pytest.raises(NotFittedError):
            call()


def test_it_predicts_the_steps_after_the_fit_and_after_new_rows(fitted: ts.TCNForecaster) -> None:
    frame = frame_of(ROWS + 30)
    own = fitted.predict()
    assert list(own) == ["id", "time", "step", "forecast", "0.1", "0.5", "0.9"]
    assert own["time"].iloc[0] == frame.index[ROWS]
    assert len(own) == 8
    later = fitted.predict(frame)
    assert later["time"].iloc[0] == frame.index[-1] + pd.Timedelta(hours=1)
    assert (later["forecast"] != own["forecast"]).any()
    pd.testing.assert_frame_equal(ts.predict_next(fitted.model_, frame), later)


def test_the_study_and_its_errors_are_there(fitted: ts.TCNForecaster) -> None:
    assert fitted.study_.winner is not None
    assert Path(fitted.study_.winner.model_file).is_file()
    assert not Path("runs").exists()  # an unnamed study is in a temporary folder
    assert fitted.errors_["model"].tolist()[:2] == ["winner", "mean"]
    assert fitted.errors_.loc[0, "mse"] > 0


def test_a_pickle_forecasts_the_same(fitted: ts.TCNForecaster) -> None:
    loaded = pickle.loads(pickle.dumps(fitted))
    pd.testing.assert_frame_equal(loaded.predict(), fitted.predict())
    pd.testing.assert_frame_equal(loaded.study_.trials(), fitted.study_.trials())


@pytest.mark.slow
def test_a_name_follows_from_data_and_parameters_where_there_is_a_storage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    frame = frame_of()
    storage = "sqlite:///own.db"
    first = small_forecaster(storage=storage, random_state=0).fit(frame)
    assert first.study_.name.startswith("forecaster-")
    assert Path("runs", first.study_.name, "best.keras").is_file()
    second = small_forecaster(storage=storage, random_state=0).fit(frame)
    assert second.study_.name == first.study_.name
    pd.testing.assert_frame_equal(second.predict(), first.predict())
    small_forecaster(storage=storage, random_state=1).fit(frame)
    assert len(ts.list_studies(storage)) == 2


def test_the_name_of_a_study_has_the_seed_that_a_generator_gave() -> None:
    forecaster = small_forecaster(storage="sqlite:///own.db", random_state=np.random.RandomState(0))
    task = forecaster._task(frame_of())
    names = [forecaster._study_name(task, seed) for seed in (1, 2, 1)]
    assert names[0] == names[2] != names[1]


def test_a_backtest_rolls_its_origin_forward(fitted: ts.TCNForecaster) -> None:
    frame = frame_of()
    np.random.seed(1)
    expected = np.random.RandomState(1).rand()
    result = fitted.backtest(frame, folds=2)
    assert np.random.rand() == expected
    assert result["fold"].unique().tolist() == [1, 2]
    origins = result.groupby("fold")["origin"].unique()
    assert [list(one) for one in origins] == [[frame.index[-9]], [frame.index[-5]]]
    load = result[result["id"] == "load"]
    np.testing.assert_allclose(load["truth"], frame["load"].iloc[-8:], rtol=1e-5)
    assert (load["0.1"] < load["0.9"]).all()
    errors = ts.forecast_metrics(result, by="step")
    assert errors["step"].tolist() == [1, 2, 3, 4]
    assert {"mse", "mase", "smape", "wql", "coverage_80"} <= set(errors)


def test_a_fold_knows_nothing_of_what_comes_after_its_origin(fitted: ts.TCNForecaster) -> None:
    frame = frame_of()
    known = fitted.backtest(frame, folds=2)
    betrayed = frame.copy()
    betrayed.iloc[-8:] += 1000.0
    changed = fitted.backtest(betrayed, folds=2)
    first = known["fold"] == 1
    np.testing.assert_array_equal(known[first]["forecast"], changed[first]["forecast"])
    assert (known[~first]["forecast"] != changed[~first]["forecast"]).all()


def test_levels_that_are_not_trained_are_refused_before_the_search() -> None:
    training = ts.TrainingSettings(epochs=1, quantiles=(0.1, 0.5, 0.9))
    forecaster = small_forecaster(training=training, quantiles=[0.05])
    with pytest.raises(InputError, match=r"among those that the model was trained for.* 0\.05"):
        forecaster.fit(frame_of())
    assert not hasattr(forecaster, "study_")


def test_series_that_are_too_short_for_the_folds_are_refused(fitted: ts.TCNForecaster) -> None:
    with pytest.raises(InputError, match="folds must leave .* Received: 62 folds of 4 steps"):
        fitted.backtest(frame_of(), folds=62)
    with pytest.raises(InputError, match="folds must be an integer of at least 1. Received: 0"):
        fitted.backtest(frame_of(), folds=0)


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"trials": 0}, "trials must be an integer of at least 1. Received: 0"),
        ({"seeds": "a"}, "seeds must be an integer of at least 1. Received: 'a'"),
        ({"time_limit": "x"}, "time_limit must be above 0 seconds. Received: 'x'"),
        ({"quantiles": 0.5}, "quantiles must be a list of numbers between 0 and 1, such as [0.1, 0.9]. Received: 0.5"),
        ({"quantiles": [0.1, 90]}, "quantiles must be a list of numbers between 0 and 1, such as [0.1, 0.9]. Received: [0.1, 90]"),
        ({"space": 5}, "space must be a ts.SearchSpace or None. Received: 5"),
        ({"task_options": 5}, "task_options must be a mapping of options of the task `forecast`, such as {\"target\": \"load\"}. Received: 5"),
        ({"task_options": {"horizon": 3}}, "task_options must not set horizon, which `TCNForecaster` sets itself. Received: 3"),
        ({"task_options": {"known": 5}}, "known must be a text or a list of texts. Received: 5"),
    ],
)  # fmt: skip
def test_parameters_are_checked_before_a_study_is_made(
    changed: dict[str, object], text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as raised:
        small_forecaster(**changed).fit(frame_of())
    assert str(raised.value) == text
    assert not list(tmp_path.iterdir())


def test_an_unknown_task_option_is_named_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="task_options has no option 'knwon'. It has: .*known"):
        small_forecaster(task_options={"knwon": ["load"]}).fit(frame_of())


@pytest.mark.parametrize("frame", [None, np.zeros((4, 2)), frame_of()["load"]])
def test_what_is_no_table_is_refused(frame: object) -> None:
    with pytest.raises(InputError, match="^frame must be a data frame or the path of a table"):
        small_forecaster().fit(frame)


def test_a_path_is_no_model() -> None:
    with pytest.raises(InputError, match="^model must be a Keras model, .* Received: 'best.keras'"):
        ts.predict_next("best.keras", frame_of())
