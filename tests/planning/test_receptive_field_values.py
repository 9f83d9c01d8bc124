"""Receptive fields that are known from elsewhere."""

import pytest

from tcn_search.errors import InputError
from tcn_search.planning.receptive_field import receptive_field, span


def powers(levels: int) -> tuple[int, ...]:
    return tuple(2**level for level in range(levels))


@pytest.mark.parametrize(("nb_stacks", "expected"), [(1, 16), (2, 31), (3, 46)])
def test_one_convolution_a_block(nb_stacks: int, expected: int) -> None:
    assert receptive_field(2, (1, 2, 4, 8), nb_stacks, convolutions_per_block=1) == expected


@pytest.mark.parametrize(
    ("kernel_size", "levels", "expected"), [(8, 8, 3571), (6, 8, 2551), (6, 7, 1271), (3, 4, 61)]
)
def test_two_convolutions_a_block(kernel_size: int, levels: int, expected: int) -> None:
    assert receptive_field(kernel_size, powers(levels)) == expected


def test_even_kernels_with_same_padding_look_ahead_further_than_back() -> None:
    assert tuple(span(2, (1, 2, 4), padding="same")) == (6, 8)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((0, (1, 2)), r"kernel_size must be an integer of at least 1\. Received: 0"),
        ((3, ()), "dilations must have at least one entry"),
        ((3, (1, -2)), r"dilations must all be integers of at least 1\. Received: \[1, -2\]"),
        ((3, (1, 2), 0), r"nb_stacks must be an integer of at least 1\. Received: 0"),
    ],
)
def test_bad_input_is_named(arguments: tuple, text: str) -> None:
    with pytest.raises(InputError, match=text):
        receptive_field(*arguments)
