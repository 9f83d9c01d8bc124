"""What each rule of the benchmark of selections chooses."""

from __future__ import annotations

from typing import Any

import pytest
import selection


def numbers(**rows: tuple[float, float]) -> dict[str, dict[str, float]]:
    return {
        name: {"val_accuracy": accuracy, "val_loss": loss}
        for name, (accuracy, loss) in rows.items()
    }


@pytest.fixture
def result() -> dict[str, Any]:
    lucky = numbers(first=(0.9, 0.5), second=(1.0, 0.6), third=(0.8, 0.1))
    usual = numbers(first=(0.9, 0.5), second=(0.9, 0.3), third=(0.2, 0.9))
    return {
        "seeds": [lucky, usual, usual],
        "folds": {"first": 0.5, "second": 0.4, "third": 0.6},
        "validation": 1000,
        "test": {"first": 0.7, "second": 0.9, "third": 0.5},
    }


def test_rules_differ_in_what_they_believe(result: dict[str, Any]) -> None:
    trials = result["seeds"]
    assert selection.most_accurate(trials, result) == "second"
    assert selection.lowest_loss(trials, result) == "third"
    assert selection.lowest_of_reruns(trials, result) == "second"
    assert selection.lowest_over_folds(trials, result) == "second"


def test_the_first_configuration_is_preferred_on_a_small_split_only(
    result: dict[str, Any],
) -> None:
    assert selection.preferred(result["seeds"], result) == "second"
    assert selection.preferred(result["seeds"], {**result, "validation": 10}) == "first"


def test_the_table_has_the_mean_over_the_orders_of_the_seeds(result: dict[str, Any]) -> None:
    found = selection.scores(result)
    assert found["the first configuration, always"] == 0.7
    assert found["any configuration, at random"] == pytest.approx(0.7)
    assert found["the best in hindsight"] == 0.9
    assert found["loss of one training"] == pytest.approx(2 / 3 * 0.9 + 1 / 3 * 0.5)
    text = selection.report({"a": result, "unfinished": {"seeds": []}})
    assert text.startswith("1 datasets: a\n")
    assert "| mean loss over 4 folds | 0.9000 |" in text


def test_a_configuration_that_failed_somewhere_is_left_out(result: dict[str, Any]) -> None:
    del result["folds"]["second"]
    assert selection.scores(result)["the best in hindsight"] == 0.7
