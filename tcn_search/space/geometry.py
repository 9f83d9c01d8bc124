"""The part of a space that decides the receptive field, and how it is narrowed to what suffices.

A geometry is a tuple (padding, kernel_size, nb_stacks, dilation_base, levels), or with explicit dilations
(padding, kernel_size, nb_stacks, dilations); a searched look-back comes before all these. There are few of them,
so each is judged once and exactly; then every hyperparameter, asked for in this order, is bounded to the values
that can still become feasible given those before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod
from typing import Any

from tcn_search.errors import InputError
from tcn_search.limits import MOST_POINTS, most
from tcn_search.planning.architecture import Architecture
from tcn_search.planning.reach import require_few_bits_of_many
from tcn_search.planning.receptive_field import Span, covers
from tcn_search.planning.sufficiency import Requirements, suffices, unchecked_span
from tcn_search.space.constraints import Limits
from tcn_search.space.dimensions import suggest_within

Point = tuple[Any, ...]
EXTRA_LEVELS = "extra_levels"


@dataclass(frozen=True)
class Geometry:
    """All combinations of what decides the receptive field.

    `names` and `values` are in the order of asking. "padding" and "dilations" are categorical choices; all
    others are ascending integers.
    """

    names: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]
    limits: Limits
    use_skip_connections: tuple[bool, ...]

    def __post_init__(self) -> None:
        count = prod(map(len, self.values))
        if count > MOST_POINTS:
            raise InputError(
                f"A space must have at most {MOST_POINTS:,} combinations of {', '.join(self.names)}. "
                f"Received: {count:,}. Give fewer values of one of them."
            )
        by_name = dict(zip(self.names, self.values, strict=True))
        if "same" in by_name["padding"] and not self.limits.allow_blind_spots:
            levels = map(len, by_name["dilations"]) if "dilations" in by_name else by_name["levels"]
            others = len(by_name.get("dilation_base", (1,))) * len(by_name.get("look_back", (1,)))
            blocks = sum(levels) * sum(by_name["nb_stacks"]) * len(by_name["kernel_size"]) * others
            require_few_bits_of_many(blocks * len(self.use_skip_connections), self.limits.seq_len)

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """Every combination."""
        return tuple(product(*self.values))

    @cached_property
    def too_short(self) -> frozenset[Point]:
        """Combinations whose receptive field does not cover the required context."""
        return frozenset(point for point in self.points if not self.covers(point))

    @cached_property
    def with_blind_spots(self) -> frozenset[Point]:
        """Combinations that cover the required context, but never see some of its steps."""
        if self.limits.allow_blind_spots:
            return frozenset()
        return frozenset(
            point
            for point in self.points
            if point not in self.too_short
            and not any(self._suffices(point, skip) for skip in self.use_skip_connections)
        )

    def reach(self, point: Point) -> Span:
        """How far back and ahead the networks of this geometry see."""
        chosen = dict(zip(self.names, point, strict=True))
        return unchecked_span(
            chosen["kernel_size"],
            dilations_of(chosen),
            chosen["nb_stacks"],
            padding=chosen["padding"],
        )

    def covers(self, point: Point) -> bool:
        """Whether the receptive field covers the required context, blind spots or not."""
        need = self._need(point, use_skip_connections=True)
        return covers(self.reach(point), need.required_context, need.padding)

    def _suffices(self, point: Point, use_skip_connections: bool) -> bool:
        chosen = dict(zip(self.names, point, strict=True))
        need = self._need(point, use_skip_connections)
        return suffices(
            chosen["kernel_size"],
            dilations_of(chosen),
            chosen["nb_stacks"],
            self.reach(point),
            need,
        )

    def _need(self, point: Point, use_skip_connections: bool) -> Requirements:
        chosen = dict(zip(self.names, point, strict=True))
        look_back = chosen.get("look_back", self.limits.seq_len)
        return Requirements(
            seq_len=min(self.limits.seq_len, look_back),
            required_context=min(self.limits.required_context, look_back),
            padding=chosen["padding"],
            use_skip_connections=use_skip_connections,
        )

    @cached_property
    def feasible(self) -> frozenset[Point]:
        """What is left."""
        return frozenset(self.points) - self.too_short - self.with_blind_spots

    def architecture(self, point: Point, use_skip_connections: bool = True) -> Architecture:
        """The smallest architecture with this geometry."""
        chosen = dict(zip(self.names, point, strict=True))
        return Architecture(
            nb_filters=1,
            kernel_size=chosen["kernel_size"],
            dilations=dilations_of(chosen),
            nb_stacks=chosen["nb_stacks"],
            padding=chosen["padding"],
            use_skip_connections=use_skip_connections,
            look_back=chosen.get("look_back"),
        )

    @cached_property
    def most_extra_levels(self) -> int:
        """Most levels beyond the fewest that are feasible, over everything asked before them."""
        counts: dict[Point, int] = {}
        for point in self.feasible:
            counts[point[:-1]] = counts.get(point[:-1], 0) + 1
        return max(counts.values()) - 1

    def suggest_folded(self, trial: Any) -> dict[str, Any]:
        """Ask for a feasible point with ranges that are the same in every trial.

        Levels are asked for as those beyond the fewest that suffice; any other value that cannot become
        feasible stands for the nearest that can.
        """
        left = self.feasible
        chosen: dict[str, Any] = {}
        for position, (name, values) in enumerate(zip(self.names, self.values, strict=True)):
            possible = [
                value for value in values if any(point[position] == value for point in left)
            ]
            ever = self._ever_feasible(position, narrow=True)
            if name == "levels":
                extra = trial.suggest_int(EXTRA_LEVELS, 0, self.most_extra_levels)
                chosen[name] = possible[min(extra, len(possible) - 1)]
            elif name in ("padding", "dilations"):
                chosen[name] = _nearest(_suggest_categorical(trial, name, ever), possible)
            else:
                chosen[name] = _nearest(suggest_within(trial, name, values, ever), possible)
            left = frozenset(point for point in left if point[position] == chosen[name])
        return chosen

    def suggest(self, trial: Any, narrow: bool) -> dict[str, Any]:
        """Ask an Optuna trial for a point, each value bounded by those before it if `narrow`."""
        left = self.feasible if narrow else frozenset(self.points)
        chosen: dict[str, Any] = {}
        for position, (name, values) in enumerate(zip(self.names, self.values, strict=True)):
            possible = {point[position] for point in left}
            if name in ("padding", "dilations"):
                chosen[name] = _suggest_categorical(
                    trial, name, self._ever_feasible(position, narrow)
                )
            else:
                chosen[name] = suggest_within(trial, name, values, possible or set(values))
            left = frozenset(point for point in left if point[position] == chosen[name])
        return chosen

    def choices(self, narrow: bool) -> dict[str, list[Any]]:
        """What `suggest` shows to Optuna as categorical choices, which must stay the same in all trials."""
        return {
            name: self._ever_feasible(position, narrow)
            for position, name in enumerate(self.names)
            if name in ("padding", "dilations")
        }

    def _ever_feasible(self, position: int, narrow: bool) -> list[Any]:
        """A categorical choice must stay the same in all trials: only what never works is left out."""
        possible = {point[position] for point in (self.feasible if narrow else self.points)}
        return [value for value in self.values[position] if value in possible]


def _nearest(value: Any, possible: Sequence[Any]) -> Any:
    """The value itself, or what comes nearest: among lists of dilations, in reach."""
    if value in possible:
        return value
    if isinstance(value, int):
        return min(possible, key=lambda other: abs(other - value))
    if isinstance(value, tuple):
        return min(possible, key=lambda other: abs(sum(other) - sum(value)))
    return possible[0]


def dilations_of(chosen: dict[str, Any]) -> tuple[int, ...]:
    """The dilations of a point: as listed, or base ** (0 .. levels − 1)."""
    if "dilations" in chosen:
        return tuple(chosen["dilations"])
    return tuple(chosen["dilation_base"] ** level for level in range(chosen["levels"]))


def most_useful_levels(base: int, seq_len: int) -> int:
    """Levels whose dilation is below the sequence length: the taps of any further one see only padding.

    >>> most_useful_levels(2, 427)
    9
    """
    if base < 2:
        return max(1, seq_len - 1)
    levels = 1
    while base**levels < seq_len:
        levels += 1
    return levels


def most_levels(base: int) -> int:
    """Most levels whose dilations are no longer than any network's.

    >>> most_levels(2), most_levels(100)
    (63, 10)
    """
    levels = most("levels")
    while base ** (levels - 1) > most("dilations"):
        levels -= 1
    return levels


def _suggest_categorical(trial: Any, name: str, choices: Sequence[Any]) -> Any:
    """Optuna keeps only plain values as choices, so a list of dilations is shown to it as text."""
    if len(choices) == 1:
        return choices[0]
    if not isinstance(choices[0], tuple):
        return trial.suggest_categorical(name, list(choices))
    by_text = {as_text(choice): choice for choice in choices}
    return by_text[trial.suggest_categorical(name, list(by_text))]


def as_text(dilations: Iterable[int]) -> str:
    """ "1,2,4,8" """
    return ",".join(str(dilation) for dilation in dilations)
