"""Checks of arguments whose errors say which argument, which rule and which value."""

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
    """Return a value as it stands in an error: on one line, and cut where it is long.

    >>> received("a\\nb"), received([1, 2])
    ("'a\\\\nb'", '[1, 2]')
    """
    try:
        text = " ".join(repr(value).split())
    except Exception:  # an integer of more than 4,300 digits, or a faulty __repr__ of the user's
        text = f"a {type(value).__name__} that cannot be shown"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 3]}..."


def as_integer(value: object) -> int | None:
    """Return an integer, of NumPy or a tensor library too, as an int; None for anything else."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        return None
    try:
        return index(value)
    except TypeError:  # an array of several numbers, or a boolean of NumPy
        return None


def positive_integer(name: str, value: object) -> int:
    """Return `value` as an int from 1 to `limits.most(name)`, or raise an InputError that names it."""
    found = as_integer(value)
    if found is None or found < 1:
        raise InputError(f"{name} must be an integer of at least 1. Received: {received(value)}")
    return at_most(name, found)


def integer_from_0(name: str, value: object, unit: str = "") -> int:
    """Return `value` as an int from 0 to `limits.most(name)`, or raise an InputError that names it."""
    found = as_integer(value)
    if found is None or found < 0:
        raise InputError(f"{name} must be at least 0{unit}. Received: {received(value)}")
    return at_most(name, found)


def at_most(name: str, value: int) -> int:
    """Return `value`, or raise an InputError if it is above `limits.most(name)`."""
    require_at_most(name, value)
    return value


def require_at_most(name: str, value: float) -> None:
    """Raise an InputError if `value` is above `limits.most(name)`."""
    if value > most(name):
        raise InputError(f"{name} must be at most {most(name):,}. Received: {received(value)}")


def positive_integers(name: str, values: object) -> tuple[int, ...]:
    """Return `values`, at least one of them, as ints; an InputError names the one that cannot be used."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InputError(f"{name} must be a list of integers. Received: {received(values)}")
    if isinstance(values, range) and values:  # told by its ends before it is listed
        at_most(name, max(values[0], values[-1]))
    listed = tuple(islice(values, MOST_ENTRIES + 1))
    if not listed:
        raise InputError(f"{name} must have at least one entry. Received: an empty list")
    if len(listed) > MOST_ENTRIES:
        raise InputError(f"{name} must have at most {MOST_ENTRIES:,} entries. Received: more")
    found = [as_integer(value) for value in listed]
    if any(value is None or value < 1 for value in found):
        raise InputError(
            f"{name} must all be integers of at least 1. Received: {received(list(listed))}"
        )
    return tuple(at_most(name, value) for value in found if value is not None)


def is_number(value: object) -> TypeGuard[float]:
    """Whether `value` is a finite number that a float can hold; a bool is none.

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
    """Return a number of NumPy as Python's own, which JSON can hold; everything else as it is."""
    if isinstance(value, bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) else value


def positive_seconds(name: str, value: object) -> float:
    """Return a time limit in seconds, or raise an InputError that names it."""
    if not is_number(value) or not value > 0:
        raise InputError(f"{name} must be above 0 seconds. Received: {received(value)}")
    if value > MOST_SECONDS:
        raise InputError(
            f"{name} must be at most {MOST_SECONDS:,} seconds, which are ten years. Received: {received(value)}"
        )
    return float(value)


def one_of(name: str, value: object, allowed: Sequence[str]) -> None:
    """Raise an InputError that names the argument, what is allowed and the value received."""
    if not isinstance(value, str) or value not in allowed:
        choices = ", ".join(repr(choice) for choice in allowed)
        raise InputError(f"{name} must be one of {choices}. Received: {received(value)}")


def required_within(seq_len: object, required_context: object) -> tuple[int, int]:
    """Return (seq_len, required_context) as ints; the required context defaults to the whole sequence."""
    steps = positive_integer("seq_len", seq_len)
    required = (
        steps
        if required_context is None
        else positive_integer("required_context", required_context)
    )
    if required > steps:
        raise InputError(
            f"required_context must be at most the sequence length, {steps:,} steps. Received: {required}. "
            "Give a smaller one, or longer sequences."
        )
    return steps, required


def require_buildable(kernel_size: int, levels: int, nb_stacks: int) -> None:
    """Raise an InputError if a network has more residual blocks, or taps, than any that is trained."""
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
    """Raise an InputError if the last dilation, base ** (levels − 1), is above the largest allowed."""
    at_most("levels", levels)
    if dilation_base ** (levels - 1) > most("dilations"):
        raise InputError(
            f"dilation_base ** (levels − 1), the longest dilation, must be at most {most('dilations'):,}. "
            f"Received: {dilation_base} ** {levels - 1}"
        )
