"""Settings of final trainings: what they make of a trial's settings, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from tcn_search import FinalSettings, TrainingSettings
from tcn_search.errors import InputError

TRIAL = TrainingSettings(epochs=5, schedule="constant", patience=3, warmup=0.1)


@pytest.mark.parametrize(
    ("final", "trial", "refit", "wanted"),
    [
        ({}, {}, False, ("cosine", "last", 0, 0.1)),
        ({}, {"schedule": "step"}, False, ("step", "best", 3, 0.1)),
        ({}, {"schedule": "step"}, True, ("step", "last", 0, 0.1)),
        ({"schedule": "trial"}, {}, False, ("constant", "best", 3, 0.1)),
        ({"schedule": "plateau"}, {}, False, ("plateau", "best", 3, 0.0)),
        ({"schedule": "plateau"}, {}, True, ("train_plateau", "last", 0, 0.0)),
        ({"weights": "ema"}, {}, False, ("cosine", "ema", 0, 0.1)),
        ({"weights": "best"}, {}, False, ("cosine", "best", 3, 0.1)),
    ],
)
def test_the_recipe_of_a_final_training(
    final: dict[str, Any], trial: dict[str, Any], refit: bool, wanted: tuple[Any, ...]
) -> None:
    given = TrainingSettings(**{**TRIAL.to_dict(), **trial})
    made = FinalSettings(**final).training(given, epochs=9, refit=refit)
    assert (made.schedule, made.weights, made.patience, made.warmup) == wanted
    assert made.epochs == 9


def test_a_study_without_the_settings_trains_as_before() -> None:
    former = FinalSettings.former()
    assert former.training(TRIAL, epochs=5, refit=False) == TRIAL
    assert (former.rerun, former.seeds, former.refit, former.ensemble) == (1, 3, False, False)


def test_settings_are_stored_and_read() -> None:
    settings = FinalSettings(epochs=3, schedule="step", refit=True, rerun=4, members=2)
    assert FinalSettings.from_dict(settings.to_dict()) == settings


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seeds": 0}, "seeds must be an integer of at least 1. Received: 0"),
        ({"refit": "yes"}, "refit must be true or false. Received: 'yes'"),
        ({"ensemble": 1}, "ensemble must be true or false. Received: 1"),
        ({"members": 4}, "members must be at most rerun, because members come from the trials that are trained again. Received: members = 4, rerun = 3"),
        ({"weights": "best", "refit": True}, 'weights must not be "best" with refit = true: no validation split is left to find the best epoch. Leave weights out.'),
        ({"weights": "first"}, "weights must be one of 'auto', 'best', 'last', 'lowest_loss', 'ema'. Received: 'first'"),
        ({"schedule": "linear"}, "schedule must be one of 'auto', 'trial', 'constant', 'cosine', 'step', 'plateau', 'train_plateau'. Received: 'linear'"),
    ],
)  # fmt: skip
def test_bad_settings_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        FinalSettings(**arguments)
    assert str(caught.value) == message
