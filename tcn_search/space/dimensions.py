"""Dimensions of a search space: a choice or a range of values for one hyperparameter."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from typing import Any

from tcn_search.arguments import at_most, is_number, plain_number, received
from tcn_search.errors import InputError
from tcn_search.limits import MOST_ENTRIES, MOST_VALUES_OF_A_RANGE


@dataclass(frozen=True)
class Range:
    """All numbers from `low` to `high`, both included; integers if both are integers.

    Args:
        low, high: the ends.
        step: only low, low + step, low + 2·step, ... are in the range.
        log: sample on a logarithmic scale, as for learning rates.

    Raises:
        InputError: an end is no finite number, low is above high, the step is not above 0 or makes
            too many values, or `log` is given with a step or a low of 0 or less.
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            value = getattr(self, name)
            if not is_number(value):
                raise InputError(
                    f"A range's {name} must be a finite number. Received: {received(value)}"
                )
            object.__setattr__(self, name, plain_number(value))
        if self.low > self.high:
            raise InputError(
                "A range's low must not be above its high. "
                f"Received: low = {self.low}, high = {self.high}"
            )
        if self.step is not None:
            self._check_step()
        if not isinstance(self.log, bool):
            raise InputError(f"A range's log must be true or false. Received: {received(self.log)}")
        if self.log and (self.low <= 0 or self.step is not None):
            raise InputError(
                "A range with log must have a low above 0 and no step. "
                f"Received: low = {self.low}, step = {self.step}"
            )

    def _check_step(self) -> None:
        if not is_number(self.step) or not self.step > 0:
            raise InputError(
                f"A range's step must be a number above 0. Received: {received(self.step)}"
            )
        object.__setattr__(self, "step", plain_number(self.step))
        if self.high - self.low > self.step * MOST_VALUES_OF_A_RANGE:
            raise InputError(
                f"A range with a step must have at most {MOST_VALUES_OF_A_RANGE:,} values. "
                f"Received: low = {self.low}, high = {self.high}, step = {self.step}"
            )

    @property
    def is_integer(self) -> bool:
        """Whether both ends and the step are integers."""
        return all(isinstance(value, int) for value in (self.low, self.high, self.step or 1))

    def nearest(self, value: float) -> float:
        """Return the number of the range that is nearest to a value.

        >>> Range(16, 60, step=16).nearest(64), Range(0.1, 0.3).nearest(0.25)
        (48, 0.25)
        """
        bounded = min(max(value, self.low), self.high)
        if self.step is None:
            return bounded
        most = int((self.high - self.low) / self.step + 1e-9)
        steps = min(round((bounded - self.low) / self.step), most)
        return min(self.low + steps * self.step, self.high)

    @property
    def middle(self) -> float:
        """The middle of the range, or with `log` of its logarithms, rounded to three digits.

        With a step, the last value that is not above the middle.

        >>> Range(0.0, 0.3).middle, Range(1e-3, 1e-2, log=True).middle
        (0.15, 0.00316)
        >>> Range(0.5, 4.0, step=0.5).middle
        2.0
        """
        if self.step is not None:
            return self.low + self.step * int((self.high - self.low) / self.step / 2 + 1e-9)
        middle = (self.low + self.high) / 2
        if self.log:
            middle = math.sqrt(self.low) * math.sqrt(self.high)
        return min(max(float(f"{middle:.3g}"), self.low), self.high)

    def as_real_range(self) -> Range:
        """Return the same range of all real numbers, even if its ends are integers."""
        step = self.step
        if step is not None:
            step = float(step)
        return replace(self, low=float(self.low), high=float(self.high), step=step)

    def values(self) -> tuple[int, ...]:
        """Return every value of a range of integers."""
        return tuple(range(int(self.low), int(self.high) + 1, int(self.step or 1)))


Choice = tuple[Any, ...]
Dimension = Choice | Range


