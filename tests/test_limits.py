"""Numbers above the limits are refused at once; at the limits, results are quick."""

import math
import time
from typing import Any

import numpy as np
import pytest

import tcn_search as ts
from tcn_search.arguments import is_number, positive_integer, positive_seconds
from tcn_search.errors import InputError
from tcn_search.planning.architecture import Architecture
from tcn_search.planning.check import check
from tcn_search.planning.figure_data import coverage_lags, receptive_field_rows
from tcn_search.planning.plan import plan_rows
from tcn_search.planning.ranges import dilation_list, integers

HUGE = 10**5000  # more digits than Python turns into text


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"kernel_size": 99999999999}, "kernel_size must be at most 65,536. Received: 99999999999"),
        ({"nb_stacks": 100_000}, "nb_stacks must be at most 1,024. Received: 100000"),
        ({"nb_filters": 10**9}, "nb_filters must be at most 65,536. Received: 1000000000"),
        ({"dilations": [2**63]}, "dilations must be at most 9,223,372,036,854,775,807. Received: 9223372036854775808"),
        ({"dilations": range(1, 10**9)}, "dilations must have at most 65,536 entries. Received: more"),
        ({"look_back": 10**12}, "look_back must be at most 134,217,728. Received: 1000000000000"),
        ({"kernel_size": HUGE}, "kernel_size must be at most 65,536. Received: a int that cannot be shown"),
        ({"kernel_size": 3.0}, "kernel_size must be an integer of at least 1. Received: 3.0"),
        ({"kernel_size": "3"}, "kernel_size must be an integer of at least 1. Received: '3'"),
        ({"kernel_size": True}, "kernel_size must be an integer of at least 1. Received: True"),
        ({"kernel_size": None}, "kernel_size must be an integer of at least 1. Received: None"),
        ({"kernel_size": math.nan}, "kernel_size must be an integer of at least 1. Received: nan"),
        ({"kernel_size": np.array([[1], [2]])}, "kernel_size must be an integer of at least 1. Received: array([[1], [2]])"),
        ({"nb_filters": "3"}, "nb_filters must be an integer of at least 1. Received: '3'"),
        ({"norm": ["none"]}, "norm must be one of 'none', 'batch', 'layer', 'weight'. Received: ['none']"),
        (
            {"kernel_size": 128, "dilations": [1] * 1025, "nb_stacks": 1},
            "levels × nb_stacks, the residual blocks, must be at most 1,024. Received: 1025 × 1 = 1,025",
        ),
        (
            {"kernel_size": 65_536, "dilations": [1, 2, 4]},
            "kernel_size × levels × nb_stacks must be at most 131,072. Received: 65536 × 3 × 1 = 196,608",
        ),
    ],
)  # fmt: skip
def test_an_architecture_above_the_limits_is_refused(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(InputError) as error:
        Architecture(**arguments)
    assert str(error.value) == text


def test_the_layer_has_the_same_limits() -> None:
    with pytest.raises(InputError) as error:
        ts.TCN(nb_filters=8, kernel_size=10**9)
    assert str(error.value) == "kernel_size must be at most 65,536. Received: 1000000000"


def test_integers_of_numpy_are_integers() -> None:
    network = Architecture(
        nb_filters=np.int64(8), kernel_size=np.uint8(3), dilations=np.array([1, 2])
    )
    assert network == Architecture(nb_filters=8, kernel_size=3, dilations=(1, 2))
    assert type(network.kernel_size) is type(network.dilations[0]) is int


@pytest.mark.parametrize(
    ("seq_len", "text"),
    [
        (999_999_999_999, "seq_len must be at most 134,217,728. Received: 999999999999"),
        (-1, "seq_len must be an integer of at least 1. Received: -1"),
        (math.inf, "seq_len must be an integer of at least 1. Received: inf"),
    ],
)
def test_a_sequence_above_the_limits_is_refused(seq_len: Any, text: str) -> None:
    network = Architecture(kernel_size=3, dilations=(1, 2))
    for call in (lambda: check(network, seq_len), lambda: plan_rows(seq_len)):
        with pytest.raises(InputError) as error:
            call()
        assert str(error.value) == text


def powers(levels: int, base: int = 2) -> tuple[int, ...]:
    return tuple(base**level for level in range(levels))


@pytest.mark.parametrize("padding", ["causal", "same", "valid"])
@pytest.mark.parametrize(
    ("kernel_size", "dilations", "nb_stacks", "seq_len"),
    [
        (65_536, (1, 2), 1, 100),
        (2, powers(63), 1, 2**23),
        pytest.param(65_536, (1, 2), 1, 2**27, marks=pytest.mark.slow),
        pytest.param(128, powers(8), 128, 2**18, marks=pytest.mark.slow),
        pytest.param(2, powers(16, base=3), 1, 2**24, marks=pytest.mark.slow),
        pytest.param(2, (2,), 1024, 2**27, marks=pytest.mark.slow),
        pytest.param(2, tuple(range(1, 1025)), 1, 2**18, marks=pytest.mark.slow),
    ],
)
def test_the_largest_networks_are_checked_quickly(
    kernel_size: int, dilations: tuple[int, ...], nb_stacks: int, seq_len: int, padding: str
) -> None:
    network = Architecture(65_536, kernel_size, dilations, nb_stacks, padding)
    started = time.process_time()
    assert str(check(network, seq_len, input_channels=2**20))
    assert time.process_time() - started < 10  # a second or so where nothing else runs


def test_networks_that_take_too_long_to_trace_are_refused() -> None:
    network = Architecture(kernel_size=2, dilations=powers(27), padding="same")
    with pytest.raises(InputError) as error:
        check(network, 2**27)
    assert str(error.value) == (
        "seq_len × levels × nb_stacks must be at most 536,870,912 where steps are traced one by one, with padding "
        '"same" or with blind spots. Received: 134,217,728 × 27. Use padding "causal" without blind spots, or '
        "shorter sequences."
    )
    assert check(Architecture(kernel_size=2, dilations=powers(27)), 2**27).covers


@pytest.mark.parametrize("text", ["9" * 5000, "1-" + "9" * 5000, "99999999999"])
def test_ranges_are_told_by_their_ends(text: str) -> None:
    with pytest.raises(
        InputError, match=r"^levels must be at most 63\. Received: [0-9,]+( digits)?$"
    ):
        integers("levels", text)


def test_a_list_of_dilations_that_python_cannot_read() -> None:
    with pytest.raises(InputError) as error:
        dilation_list("dilations", "9" * 5000)
    assert str(error.value).startswith(
        "dilations must be integers of at least 1 and commas, such as"
    )
    assert len(str(error.value)) < 400


@pytest.mark.parametrize("value", [math.nan, math.inf, 0, -1, "60", True, None])
def test_a_time_limit_is_a_number_of_seconds(value: Any) -> None:
    with pytest.raises(InputError, match="^timeout must be above 0 seconds. Received: "):
        positive_seconds("timeout", value)


def test_no_time_limit_is_longer_than_ten_years() -> None:
    assert positive_seconds("timeout", np.float32(1.5)) == 1.5
    with pytest.raises(InputError) as error:
        positive_seconds("timeout", 10**10)
    assert str(error.value) == (
        "timeout must be at most 315,360,000 seconds, which are ten years. Received: 10000000000"
    )


def test_finite_numbers_are_told_from_other_values() -> None:
    assert all(map(is_number, (np.float32(2), np.int64(2), 1e300)))
    assert not any(map(is_number, (np.nan, np.True_, HUGE, "1", None, 1j)))
    with pytest.raises(InputError):
        positive_integer("epochs", np.array(2.5))


def test_plots_with_too_many_marks_are_refused() -> None:
    with pytest.raises(InputError) as error:
        coverage_lags(Architecture(kernel_size=2, dilations=powers(25)), 2**24)
    assert str(error.value) == (
        "A picture of a receptive field must have at most 1,000,000 steps. Received: 16,777,216. Draw a shorter "
        "sequence or a smaller network."
    )
    with pytest.raises(
        InputError,
        match=r"^A picture of a receptive field must have at most 1,000,000 connections\.",
    ):
        receptive_field_rows(Architecture(kernel_size=2000, dilations=(1,)), 2000)
