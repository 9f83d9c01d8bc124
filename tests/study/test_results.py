"""The committed results of the shipped studies are those that studies/results.py writes."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from tcn_search.study.study_file import read_study_file

STUDIES = Path(__file__).parents[2] / "studies"
RESULTS = sorted((STUDIES / "results").glob("*/result.json"))


def module_of(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, STUDIES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return module_of("results")


def test_there_are_results() -> None:
    assert RESULTS


@pytest.mark.parametrize("file", RESULTS, ids=lambda file: file.parent.name)
def test_a_page_shows_the_recorded_results(file: Path, script: ModuleType) -> None:
    name = file.parent.name
    result = json.loads(file.read_text())
    assert (file.parent / "README.md").read_text() == script.page(name, result)
    trials = pd.read_csv(file.parent / "trials.csv")
    assert result["trials"] == trials["ended"].value_counts().to_dict()
    assert len(result["test"]) >= 3
    assert (STUDIES / f"{name}.toml").exists()


def test_the_summary_has_every_result(script: ModuleType) -> None:
    assert (STUDIES / "results" / "README.md").read_text() == script.summary()


def test_the_aim_of_a_study_is_compared_with_its_result(script: ModuleType) -> None:
    assert (
        script.aim("osuleaf", {"metric": "accuracy", "test": [0.94, 0.98]})
        == "accuracy at least 0.95: reached"
    )
    missed = script.aim("adding-600", {"metric": "mse", "test": [0.001]})
    assert missed == "mse at most 0.0002: missed: 0.0008 more"
    assert script.aim("word_ptb", {"metric": "perplexity", "test": [116]}) == ""


def test_a_forecast_is_compared_with_the_best_simple_model(script: ModuleType) -> None:
    simple = [
        {"name": "last value repeated", "detail": "", "test": 0.08, "direction": "minimize"},
        {"name": "linear map of the windows", "detail": "", "test": 0.09, "direction": "minimize"},
    ]
    errors = [{"model": "winner", "mse": 0.07, "mase": None}]
    result = {"metric": "standardised_mse", "test": [0.07], "simple": simple, "errors": errors}
    assert script.aim("exchange_rate", result) == (
        "standardised_mse at most 0.08, that of the best simple model (last value repeated): "
        "reached"
    )
    assert script.aim("exchange_rate", {**result, "test": [0.1]}).endswith("missed: 0.02 more")


def test_series_of_the_m4_competition_are_put_below_each_other() -> None:
    train = pd.DataFrame({"V1": ["H1", "H2"], "V2": [3, 5], "V3": [4.0, None]})
    test = pd.DataFrame({"V1": ["H1", "H2"], "V2": [7, 8]})
    table = module_of("m4_hourly").in_long_form(train, test)
    assert table.to_dict("list") == {
        "id": ["H1", "H1", "H1", "H2", "H2"],
        "time": [-1, 0, 1, 0, 1],
        "y": [3.0, 4.0, 7.0, 5.0, 8.0],
    }


@pytest.mark.parametrize("file", sorted(STUDIES.glob("*.toml")), ids=lambda file: file.stem)
def test_a_shipped_study_file_is_read(file: Path) -> None:
    study = read_study_file(file)
    assert study.name == file.stem
