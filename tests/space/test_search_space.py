"""Search spaces: suggestions are feasible, every feasible point is suggested, counts are right."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from functools import reduce
from operator import or_
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcn_search import Architecture, Constraints, Range, SearchSpace, TrainingSettings
from tcn_search.errors import InputError
from tcn_search.space.geometry import most_useful_levels

optuna.logging.set_verbosity(optuna.logging.WARNING)


def for_task(space: SearchSpace, seq_len: int, **constraints: Any) -> Any:
    """The space for a task, with a required context that binds every readout."""
    constraints.setdefault("required_context", "seq_len")
    return space.for_task("classification", seq_len, 1, 2, Constraints(**constraints))


def ascending(low: int, high: int, size: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(low, high), min_size=1, max_size=size, unique=True)


spaces = st.builds(
    SearchSpace,
    nb_filters=st.just([4]),
    kernel_size=ascending(1, 9, 4),
    levels=ascending(1, 6, 4),
    dilation_base=ascending(2, 4, 3),
    nb_stacks=ascending(1, 4, 3),
    padding=st.sampled_from([["causal"], ["same"], ["causal", "same"]]),
    use_skip_connections=st.sampled_from([[True], [False], [True, False]]),
)


@settings(max_examples=60, deadline=None)
@given(spaces, st.integers(2, 120), st.integers(0, 10_000), st.booleans())
def test_a_narrowed_space_only_suggests_what_is_feasible(
    space: SearchSpace, seq_len: int, seed: int, allow_blind_spots: bool
) -> None:
    try:
        narrowed = for_task(space, seq_len, allow_blind_spots=allow_blind_spots)
    except InputError:
        return
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    for _ in range(8):
        trial = study.ask()
        architecture, training = narrowed.suggest(trial)
        assert narrowed.limits.receptive_field_violation(architecture).excess <= 0
        assert set(training) == {"learning_rate", "dropout_rate"}
        study.tell(trial, 0.0)


@settings(max_examples=40, deadline=None)
@given(spaces, st.integers(2, 60))
def test_feasible_points_are_those_found_by_brute_force(space: SearchSpace, seq_len: int) -> None:
    try:
        geometry = for_task(space, seq_len).geometry
    except InputError:
        return
    ours = {point for point in geometry.points if point not in geometry.feasible}
    for point in geometry.points:
        padding, kernel_size, nb_stacks, base, levels = point
        dilations = [base**level for level in range(levels)]
        seen_by_one_that_works = any(
            _sees_everything(kernel_size, dilations, nb_stacks, padding, skip, seq_len)
            for skip in space.use_skip_connections
        )
        assert (point in ours) == (not seen_by_one_that_works), point


def _sees_everything(
    kernel: int, dilations: list[int], stacks: int, padding: str, skips: bool, needed: int
) -> bool:
    """Position by position along the sequence, as slow and plain as can be: bit i of a mask is input step i."""
    block_input = [1 << step for step in range(needed)]
    outputs = [0] * needed
    for dilation in dilations * stacks:
        convolved = block_input
        for _ in range(2):
            reach = (kernel - 1) * dilation
            back = reach // 2 if padding == "same" else reach
            taps = range(-back, reach - back + 1, dilation)
            convolved = [
                _union(convolved[step + tap] for tap in taps if 0 <= step + tap < needed)
                for step in range(needed)
            ]
        outputs = [one | other for one, other in zip(outputs, convolved, strict=True)]
        block_input = [one | other for one, other in zip(block_input, convolved, strict=True)]
    seen = outputs if skips else block_input
    return seen[needed // 2 if padding == "same" else -1] == (1 << needed) - 1


def _union(masks: Iterable[int]) -> int:
    return reduce(or_, masks, 0)


def test_every_feasible_point_can_be_suggested() -> None:
    space = SearchSpace(nb_filters=4, kernel_size=[2, 3, 7], levels=[2, 3, 4, 6], nb_stacks=[1, 2])
    narrowed = for_task(space, 40)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    suggested = set()
    for _ in range(400):
        trial = study.ask()
        architecture, _ = narrowed.suggest(trial)
        suggested.add(
            (
                architecture.padding,
                architecture.kernel_size,
                architecture.nb_stacks,
                architecture.levels,
            )
        )
        study.tell(trial, 0.0)
    assert suggested == {
        (padding, kernel, stacks, levels)
        for padding, kernel, stacks, _, levels in narrowed.geometry.feasible
    }


def test_describe_counts_infeasible_architectures() -> None:
    space = SearchSpace(
        nb_filters=[8, 16],
        kernel_size=[2, 3],
        levels=[1, 2, 3],
        nb_stacks=1,
        padding="causal",
        norm="none",
        readout="last",
    )
    # receptive fields: kernel 2: 3, 7, 15; kernel 3: 5, 13, 29
    assert (
        for_task(space, 13).describe()
        == "12 of 24 architectures fall short of 13 steps: never sampled"
    )
    assert for_task(space, 20, required_context=13, receptive_field="prune").describe() == (
        "12 of 24 architectures fall short of 13 steps (required context; the sequences have 20): "
        "pruned before they are built"
    )


def test_prune_mode_suggests_the_whole_space_and_names_broken_limits() -> None:
    space = SearchSpace(nb_filters=4, kernel_size=[2, 3], levels=[1, 2, 3], padding="causal")
    whole = for_task(space, 13, receptive_field="prune")
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    broken = set()
    for _ in range(40):
        trial = study.ask()
        architecture, _ = whole.suggest(trial)
        for violation in whole.violations(architecture):
            if violation.excess > 0:
                broken.add(violation.reason)
        study.tell(trial, 0.0)
    reason = "receptive field 3 falls short of the required context 13"
    assert any(text.startswith(f"{reason} (readout ") for text in broken)
    assert all(text.endswith(", sequence length 13)") for text in broken)


def test_explicit_dilations_are_a_choice_of_text_and_come_back_as_they_were() -> None:
    space = SearchSpace(kernel_size=8, dilations=[[1, 2, 4, 8], [1, 3, 9, 27]], padding="causal")
    narrowed = for_task(space, 60)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    suggested = set()
    for _ in range(20):
        trial = study.ask()
        architecture, _ = narrowed.suggest(trial)
        suggested.add((trial.params["dilations"], architecture.dilations))
        study.tell(trial, 0.0)
    assert suggested == {("1,2,4,8", (1, 2, 4, 8)), ("1,3,9,27", (1, 3, 9, 27))}


def test_max_params_counts_head_and_norm() -> None:
    space = for_task(SearchSpace(), 64, max_params=1_000_000)
    architecture = Architecture(nb_filters=4, kernel_size=2, dilations=(1,), norm="layer")
    # first convolution 2·1·4+4, second 2·4·4+4, two norms of 8, no match after the last block; head 4·2+2
    assert space.limits.parameters(architecture) == 12 + 36 + 16 + 10


def test_the_smallest_norm_decides_whether_a_space_is_too_large() -> None:
    cheapest = for_task(SearchSpace(**ONE_POINT, norm=["weight"]), 16).limits
    network = Architecture(nb_filters=4, kernel_size=2, dilations=(1, 2, 4, 8), norm="weight")
    few = cheapest.parameters(network)
    assert few < cheapest.parameters(replace(network, norm="batch"))
    assert (
        for_task(SearchSpace(**ONE_POINT, norm=["batch", "weight"]), 16, max_params=few).size() == 2
    )
    with pytest.raises(InputError, match=f"the smallest that covers 16 steps has {few:,}"):
        for_task(SearchSpace(**ONE_POINT, norm=["batch", "weight"]), 16, max_params=few - 1)


ONE_POINT = {
    "nb_filters": 4, "kernel_size": 2, "levels": 4, "nb_stacks": 1, "padding": "causal", "readout": "last",
    "use_skip_connections": True,
}  # fmt: skip


def test_the_default_space_holds_keras_tcns_defaults() -> None:
    space = for_task(SearchSpace(), 100).space
    assert 64 in space.nb_filters
    assert space.kernel_size.low <= 3 <= space.kernel_size.high
    assert space.levels.low <= 6 <= space.levels.high
    assert "none" in space.norm
    assert True in space.use_skip_connections


def test_a_space_survives_its_dictionary() -> None:
    space = SearchSpace(levels=Range(2, 5), dropout_rate=0.1, readout=["max"])
    assert SearchSpace.from_dict(space.to_dict()) == space


@given(st.integers(2, 6), st.integers(1, 5_000))
def test_the_last_useful_level_has_a_dilation_below_the_sequence_length(
    base: int, seq_len: int
) -> None:
    levels = most_useful_levels(base, seq_len)
    assert base ** (levels - 1) < max(seq_len, 2)
    assert base**levels >= seq_len


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kernel_size": {"low": 8, "high": 2}}, "kernel_size: A range's low must not be above its high. Received: low = 8, high = 2"),
        ({"kernel_size": {"low": 2, "high": 8, "step": "2"}}, "kernel_size: A range's step must be a number above 0. Received: '2'"),
        ({"kernel_size": {"low": 2, "high": 8, "step": True}}, "kernel_size: A range's step must be a number above 0. Received: True"),
        ({"kernel_size": {"low": 2, "high": 8, "log": "no"}}, "kernel_size: A range's log must be true or false. Received: 'no'"),
        ({"nb_filters": [{"low": 2, "high": 8}]}, "nb_filters must be one range, or a list of values. Received in a list: {'low': 2, 'high': 8}"),
        ({"kernel_size": []}, "kernel_size must have at least one choice. Received: an empty list"),
        ({"kernel_size": [3, 3]}, "kernel_size must not list a choice twice. Received: [3, 3]"),
        ({"kernel_size": [0, 3]}, "kernel_size must be integers of at least 1. Received: [0, 3]"),
        ({"nb_filters": Range(0.5, 8)}, "nb_filters must be a range of integers of at least 1. Received: Range(low=0.5, high=8, step=None, log=False)"),
        ({"norm": ["group"]}, "norm must be one of 'none', 'batch', 'layer', 'weight'. Received: 'group'"),
        ({"learning_rate": {"low": 0, "high": 1, "log": True}}, "learning_rate: A range with log must have a low above 0 and no step. Received: low = 0, step = None"),
        ({"learning_rate": {"low": 0.1}}, "learning_rate as a range must have low and high, and may have step and log. Received: {'low': 0.1}"),
        ({"dropout_rate": [1.5]}, "dropout_rate must be at least 0 and below 1. Received: 1.5"),
        ({"use_skip_connections": ["yes"]}, "use_skip_connections must be true or false. Received: 'yes'"),
        ({"dilations": [[1, 2]], "levels": [3]}, "A space has either dilations or levels. Received: both"),
        ({"dilations": [[1, -2]]}, "dilations must all be integers of at least 1. Received: [1, -2]"),
        ({"padding": Range(1, 2)}, "padding must be a list of choices. Received: Range(low=1, high=2, step=None, log=False)"),
    ],
)  # fmt: skip
def test_bad_spaces(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        SearchSpace(**arguments)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("space", "constraints", "message"),
    [
        (
            SearchSpace(),
            {"required_context": 500},
            "required_context must be at most the sequence length, 427 steps. Received: 500",
        ),
        (
            SearchSpace(kernel_size=[2, 3], levels=[1, 2, 3], nb_stacks=1, padding="causal"),
            {},
            "No architecture of this space covers the required context of 427 steps (sequence length 427): the "
            "largest receptive field is 29. It would with levels 7 or kernel_size 32 or nb_stacks 16.",
        ),
        (
            SearchSpace(kernel_size=2, dilation_base=4, levels=5, nb_stacks=1, padding="causal"),
            {},
            "Every architecture of this space that covers 427 steps has blind spots there. Use a smaller "
            "dilation_base or a larger kernel_size, or set allow_blind_spots = true.",
        ),
        (
            SearchSpace(nb_filters=8, kernel_size=8, levels=7, nb_stacks=1, padding="causal"),
            {"max_params": 100},
            "No architecture of this space has at most max_params = 100 parameters: the smallest that covers 427 "
            "steps has 6,866. Allow more, or fewer filters.",
        ),
    ],
)
def test_spaces_without_a_feasible_architecture(
    space: SearchSpace, constraints: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as error:
        for_task(space, 427, **constraints)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"required_context": "all"},
            'required_context must be "auto", "seq_len" or a number of steps. Received: \'all\'',
        ),
        ({"required_context": 0}, "required_context must be an integer of at least 1. Received: 0"),
        (
            {"receptive_field": "wide"},
            "receptive_field must be one of 'narrow', 'prune'. Received: 'wide'",
        ),
        ({"max_params": -5}, "max_params must be an integer of at least 1. Received: -5"),
    ],
)
def test_bad_constraints(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        Constraints(**arguments)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"nb_filters": {"low": 1, "high": 10**9}}, "nb_filters must be at most 65,536. Received: 1000000000"),
        ({"nb_filters": range(1, 10**9)}, "nb_filters must have at most 65,536 choices; give a range. Received: more"),
        ({"nb_stacks": [10**6]}, "nb_stacks must be at most 1,024. Received: 1000000"),
        ({"levels": {"low": 1, "high": 1000}}, "levels must be at most 63. Received: 1000"),
        ({"levels": [63], "nb_stacks": [17]}, "levels × nb_stacks, the residual blocks, must be at most 1,024. Received: 63 × 17 = 1,071"),
        ({"levels": 30, "dilation_base": [2, 9]}, "dilation_base ** (levels − 1), the longest dilation, must be at most 9,223,372,036,854,775,807. Received: 9 ** 29"),
        ({"kernel_size": Range(2, 60_000), "levels": 3}, "kernel_size × levels × nb_stacks must be at most 131,072. Received: 60000 × 3 × 2 = 360,000"),
        ({"batch_size": {"low": 1, "high": 10**9}}, "batch_size must be at most 1,048,576. Received: 1000000000"),
        ({"look_back": [10**12]}, "look_back must be at most 134,217,728. Received: 1000000000000"),
        ({"learning_rate": {"low": 1e-4, "high": 1e-2, "step": 1e-300}}, "learning_rate: A range with a step must have at most 1,000,000 values. Received: low = 0.0001, high = 0.01, step = 1e-300"),
        ({"learning_rate": {"low": 1e-4, "high": 10**400}}, "learning_rate: A range's high must be a finite number. Received: 1" + "0" * 196 + "..."),
        ({"learning_rate": {"low": float("nan"), "high": 1}}, "learning_rate: A range's low must be a finite number. Received: nan"),
        ({"learning_rate": {"low": 1e-4, "high": 1e39}}, "learning_rate must be at most 100,000,000,000,000,000,000,000,000,000,000,000,000. Received: 1e+39"),
        ({"weight_decay": [float("inf")]}, "weight_decay must be a finite number. Received: inf"),
        ({"dropout_rate": {"low": 0.0, "high": 1.0}}, "dropout_rate must be at least 0 and below 1. Received: 1.0"),
        ({"clip_norm": ["1"]}, "clip_norm must be a finite number. Received: '1'"),
        ({"kernel_size": [[3]]}, "kernel_size must be one range, or a list of values. Received in a list: [3]"),
        ({"kernel_size": None}, "kernel_size must be a value, a list of choices or a range. Received: None"),
        ({"norm": [["none"]]}, "norm must be one range, or a list of values. Received in a list: ['none']"),
        ({"dilations": {"low": 1}}, "dilations must be a list of lists such as [[1, 2, 4, 8]]. Received: {'low': 1}"),
    ],
)  # fmt: skip
def test_values_above_the_limits_are_refused_before_a_range_is_listed(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as error:
        SearchSpace(**arguments)
    assert str(error.value) == message


def test_the_number_of_combinations_is_limited() -> None:
    with pytest.raises(InputError) as error:
        for_task(
            SearchSpace(kernel_size=Range(1, 65_536), levels=[1, 2], nb_stacks=1, padding="causal"),
            427,
        )
    assert str(error.value) == (
        "A space must have at most 100,000 combinations of padding, kernel_size, nb_stacks, dilation_base, levels. "
        "Received: 131,072. Give fewer values of one of them."
    )
    with pytest.raises(
        InputError, match=r'^With padding "same" the blocks of all architectures together'
    ):
        SearchSpace().for_task("classification", 2**24, 1, 2)
    assert SearchSpace(padding="causal", levels=Range(1, 24)).for_task(
        "classification", 2**24, 1, 2
    )


def test_numbers_of_numpy_are_kept_as_plain_ones() -> None:
    space = SearchSpace(
        nb_filters=np.array([8, 16]),
        kernel_size=np.int64(3),
        learning_rate=[np.float32(0.5)],
        dropout_rate=None,
    )
    assert space == SearchSpace(
        nb_filters=[8, 16], kernel_size=3, learning_rate=[0.5], dropout_rate=None
    )
    settings = TrainingSettings(epochs=np.int64(3), patience=np.int64(1), clip_norm=np.float32(0.5))
    assert json.loads(json.dumps([space.to_dict(), settings.to_dict()]))[1]["epochs"] == 3


def test_spaces_with_large_bases_have_as_many_levels_as_can_be_counted() -> None:
    space = for_task(SearchSpace(dilation_base=[2, 100], padding="causal"), 1000).space
    assert space.levels == Range(1, 10)
