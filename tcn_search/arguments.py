"""Checks of arguments. Their errors name the argument, the rule and the value received."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import islice
from numbers import Integral, Real
from operator import index
from typing import TypeGuard

from tcn_search.errors import InputError
from tcn_search.limits import MOST_BLOCKS, MOST_ENTRIES, MOST_SECONDS, MOST_TAPS, most

_LONGEST_SHOWN = 200


def received(value: object) -> str:
    """Return a value as error texts show it: on one line, and cut to 200 characters.

    >>> received("a\\nb"), received([1, 2])
    ("'a\\\\nb'", '[1, 2]')
    """
    try:
        text = " ".join(repr(value).split())
    except Exception:  # an integer of more than 4,300 digits, or a user's faulty __repr__
        text = f"a {type(value).__name__} that cannot be shown"
    if len(text) > _LONGEST_SHOWN:
        return f"{text[: _LONGEST_SHOWN - 3]}..."
    return text


def as_integer(value: object) -> int | None:
    """Return an integer of Python, NumPy or a tensor library as an int; None for other values."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        return None
    try:
        return index(value)
    except TypeError:  # an array of several numbers, or a NumPy boolean
        return None


def positive_integer(name: str, value: object) -> int:
    """Return `value` as an int.

    Raises:
        InputError: `value` is no integer from 1 to `limits.most(name)`.
    """
    number = as_integer(value)
    if number is None or number < 1:
        raise InputError(f"{name} must be an integer of at least 1. Received: {received(value)}")
    return at_most(name, number)


def integer_from_0(name: str, value: object, unit: str = "") -> int:
    """Return `value` as an int.

    Args:
        unit: follows the 0 in the error text, such as " epochs".

    Raises:
        InputError: `value` is no integer from 0 to `limits.most(name)`.
    """
    number = as_integer(value)
    if number is None or number < 0:
        raise InputError(f"{name} must be at least 0{unit}. Received: {received(value)}")
    return at_most(name, number)


def at_most(name: str, value: int) -> int:
    """Return `value`, or raise an InputError if it is above `limits.most(name)`."""
    require_at_most(name, value)
    return value


def require_at_most(name: str, value: float) -> None:
    """Raise an InputError if `value` is above `limits.most(name)`."""
    if value > most(name):
        raise InputError(f"{name} must be at most {most(name):,}. Received: {received(value)}")


def positive_integers(name: str, values: object) -> tuple[int, ...]:
    """Return the integers of an iterable as a tuple of ints.

    Raises:
        InputError: `values` is no iterable, is empty, is too long, or has an entry that is no
            integer from 1 to `limits.most(name)`.
    """
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InputError(f"{name} must be a list of integers. Received: {received(values)}")
    if isinstance(values, range) and values:  # its ends are checked before it is listed
        at_most(name, max(values[0], values[-1]))
    listed = tuple(islice(values, MOST_ENTRIES + 1))
    if not listed:
        raise InputError(f"{name} must have at least one entry. Received: an empty list")
    if len(listed) > MOST_ENTRIES:
        raise InputError(f"{name} must have at most {MOST_ENTRIES:,} entries. Received: more")
    numbers = [as_integer(value) for value in listed]
    if any(number is None or number < 1 for number in numbers):
        raise InputError(
            f"{name} must all be integers of at least 1. Received: {received(list(listed))}"
        )
    return tuple(at_most(name, number) for number in numbers if number is not None)


def is_number(value: object) -> TypeGuard[float]:
    """Return whether `value` is a finite number that a float can hold. A bool is no number.

    >>> is_number(3), is_number(float("nan")), is_number(10**400), is_number("3"), is_number(True)
    (True, False, False, False, False)
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def plain_number(value: object) -> object:
    """Return a NumPy number as a Python number, which JSON can hold; other values unchanged."""
    if isinstance(value, bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    return value


def positive_seconds(name: str, value: object) -> float:
    """Return a time limit in seconds as a float.

    Raises:
        InputError: `value` is no number above 0, or is longer than ten years.
    """
    if not is_number(value) or not value > 0:
        raise InputError(f"{name} must be above 0 seconds. Received: {received(value)}")
    if value > MOST_SECONDS:
        raise InputError(
            f"{name} must be at most {MOST_SECONDS:,} seconds, which are ten years. "
            f"Received: {received(value)}"
        )
    return float(value)


def one_of(name: str, value: object, allowed: Sequence[str]) -> None:
    """Raise an InputError if `value` is not among the `allowed` words."""
    if not isinstance(value, str) or value not in allowed:
        choices = ", ".join(repr(choice) for choice in allowed)
        raise InputError(f"{name} must be one of {choices}. Received: {received(value)}")


def required_within(seq_len: object, required_context: object) -> tuple[int, int]:
    """Return (seq_len, required_context) as ints.

    A required context of None is the whole sequence.

    Raises:
        InputError: either is no integer of at least 1, or the required context is longer than the
            sequence.
    """
    steps = positive_integer("seq_len", seq_len)
    if required_context is None:
        return steps, steps
    required = positive_integer("required_context", required_context)
    if required > steps:
        raise InputError(
            f"required_context must be at most the sequence length, {steps:,} steps. "
            f"Received: {required}. Give a smaller one, or longer sequences."
        )
    return steps, required


def require_buildable(kernel_size: int, levels: int, nb_stacks: int) -> None:
    """Raise an InputError if a network has more residual blocks or taps than are supported."""
    if levels * nb_stacks > MOST_BLOCKS:
        raise InputError(
            f"levels × nb_stacks, the residual blocks, must be at most {MOST_BLOCKS:,}. "
            f"Received: {levels} × {nb_stacks} = {levels * nb_stacks:,}"
        )
    taps = kernel_size * levels * nb_stacks
    if taps > MOST_TAPS:
        raise InputError(
            f"kernel_size × levels × nb_stacks must be at most {MOST_TAPS:,}. "
            f"Received: {kernel_size} × {levels} × {nb_stacks} = {taps:,}"
        )


def require_dilations(dilation_base: int, levels: int) -> None:
    """Raise an InputError if the last dilation, base ** (levels − 1), is above the limit."""
    at_most("levels", levels)
    if dilation_base ** (levels - 1) > most("dilations"):
        raise InputError(
            "dilation_base ** (levels − 1), the longest dilation, must be at most "
            f"{most('dilations'):,}. Received: {dilation_base} ** {levels - 1}"
        )
