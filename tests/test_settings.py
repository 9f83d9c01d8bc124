"""Training settings: searched like the rest of a space, or fixed."""

from __future__ import annotations

import json
from typing import Any

import optuna
import pytest

from tcn_search import Range, SearchSpace, TrainingSettings
from tcn_search.errors import InputError
from tcn_search.settings import SEARCHABLE

EVERYTHING = SearchSpace(
    optimizer=["adam", "sgd", "rmsprop"],
    schedule=["constant", "cosine", "plateau"],
    learning_rate=Range(1e-3, 4.0, log=True),
    weight_decay=[0.0, 1e-4],
    clip_norm=Range(0.1, 1.0),
    batch_size=[16, 32],
    dropout_rate=0.1,
)


def ask(space: SearchSpace, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings suggested and the parameters that the trial has then."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    trial = study.ask()
    _, settings = space.for_task("classification", 30, 1, 2).suggest(trial)
    return settings, trial.params


def test_every_setting_can_be_searched() -> None:
    asked = [ask(EVERYTHING, seed) for seed in range(20)]
    assert all(set(settings) == set(SEARCHABLE) for settings, _ in asked)
    assert all("dropout_rate" not in parameters for _, parameters in asked)
    assert {settings["optimizer"] for settings, _ in asked} == {"adam", "sgd", "rmsprop"}
    for settings, _ in asked:
        TrainingSettings(**settings)


def test_the_settings_of_a_trial_are_found_again_from_its_parameters() -> None:
    stored = SearchSpace.from_dict(json.loads(json.dumps(EVERYTHING.to_dict())))
    assert stored == EVERYTHING
    for seed in range(5):
        settings, parameters = ask(EVERYTHING, seed)
        assert stored.settings_of(parameters) == settings


def test_by_default_only_learning_rate_and_dropout_are_searched() -> None:
    settings, parameters = ask(SearchSpace(), 0)
    assert list(settings) == ["dropout_rate", "learning_rate"]
    assert [name for name in parameters if name in SEARCHABLE] == ["dropout_rate", "learning_rate"]


def test_a_setting_left_to_the_study_stays_so_in_the_storage() -> None:
    space = SearchSpace(learning_rate=None)
    assert SearchSpace.from_dict(space.to_dict()) == space
    assert "learning_rate" not in ask(space, 0)[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"optimizer": "adagrad"}, "optimizer must be one of 'adam', 'adamw', 'sgd', 'momentum', 'rmsprop', 'nadam'. Received: 'adagrad'"),
        ({"schedule": "linear"}, "schedule must be one of 'constant', 'cosine', 'step', 'plateau'. Received: 'linear'"),
        ({"weight_decay": -1}, "weight_decay must be at least 0. Received: -1"),
        ({"clip_norm": float("nan")}, "clip_norm must be a finite number. Received: nan"),
        ({"batch_size": 0}, "batch_size must be an integer of at least 1. Received: 0"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0 and finite. Received: 0.0"),
        ({"dropout_rate": "a lot"}, "dropout_rate must be a finite number. Received: 'a lot'"),
    ],
)  # fmt: skip
def test_bad_settings_are_named_in_both_places(arguments: dict[str, Any], message: str) -> None:
    for made in (SearchSpace, TrainingSettings):
        with pytest.raises(InputError) as error:
            made(**arguments)
        assert str(error.value) == message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"optimizer": Range(0, 1)}, "optimizer must be a list of choices. Received: Range(low=0, high=1, step=None, log=False)"),
        ({"batch_size": Range(0.5, 8)}, "batch_size must be a range of integers of at least 1. Received: Range(low=0.5, high=8, step=None, log=False)"),
    ],
)  # fmt: skip
def test_bad_ranges_of_settings(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        SearchSpace(**arguments)
    assert str(error.value) == message


def test_a_bad_precision() -> None:
    with pytest.raises(InputError) as error:
        TrainingSettings(precision="float8")
    assert str(error.value) == (
        "precision must be one of 'float32', 'mixed_float16', 'mixed_bfloat16'. Received: 'float8'"
    )
