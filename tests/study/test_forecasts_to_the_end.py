"""Quantiles and columns that are known in advance, from the run of a study to its forecasts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import tcn_search as ts
from tcn_search.cli.main import main
from tcn_search.settings import TrainingSettings
from tcn_search.workers.executor import InProcessExecutor
from tests.tasks.series_data import HOURS, ROWS, wide

TARGETS = ["sold", "left"]
HORIZON = 3
SPACE = ts.SearchSpace(
    nb_filters=4,
    kernel_size=2,
    levels=1,
    nb_stacks=1,
    norm="none",
    look_back=2,  # less than the horizon, over which covariates are known all the same
    channels=["shared", "mixed"],
)


def table_of_shops() -> pd.DataFrame:
    """Two shops of different size, each with two targets and a price."""
    steps = np.arange(ROWS)
    series = wide()
    noise = np.random.default_rng(0).normal(0, 0.1, (2, ROWS))
    shops = [
        pd.DataFrame(
            {
                "shop": name,
                "date": HOURS,
                "sold": size * (series["a"] + noise[0]),
                "left": size * (series["b"] + noise[1]),
                "price": 1.0 + steps % 4,
            }
        )
        for name, size in (("small", 1.0), ("large", 1000.0))
    ]
    return pd.concat(shops, ignore_index=True)


@pytest.mark.parametrize("quantiles", [(0.1, 0.5, 0.9), ()])
def test_quantiles_and_known_columns_reach_the_forecast(
    quantiles: tuple[float, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    table = table_of_shops()
    later = [
        pd.DataFrame({"shop": shop, "date": HOURS[-HORIZON:] + HORIZON * HOURS.freq, "price": 2.0})
        for shop in ("small", "large")
    ]
    pd.concat([table, *later]).to_csv("shops.csv", index=False)
    task = ts.load_task(
        "forecast",
        file="shops.csv",
        id="shop",
        target=TARGETS,
        known="price",
        calendar="hour",
        horizon=HORIZON,
        look_back=8,
    )
    assert len(task.spec.future_channels) == 3
    training = TrainingSettings(epochs=1, quantiles=quantiles)
    study = ts.Study("shops", task, SPACE, training=training)
    executor = InProcessExecutor(study.training_data)
    study.run(2, executor=executor, on_progress=lambda progress: None)
    winner = study.best(1, seeds=2, executor=executor, on_progress=lambda progress: None)
    assert winner.ensemble
    assert winner.forecast is not None
    assert winner.forecast.overall["mse"] == pytest.approx(winner.score, rel=1e-3)
    assert 0 < winner.forecast.overall["coverage_80"] <= 1
    assert np.isfinite(winner.forecast.overall["wql"])
    capsys.readouterr()

    assert main(["forecast", "shops", "--out", "next.csv"]) == 0
    found = pd.read_csv("next.csv")
    assert len(found) == 2 * len(TARGETS) * HORIZON
    assert (found["0.1"] <= found["0.5"]).all()
    assert (found["0.5"] <= found["0.9"]).all()
    assert (found["0.1"] < found["0.9"]).any()
    assert main(["predict", winner.model_file, "shops.csv", "--out", "predicted.csv"]) == 0
    predicted = pd.read_csv("predicted.csv").set_index("id")
    for row in found.itertuples(index=False):
        shop, target = row.id.split()
        output = f"{target}+{row.step}"
        assert row.forecast == pytest.approx(predicted[output][shop], rel=1e-4, abs=1e-4)
    if not quantiles:
        return
    for level in ("0.1", "0.9"):
        for (name, step), value in found.set_index(["id", "step"])[level].items():
            shop, target = name.split()
            column = f"{target}+{step} q{level}"
            assert value == pytest.approx(predicted[column][shop], rel=1e-4, abs=1e-4)
