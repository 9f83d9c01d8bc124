"""What a training recipe is scored by, and the tables of the recipes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import recipes
from portfolio_candidates import key_of
from portfolio_training import accuracies_of

from tcn_search.search.portfolio import portfolio
from tcn_search.trial_status import TrialStatus


@pytest.mark.parametrize(
    ("weights", "accuracy"), [("last", 0.7), ("ema", 0.7), ("lowest_loss", 0.9)]
)
def test_a_training_is_scored_by_the_weights_at_its_end(weights: str, accuracy: float) -> None:
    curve = [
        {"loss": 0.1, "val_accuracy": 0.8},
        {"loss": 0.1, "val_accuracy": 0.9},
        {"loss": 0.2, "val_accuracy": 0.7},
    ]
    complete = SimpleNamespace(
        enqueued_as="a", outcome=SimpleNamespace(curve=curve), status=TrialStatus.COMPLETE
    )
    failed = SimpleNamespace(enqueued_as="b", outcome=None, status=TrialStatus.DIVERGED)
    study: Any = SimpleNamespace(
        results=SimpleNamespace(records=lambda: [complete, failed]),
        definition=SimpleNamespace(training=SimpleNamespace(weights=weights)),
    )
    assert accuracies_of(study) == {"a": accuracy}


def test_each_recipe_is_compared_with_the_defaults_on_the_datasets_of_both() -> None:
    with_batch_norm = key_of(portfolio().configurations[0])
    results = {
        "a": {
            "accuracies": {
                recipes.DEFAULTS: {with_batch_norm: 0.8},
                "constant learning rate": {with_batch_norm: 0.7},
            }
        },
        "b": {"accuracies": {recipes.DEFAULTS: {with_batch_norm: 0.4}}},
    }
    text = recipes.report(results)
    assert text.startswith("batch norm, average over time:\n| recipe |")
    assert "| constant learning rate | 1 | 0.7000 | 0.8000 | 0 / 0 / 1 | – |" in text
    assert "warm-up" not in text