def read_dimension(name: str, given: object) -> Dimension:
    """Return the dimension that a user's value stands for.

    A list is a choice; a `Range`, or a mapping with low and high, is a range; any other value is a
    choice with one entry.

    Raises:
        InputError: names the hyperparameter, the rule and the value received.
    """
    if isinstance(given, Range):
        return given
    if isinstance(given, Mapping):
        if not {"low", "high"} <= set(given) <= {"low", "high", "step", "log"}:
            raise InputError(
                f"{name} as a range must have low and high, and may have step and log. "
                f"Received: {received(dict(given))}"
            )
        try:
            return Range(**given)
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
    if isinstance(given, str) or not isinstance(given, Iterable):
        return (plain_number(given),)
    choices = tuple(map(plain_number, islice(given, MOST_ENTRIES + 1)))
    if len(choices) > MOST_ENTRIES:
        raise InputError(
            f"{name} must have at most {MOST_ENTRIES:,} choices; give a range. Received: more"
        )
    for value in choices:
        if not isinstance(value, str | int | float | None):
            raise InputError(
                f"{name} must be one range, or a list of values. "
                f"Received in a list: {received(value)}"
            )
    if not choices:
        raise InputError(f"{name} must have at least one choice. Received: an empty list")
    if len(set(choices)) < len(choices):
        raise InputError(
            f"{name} must not list a choice twice. Received: {received(list(choices))}"
        )
    return choices


def integers_of(name: str, dimension: Dimension) -> tuple[int, ...]:
    """Return every value of an integer dimension, ascending.

    Raises:
        InputError: a value is no integer of at least 1, or above its limit.
    """
    largest_integer(name, dimension)
    if isinstance(dimension, Range):
        return dimension.values()
    return tuple(sorted(dimension))


def largest_integer(name: str, dimension: Dimension) -> int:
    """Return the largest value of an integer dimension, without listing a range.

    Raises:
        InputError: as for `integers_of`.
    """
    if isinstance(dimension, Range):
        if not dimension.is_integer or dimension.low < 1:
            raise InputError(
                f"{name} must be a range of integers of at least 1. Received: {dimension}"
            )
        return at_most(name, int(dimension.high))
    for value in dimension:
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InputError(
                f"{name} must be integers of at least 1. Received: {received(list(dimension))}"
            )
    return at_most(name, max(dimension))


def to_plain(dimension: Dimension) -> Any:
    """Return a dimension in the form in which a study file has it."""
    if isinstance(dimension, Range):
        plain: dict[str, Any] = {"low": dimension.low, "high": dimension.high}
        if dimension.step is not None:
            plain["step"] = dimension.step
        if dimension.log:
            plain["log"] = True
        return plain
    return [list(value) if isinstance(value, tuple) else value for value in dimension]


def suggest(trial: Any, name: str, dimension: Dimension) -> Any:
    """Suggest a value for an Optuna trial. A single choice is returned without a suggestion."""
    if isinstance(dimension, Range):
        if dimension.is_integer:
            return trial.suggest_int(
                name, dimension.low, dimension.high, step=dimension.step or 1, log=dimension.log
            )
        return trial.suggest_float(
            name, dimension.low, dimension.high, step=dimension.step, log=dimension.log
        )
    if len(dimension) == 1:
        return dimension[0]
    return trial.suggest_categorical(name, list(dimension))


def suggest_within(trial: Any, name: str, ordered: Sequence[int], feasible: Iterable[int]) -> int:
    """Suggest one of the ascending integers `ordered`, from the first to the last feasible one.

    Evenly spaced integers are suggested by value, others by index. Both are integer ranges, which
    may differ between trials; Optuna does not allow this for categorical choices.
    """
    ascending = sorted(feasible)
    first = ordered.index(ascending[0])
    last = ordered.index(ascending[-1])
    if len(ordered) == 1:
        return ordered[0]
    steps = {after - before for before, after in pairwise(ordered)}
    if len(steps) == 1:
        value: int = trial.suggest_int(name, ordered[first], ordered[last], step=steps.pop())
        return value
    index: int = trial.suggest_int(f"{name}_index", first, last)
    return ordered[index]
