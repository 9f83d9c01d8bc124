"""Suggestions with static ranges, and the parameters for which a space suggests an architecture."""

from __future__ import annotations

from dataclasses import replace

import optuna
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tcn_search import Constraints, Range, SearchSpace
from tcn_search.search.grid import grid_points
from tcn_search.space.constraints import broken_limits
from tcn_search.space.search_space import TaskSpace
from tcn_search.space.trial_parameters import (
    OutsideSpace,
    RecordedSuggestions,
    default_value,
    suggested_values,
)

SPACES = (
    SearchSpace(
        nb_filters=[4, 16], kernel_size=[2, 3, 7], levels=Range(1, 7), dilation_base=[2, 3, 5]
    ),
    SearchSpace(dilations=[[1, 2, 4], [1, 3, 9, 27], [1, 2, 4, 8, 16]], nb_filters=Range(4, 12)),
    SearchSpace(
        levels=Range(2, 8, step=2), optimizer=["adam", "sgd"], batch_size=Range(8, 64, step=8)
    ),
)


def space_of(number: int, seq_len: int, static: bool, rule: str = "auto") -> TaskSpace:
    return SPACES[number].for_task(
        "classification", seq_len, 2, 3, Constraints(required_context=rule), static=static
    )


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2),
    st.sampled_from([3, 20, 31]),
    st.booleans(),
    st.integers(0, 2**31 - 1),
    st.sampled_from(["auto", "seq_len"]),
)
def test_suggested_values_give_the_same_suggestion_again(
    number: int, seq_len: int, static: bool, seed: int, rule: str
) -> None:
    space = space_of(number, seq_len, static, rule)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    trial = study.ask()
    architecture, training = space.suggest(trial)
    assume(not broken_limits(space.violations(architecture)))
    parameters = suggested_values(space, architecture, training)
    study.enqueue_trial(parameters)
    again = study.ask()
    assert space.suggest(again) == (architecture, training)
    assert again.params == parameters


@pytest.mark.parametrize("rule", ["auto", "seq_len"])
@pytest.mark.parametrize("number", range(3))
def test_static_ranges_give_exactly_the_feasible_points(number: int, rule: str) -> None:
    space = space_of(number, 20, static=True, rule=rule)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    trials = [study.ask() for _ in range(100)]
    for trial in trials:
        assert not broken_limits(space.violations(space.suggest(trial)[0]))
        assert trial.distributions == trials[0].distributions
    usual = space.suggest(study.ask())[0]
    for point in space.geometry.feasible:
        geometry = space.geometry.architecture(point, use_skip_connections=True)
        wanted = replace(geometry, nb_filters=usual.nb_filters, norm=usual.norm)
        if rule == "seq_len":
            wanted = replace(wanted, readout=usual.readout)
        assert space.suggest(RecordedSuggestions(suggested_values(space, wanted, {})))[0] == wanted


def test_values_outside_the_space_are_named() -> None:
    space = space_of(0, 20, static=False)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    architecture, training = space.suggest(study.ask())
    for change, message in (
        ({"nb_filters": 5}, "nb_filters 5"),
        ({"kernel_size": 6}, "kernel_size 6"),
        ({"dilations": [1, 2, 5]}, "dilations 1,2,5"),
        ({"dilations": [1], "readout": "last"}, "falls short of the required context"),
        ({"activation": "tanh"}, "activation tanh"),
    ):
        other = type(architecture).from_dict(
            {**architecture.to_dict(), "padding": "causal", **change}
        )
        with pytest.raises(OutsideSpace, match=message):
            suggested_values(space, other, training)
    with pytest.raises(OutsideSpace, match="learning_rate 3"):
        suggested_values(space, architecture, {**training, "learning_rate": 3.0})


def test_a_stride_as_long_as_its_patch_is_suggested() -> None:
    space = SearchSpace(
        patch=[8, 16], patch_stride=[8], readout=["flatten"], nb_filters=[4], kernel_size=[3],
        levels=[2], nb_stacks=[1], padding=["causal"], norm=["none"], use_skip_connections=[True],
        learning_rate=[1e-3], dropout_rate=[0.0],
    ).for_task("forecast", 96, 1, 1, Constraints())  # fmt: skip
    networks = [
        space.suggest(RecordedSuggestions(point.parameters))[0] for point in grid_points(space, 0)
    ]
    strides = {(network.patch, network.stride) for network in networks}
    assert strides == {(8, 8), (16, 8)}


@pytest.mark.parametrize(
    ("name", "dimension", "value"),
    [
        ("batch_size", Range(16, 128, step=16), 64),
        ("batch_size", Range(10, 100, step=20), 70),
        ("batch_size", Range(16, 60, step=16), 48),
        ("batch_size", Range(80, 200, step=40), 80),
        ("dropout_rate", Range(0.1, 0.5, step=0.2), 0.1),
    ],
)
def test_the_value_nearest_to_a_default(name: str, dimension: Range, value: float) -> None:
    assert default_value(name, dimension) == value
