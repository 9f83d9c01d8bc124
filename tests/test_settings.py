"""Training settings: searched like the rest of a space, or fixed."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import optuna
import pytest

from tcn_search import Range, SearchSpace, Task, TrainingSettings
from tcn_search.errors import InputError
from tcn_search.search.definition import Definition
from tcn_search.settings import SEARCHABLE, settings_for
from tests.conftest import waves

EVERYTHING = SearchSpace(
    optimizer=["adam", "sgd", "rmsprop"],
    schedule=["constant", "cosine", "plateau"],
    learning_rate=Range(1e-3, 4.0, log=True),
    weight_decay=[0.0, 1e-4],
    clip_norm=Range(0.1, 1.0),
    batch_size=[16, 32],
    input_norm=["dataset", "series"],
    label_smoothing=Range(0, 0.2),
    loss=["squared", "huber"],
    dropout_rate=0.1,
)


def ask(space: SearchSpace, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings suggested and the parameters that the trial has then."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    trial = study.ask()
    _, settings = space.for_task("classification", 30, 1, 2).suggest(trial)
    return settings, trial.params


@pytest.mark.parametrize(
    ("sequences", "seq_len", "epochs"),
    [
        (160, 250, 200),  # 2,000 steps, 10 an epoch
        (160, 500, 100),  # half as many, of twice the length
        (160, 5_000, 60),  # at least 600
        (8, 100, 500),
        (50_000, 100, 10),
    ],
)
def test_default_epochs_are_fewer_for_long_sequences(
    sequences: int, seq_len: int, epochs: int
) -> None:
    assert settings_for(sequences, seq_len=seq_len).epochs == epochs


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


def test_input_norms_are_searched_where_the_space_has_them() -> None:
    space = SearchSpace(input_norm=["dataset", "series"])
    assert SearchSpace.from_dict(json.loads(json.dumps(space.to_dict()))) == space
    assert {ask(space, seed)[0]["input_norm"] for seed in range(9)} == {"dataset", "series"}
    assert ask(SearchSpace(input_norm="none"), 0)[0]["input_norm"] == "none"


@pytest.mark.parametrize(
    ("space", "training", "message"),
    [
        ({"label_smoothing": [0.0, 0.1]}, {}, "label_smoothing must be 0 for labelling"),
        ({"label_smoothing": Range(0.0, 0.1)}, {}, "label_smoothing must be 0 for labelling"),
        ({}, {"input_norm": "series"}, "input_norm must be 'dataset' or 'none' for labelling"),
        (
            {"schedule": ["cosine", "plateau"]},
            {"warmup": 0.1},
            "warmup must be 0 with the schedule 'plateau'",
        ),
    ],
)
def test_settings_that_do_not_suit_the_task_are_refused_before_a_study_is_stored(
    space: dict[str, Any], training: dict[str, Any], message: str
) -> None:
    X, _ = waves(20)
    task = Task.from_arrays(X, np.tile(np.arange(16) % 3, (20, 1)), kind="labelling")
    with pytest.raises(InputError, match=message):
        Definition.of(task, space=SearchSpace(**space), training=TrainingSettings(**training))


def test_a_setting_left_to_the_study_stays_so_in_the_storage() -> None:
    space = SearchSpace(learning_rate=None)
    assert SearchSpace.from_dict(space.to_dict()) == space
    assert "learning_rate" not in ask(space, 0)[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"optimizer": "adagrad"}, "optimizer must be one of 'adam', 'adamw', 'sgd', 'momentum', 'rmsprop', 'nadam'. Received: 'adagrad'"),
        ({"schedule": "linear"}, "schedule must be one of 'constant', 'cosine', 'step', 'plateau', 'train_plateau'. Received: 'linear'"),
        ({"weight_decay": -1}, "weight_decay must be at least 0. Received: -1"),
        ({"clip_norm": float("nan")}, "clip_norm must be a finite number. Received: nan"),
        ({"batch_size": 0}, "batch_size must be an integer of at least 1. Received: 0"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0 and finite. Received: 0.0"),
        ({"dropout_rate": "a lot"}, "dropout_rate must be a finite number. Received: 'a lot'"),
        ({"input_norm": "rows"}, "input_norm must be one of 'none', 'dataset', 'series'. Received: 'rows'"),
        ({"label_smoothing": 1.0}, "label_smoothing must be at least 0 and below 1. Received: 1.0"),
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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"precision": "float8"}, "precision must be one of 'float32', 'mixed_float16', 'mixed_bfloat16'. Received: 'float8'"),
        ({"weights": "first"}, "weights must be one of 'best', 'last', 'lowest_loss', 'ema'. Received: 'first'"),
        ({"warmup": 1}, "warmup must be at least 0 and below 1. Received: 1"),
        ({"warmup": 0.1, "schedule": "plateau"}, "warmup must be 0 with the schedule 'plateau', which follows losses, not steps. Received: 0.1"),
    ],
)  # fmt: skip
def test_bad_settings_that_are_not_searched(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        TrainingSettings(**arguments)
    assert str(error.value) == message


def test_settings_of_an_earlier_version_have_its_digest_and_its_behaviour() -> None:
    later = {
        "input_norm",
        "label_smoothing",
        "warmup",
        "weights",
        "batch_norm_statistics",
        "loss",
        "quantiles",
    }
    earlier = {
        name: value for name, value in TrainingSettings().to_dict().items() if name not in later
    }
    settings = TrainingSettings.from_dict(earlier)
    assert settings.batch_norm_statistics == "all"
    assert settings.to_digest() == earlier
    assert TrainingSettings(weights="last").to_digest() == {
        **earlier,
        "weights": "last",
        "batch_norm_statistics": "evaluated",
    }


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"label_smoothing": 0.1}, "labelling", "label_smoothing must be 0 for labelling: it is for one class of each sequence. Received: 0.1"),
        ({"input_norm": "series"}, "forecast", "input_norm must be 'dataset' or 'none' for forecast: its targets are steps of the sequence, whose level and scale 'series' takes away. Received: 'series'"),
    ],
)  # fmt: skip
def test_settings_that_a_kind_of_task_refuses(
    arguments: dict[str, Any], kind: str, message: str
) -> None:
    settings = TrainingSettings(**arguments)
    settings.require_for_kind("classification")
    with pytest.raises(InputError) as error:
        settings.require_for_kind(kind)
    assert str(error.value) == message


@pytest.mark.parametrize("quantiles", [[0.1, 0.9], [0.5, 0.1, 0.9], [0.1, 0.5], [0, 0.5, 1], 0.5])
def test_quantiles_ascend_around_the_median(quantiles: Any) -> None:
    if quantiles == 0.5:
        assert TrainingSettings(quantiles=quantiles).quantiles == (0.5,)
        return
    with pytest.raises(InputError, match=r"quantiles must be ascending shares .* 0.5 in their mid"):
        TrainingSettings(quantiles=quantiles)


def test_losses_and_quantiles_belong_to_numbers() -> None:
    with pytest.raises(InputError, match="loss must not be given with quantiles"):
        TrainingSettings(loss="huber", quantiles=(0.1, 0.5, 0.9))
    with pytest.raises(InputError, match="loss must be 'squared', its default, for labelling"):
        TrainingSettings(loss="huber").require_for_kind("labelling")
    with pytest.raises(InputError, match="quantiles are for forecasts"):
        TrainingSettings(quantiles=(0.1, 0.5, 0.9)).require_for_kind("regression")
    TrainingSettings(loss="absolute").require_for_kind("regression")
    settings = TrainingSettings(quantiles=(0.1, 0.5, 0.9))
    assert TrainingSettings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings
