"""The hyperparameters that decide the receptive field, and their feasible combinations.

A point is a tuple (padding, kernel_size, nb_stacks, dilation_base, levels), or with explicit
dilations (padding, kernel_size, nb_stacks, dilations). A searched look-back and a stem's patches
come before them, and the readout before all of them where the required context depends on it. A
space has few points, so each is checked once and exactly. Hyperparameters are suggested in this
order, each bounded to the values of the feasible points that agree with the values suggested
before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
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
_ANY_READOUT = "last"  # where all readouts require the same
_CATEGORICAL = ("readout", "padding", "dilations")


@dataclass(frozen=True)
class Geometry:
    """All combinations of the hyperparameters that decide the receptive field.

    `names` and `values` are in the order in which they are suggested. "readout", "padding" and
    "dilations" are categorical choices; all others are ascending integers.
    """

    names: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]
    limits: Limits
    use_skip_connections: tuple[bool, ...]

    def __post_init__(self) -> None:
        by_name = self.by_name
        by_name.pop("readout", None)  # pooled readouts need no check
        count = prod(map(len, by_name.values()))
        if count > MOST_POINTS:
            raise InputError(
                f"A space must have at most {MOST_POINTS:,} combinations of "
                f"{', '.join(by_name)}. "
                f"Received: {count:,}. Give fewer values of one of them."
            )
        if "same" in by_name["padding"] and not self.limits.allow_blind_spots:
            if "dilations" in by_name:
                levels = sum(map(len, by_name["dilations"]))
            else:
                levels = sum(by_name["levels"]) * len(by_name["dilation_base"])
            blocks = levels * sum(by_name["nb_stacks"]) * len(by_name["kernel_size"])
            blocks *= len(by_name.get("look_back", (None,))) * len(self.use_skip_connections)
            require_few_bits_of_many(blocks, self.limits.seq_len)

    @property
    def by_name(self) -> dict[str, tuple[Any, ...]]:
        """The values by the name of the hyperparameter."""
        return dict(zip(self.names, self.values, strict=True))

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """Every combination, but patches whose stride does not divide them or that are too long."""
        points = product(*self.values)
        if "patch" not in self.names:
            return tuple(points)
        return tuple(point for point in points if self._has_patches(point))

    def _has_patches(self, point: Point) -> bool:
        chosen = dict(zip(self.names, point, strict=True))
        patch = chosen.get("patch", 1)
        if patch % chosen.get("patch_stride", 1):
            return False
        return bool(patch == 1 or patch <= chosen.get("look_back", self.limits.seq_len))

    @cached_property
    def too_short(self) -> frozenset[Point]:
        """Combinations whose receptive field does not cover the required context."""
        return frozenset(point for point in self.points if not self.covers(point))

    @cached_property
    def with_blind_spots(self) -> frozenset[Point]:
        """Combinations that cover the required context, but have blind spots there."""
        if self.limits.allow_blind_spots:
            return frozenset()
        return frozenset(
            point
            for point in self.points
            if point not in self.too_short
            and not any(self._suffices(point, skips) for skips in self.use_skip_connections)
        )

    def span_of(self, point: Point) -> Span:
        """Return look-back and look-ahead of the architectures of a point."""
        chosen = dict(zip(self.names, point, strict=True))
        return unchecked_span(
            chosen["kernel_size"],
            dilations_of(chosen),
            chosen["nb_stacks"],
            padding=chosen["padding"],
        )

    def receptive_field_of(self, point: Point) -> int:
        """Return how many steps of the sequence an output step of a point's networks depends on."""
        stem = _stem_of(dict(zip(self.names, point, strict=True)))
        return (self.span_of(point).receptive_field - 1) * stem.stride + stem.patch

    def covers(self, point: Point) -> bool:
        """Return whether the receptive field covers the required context, even with blind spots."""
        requirements = self._requirements(point, use_skip_connections=True)
        context = requirements.required_context
        if context is None:
            return True
        return covers(self.span_of(point), context, requirements.padding)

    def _suffices(self, point: Point, use_skip_connections: bool) -> bool:
        chosen = dict(zip(self.names, point, strict=True))
        return suffices(
            chosen["kernel_size"],
            dilations_of(chosen),
            chosen["nb_stacks"],
            self.span_of(point),
            self._requirements(point, use_skip_connections),
        )

    def _requirements(self, point: Point, use_skip_connections: bool) -> Requirements:
        chosen = dict(zip(self.names, point, strict=True))
        look_back = chosen.get("look_back", self.limits.seq_len)
        context = self.limits.context_of(chosen.get("readout", _ANY_READOUT))
        stem = _stem_of(chosen)
        if context is not None:
            context = stem.patches_of(min(context, look_back))
        return Requirements(
            seq_len=stem.patches_of(min(self.limits.seq_len, look_back)),
            required_context=context,
            padding=chosen["padding"],
            use_skip_connections=use_skip_connections,
        )

    @cached_property
    def feasible(self) -> frozenset[Point]:
        """Combinations that cover the required context without blind spots."""
        return frozenset(self.points) - self.too_short - self.with_blind_spots

    def excluded_receptive_fields(self) -> list[int]:
        """Return the receptive fields of points that do not suffice, each once."""
        excluded = self.too_short | self.with_blind_spots
        return sorted({self.architecture(point).receptive_field for point in excluded})

    def feasible_with(self, readout: str) -> frozenset[Point]:
        """Return the feasible combinations for a readout."""
        if "readout" not in self.names:
            return self.feasible
        position = self.names.index("readout")
        return frozenset(point for point in self.feasible if point[position] == readout)

    def architecture(self, point: Point, use_skip_connections: bool = True) -> Architecture:
        """Return the architecture of a point, with one filter."""
        chosen = dict(zip(self.names, point, strict=True))
        return Architecture(
            nb_filters=1,
            kernel_size=chosen["kernel_size"],
            dilations=dilations_of(chosen),
            nb_stacks=chosen["nb_stacks"],
            padding=chosen["padding"],
            use_skip_connections=use_skip_connections,
            readout=chosen.get("readout", _ANY_READOUT),
            look_back=chosen.get("look_back"),
            patch=chosen.get("patch", 1),
            patch_stride=chosen.get("patch_stride"),
        )

    @cached_property
    def most_extra_levels(self) -> int:
        """The most feasible levels beyond the fewest, over all values suggested before."""
        counts: dict[Point, int] = {}
        for point in self.feasible:
            counts[point[:-1]] = counts.get(point[:-1], 0) + 1
        return max(counts.values()) - 1

    def suggest_static(self, trial: Any) -> dict[str, Any]:
        """Suggest a feasible point with ranges that are the same in every trial.

        Levels are suggested as the number of levels beyond the fewest that suffice; with a readout
        among the points, that number is scaled to the levels that are possible. A suggested value
        is replaced by the nearest one if no feasible point has it and the values suggested before.
        """
        remaining = self.feasible
        chosen: dict[str, Any] = {}
        for position, (name, values) in enumerate(zip(self.names, self.values, strict=True)):
            possible = [
                value for value in values if any(point[position] == value for point in remaining)
            ]
            if name == "levels":
                extra = trial.suggest_int(EXTRA_LEVELS, 0, self.most_extra_levels)
                chosen[name] = possible[self._position_of(extra, len(possible))]
            else:
                static_values = self._static_values(position, narrow=True)
                if name in _CATEGORICAL:
                    suggested = _suggest_categorical(trial, name, static_values)
                else:
                    suggested = suggest_within(trial, name, values, static_values)
                chosen[name] = _nearest(suggested, possible)
            remaining = frozenset(point for point in remaining if point[position] == chosen[name])
        return chosen

    def _position_of(self, extra_levels: int, count: int) -> int:
        """Return which of `count` possible numbers of levels a suggestion stands for.

        Readouts of one step can have far fewer levels than pooled ones. Were all further
        suggestions to stand for the most levels, most networks of that readout would have them.
        """
        if "readout" not in self.names:
            return min(extra_levels, count - 1)
        return extra_levels * count // (self.most_extra_levels + 1)

    def extra_levels_of(self, position: int, count: int) -> int:
        """Return the least suggestion that stands for a position among possible levels."""
        extra = position
        while self._position_of(extra, count) < position:
            extra += 1
        return extra

    def suggest(self, trial: Any, narrow: bool) -> dict[str, Any]:
        """Suggest a point for an Optuna trial.

        Args:
            narrow: whether to bound each value to the feasible points that agree with the values
                suggested before.
        """
        remaining = frozenset(self.points)
        if narrow:
            remaining = self.feasible
        chosen: dict[str, Any] = {}
        for position, (name, values) in enumerate(zip(self.names, self.values, strict=True)):
            possible = {point[position] for point in remaining}
            if name in _CATEGORICAL:
                choices = self._static_values(position, narrow)
                chosen[name] = _suggest_categorical(trial, name, choices)
            else:
                chosen[name] = suggest_within(trial, name, values, possible or set(values))
            remaining = frozenset(point for point in remaining if point[position] == chosen[name])
        return chosen

    def choices(self, narrow: bool) -> dict[str, list[Any]]:
        """Return the categorical choices of `suggest`, which must be the same in all trials."""
        return {
            name: self._static_values(position, narrow)
            for position, name in enumerate(self.names)
            if name in _CATEGORICAL
        }

    def _static_values(self, position: int, narrow: bool) -> list[Any]:
        """Return the values of all points, or of the feasible points if `narrow`.

        They are the same in every trial.
        """
        if not narrow:
            return list(self.values[position])
        possible = {point[position] for point in self.feasible}
        return [value for value in self.values[position] if value in possible]


