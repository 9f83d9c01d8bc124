"""Checks of arguments whose errors say which argument, which rule and which value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tcn_search.errors import InputError


def positive_integer(name: str, value: object) -> int:
    """`value` as an int of at least 1 (an integer of NumPy too), or a InputError that names it."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or value.__index__() < 1:
        raise InputError(f"{name} must be an integer of at least 1. Received: {value!r}")
    return int(value.__index__())


def positive_integers(name: str, values: object) -> tuple[int, ...]:
    """`values` as a tuple of ints of at least 1, at least one of them, or a InputError that names it."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InputError(f"{name} must be a list of integers. Received: {values!r}")
    found = tuple(values)
    if not found:
        raise InputError(f"{name} must have at least one entry. Received: an empty list")
    for value in found:
        if isinstance(value, bool) or not hasattr(value, "__index__") or value.__index__() < 1:
            raise InputError(f"{name} must all be integers of at least 1. Received: {list(found)}")
    return tuple(int(value.__index__()) for value in found)


def one_of(name: str, value: object, allowed: Sequence[str]) -> None:
    """Raise a InputError that names the argument, what is allowed and the value received."""
    if value not in allowed:
        choices = ", ".join(repr(choice) for choice in allowed)
        raise InputError(f"{name} must be one of {choices}. Received: {value!r}")


def required_within(seq_len: object, required_context: object) -> tuple[int, int]:
    """(seq_len, required_context) as ints; the required context defaults to the whole sequence."""
    steps = positive_integer("seq_len", seq_len)
    required = steps if required_context is None else positive_integer("required_context", required_context)
    if required > steps:
        raise InputError(
            f"required_context must be at most the sequence length, {steps:,} steps. Received: {required}. "
            "Give a smaller one, or longer sequences."
        )
    return steps, required
