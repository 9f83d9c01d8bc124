"""What a study of forecasts searches: its defaults, its checks, and stored spaces."""

from __future__ import annotations

import optuna
import pytest

from tcn_search.errors import InputError
from tcn_search.planning.architecture import Architecture
from tcn_search.space.forecast_choices import forecast_defaults, former_dimensions
from tcn_search.space.search_space import SearchSpace, TaskSpace
from tcn_search.space.trial_parameters import suggested_values
from tcn_search.space.value_checks import check_searched_loss


def forecast_space(space: SearchSpace, seq_len: int = 96, targets: int = 3) -> TaskSpace:
    filled = space.with_defaults(forecast_defaults((seq_len,), targets))
    return filled.for_task("forecast", seq_len, 4, 24 * max(1, targets), targets=targets)


def drawn(space: TaskSpace, count: int = 60) -> list[Architecture]:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    return [space.suggest(study.ask())[0] for _ in range(count)]


def test_a_study_of_forecasts_searches_the_choices_that_only_forecasts_have() -> None:
    architectures = drawn(forecast_space(SearchSpace()))
    assert {network.channels for network in architectures} == {"shared", "mixed"}
    assert {network.window_norm for network in architectures} == {"last", "standard"}
    assert {network.linear_path for network in architectures} == {True, False}
    assert {network.readout for network in architectures} == {"last", "flatten"}
    assert {network.patch for network in architectures} == {2, 4}
    assert max(network.dilations[-1] for network in architectures) == 32  # of 48 patches


def test_defaults_suit_one_series_short_windows_and_unknown_series() -> None:
    one = drawn(forecast_space(SearchSpace(), seq_len=20, targets=1))
    assert {(network.channels, network.patch) for network in one} == {("shared", 1)}
    unknown = drawn(forecast_space(SearchSpace(), targets=0))
    assert not any(network.is_for_forecasts for network in unknown)


@pytest.mark.parametrize(
    ("look_backs", "patches"),
    [((336,), (8, 16)), ((720,), (16, 32)), ((36,), (1, 2)), ((24,), (1,)), ((36, 336), (4, 8))],
)
def test_patches_make_few_steps_of_long_windows(look_backs, patches) -> None:
    assert forecast_defaults(look_backs, 1)["patch"] == patches


def test_what_is_given_is_not_replaced() -> None:
    given = SearchSpace(channels="mixed", patch=1, readout="flatten", dilations=[[1, 2]])
    found = {(n.channels, n.patch, n.readout, n.dilations) for n in drawn(forecast_space(given))}
    assert found == {("mixed", 1, "flatten", (1, 2))}


def test_every_architecture_can_be_suggested_again() -> None:
    space = forecast_space(SearchSpace())
    for architecture in drawn(space):
        assert suggested_values(space, architecture, {})


def test_other_tasks_have_none_of_it() -> None:
    space = SearchSpace().for_task("classification", 50, 1, 2)
    assert not any(network.is_for_forecasts or network.patch > 1 for network in drawn(space))
    with pytest.raises(
        InputError, match=r"channels must be 'mixed', except for forecasts.*'shared'"
    ):
        SearchSpace(channels=["mixed", "shared"]).for_task("classification", 50, 1, 2)
    with pytest.raises(
        InputError, match=r"linear_path must be False, except .* a task of forecast"
    ):
        SearchSpace(linear_path=True).for_task("forecast", 50, 1, 2)


def test_losses_are_not_compared_with_each_other() -> None:
    check_searched_loss(("squared", "huber"), ["val_standardised_mse"])
    check_searched_loss(("huber",), ["val_loss"])
    with pytest.raises(InputError, match="must not have val_loss where the loss is searched"):
        check_searched_loss(("squared", "huber"), ["val_loss"])


def test_words_and_numbers_are_checked() -> None:
    with pytest.raises(InputError, match="window_norm must be one of"):
        SearchSpace(window_norm=["first"])
    with pytest.raises(InputError, match="linear_path must be true or false"):
        SearchSpace(linear_path=["yes"])
    with pytest.raises(InputError, match="patch must be integers of at least 1"):
        SearchSpace(patch=[0])


def test_a_space_of_an_earlier_version_keeps_its_networks() -> None:
    stored = SearchSpace(look_back=[24, 48]).to_dict()
    space = SearchSpace.from_dict(former_dimensions(stored))
    task_space = space.for_task("forecast", 48, 3, 6, targets=3)
    architectures = drawn(task_space)
    assert not any(n.is_for_forecasts or n.patch > 1 for n in architectures)
    assert {n.readout for n in architectures} == {"last", "max", "average"}
    # Nothing that was not asked then is asked now.
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    trial = study.ask()
    task_space.suggest(trial)
    assert not {"patch", "channels", "window_norm", "linear_path"} & set(trial.params)
    new = SearchSpace().with_defaults(forecast_defaults((96,), 3)).to_dict()
    assert former_dimensions(new) == new


def test_an_architecture_of_an_earlier_version_is_stored_as_then() -> None:
    former = Architecture()
    later = {"patch", "patch_stride", "channels", "window_norm", "linear_path"}
    assert not later & set(former.to_dict())
    changed = Architecture(channels="shared", patch=8, patch_stride=4, linear_path=True)
    assert Architecture.from_dict(changed.to_dict()) == changed
    assert "channels='shared'" in str(changed)


@pytest.mark.parametrize(
    ("choices", "text"),
    [
        ({"patch": [1000]}, "patch must be at most the sequence length of 50 steps. Received: patch [1000]"),
        ({"patch": [8], "patch_stride": [16]}, "patch must be at most the sequence length of 50 steps, and a multiple of patch_stride. Received: patch [8], patch_stride [16]"),
    ],
)  # fmt: skip
def test_patches_that_fit_nowhere_are_refused(choices: dict[str, list[int]], text: str) -> None:
    with pytest.raises(InputError) as raised:
        SearchSpace(**choices).for_task("forecast", 50, 1, 2)
    assert str(raised.value) == text