@cache
def _stem(patch: int, patch_stride: int | None) -> Architecture:
    return Architecture(patch=patch, patch_stride=patch_stride)


def _stem_of(chosen: dict[str, Any]) -> Architecture:
    """Return an architecture with the stem of a point."""
    return _stem(chosen.get("patch", 1), chosen.get("patch_stride"))


def _nearest(value: Any, possible: Sequence[Any]) -> Any:
    """Return the nearest possible value; of lists of dilations, the one with the nearest sum."""
    if value in possible:
        return value
    if isinstance(value, int):
        return min(possible, key=lambda other: abs(other - value))
    if isinstance(value, tuple):
        return min(possible, key=lambda other: abs(sum(other) - sum(value)))
    return possible[0]


def dilations_of(chosen: dict[str, Any]) -> tuple[int, ...]:
    """Return the dilations of a point: explicit ones, or base ** (0 .. levels − 1)."""
    if "dilations" in chosen:
        return tuple(chosen["dilations"])
    return tuple(chosen["dilation_base"] ** level for level in range(chosen["levels"]))


def most_useful_levels(base: int, seq_len: int) -> int:
    """Return the number of levels whose dilation is below the sequence length.

    Apart from the newest tap, the taps of a further level read only padding.

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
    """Return the largest number of levels whose dilations are within the limit.

    >>> most_levels(2), most_levels(100)
    (63, 10)
    """
    levels = most("levels")
    while base ** (levels - 1) > most("dilations"):
        levels -= 1
    return levels


def _suggest_categorical(trial: Any, name: str, choices: Sequence[Any]) -> Any:
    """Suggest a choice. Lists of dilations become text, as Optuna stores plain values only."""
    if len(choices) == 1:
        return choices[0]
    if not isinstance(choices[0], tuple):
        return trial.suggest_categorical(name, list(choices))
    by_text = {dilations_as_text(choice): choice for choice in choices}
    return by_text[trial.suggest_categorical(name, list(by_text))]


def dilations_as_text(dilations: Iterable[int]) -> str:
    """Return dilations in the form "1,2,4,8"."""
    return ",".join(str(dilation) for dilation in dilations)
