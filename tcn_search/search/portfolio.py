"""The portfolio: configurations that together are good on many datasets, as data of the package.

`portfolio.json` is written by `benchmarks/portfolio.py`. Its architectures are relative to a task:
"covering" levels are as many as one step needs to see the required context, or with a pooled
readout the whole sequence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import TypeAdapter, with_config

from tcn_search.planning.architecture import Architecture
from tcn_search.planning.receptive_field import covers, span
from tcn_search.space.dimensions import Dimension, Range, integers_of
from tcn_search.space.geometry import most_useful_levels
from tcn_search.space.search_space import SearchSpace, TaskSpace
from tcn_search.storage.stored_values import STRICT

COVERING = "covering"
_PORTFOLIO_NAME = "portfolio: "
FILE = "portfolio.json"


@with_config(STRICT)
@dataclass(frozen=True)
class RelativeArchitecture:
    """The arguments of an `Architecture`, relative to a task.

    Attributes:
        levels: of dilations 1, 2, 4, ...; "covering" is the fewest with which the receptive field
            of a step covers the required context, or with a pooled readout the whole sequence.
        patch, channels, window_norm, linear_path: as in `Architecture`.
    """

    nb_filters: int
    kernel_size: int
    levels: int | str
    nb_stacks: int
    padding: str
    norm: str
    use_skip_connections: bool
    readout: str
    patch: int = 1
    channels: str = "mixed"
    window_norm: str = "auto"
    linear_path: bool = False

    @property
    def is_covering(self) -> bool:
        """Whether one step sees the whole sequence."""
        return self.levels == COVERING


@with_config(STRICT)
@dataclass(frozen=True)
class PortfolioEntry:
    """A configuration of the portfolio: a relative architecture and its training settings."""

    name: str
    architecture: RelativeArchitecture
    settings: dict[str, float]

    @property
    def enqueued_as(self) -> str:
        """The name of its trial in a study, unlike that of a trial of another study."""
        return f"{_PORTFOLIO_NAME}{self.name}"


@with_config(STRICT)
@dataclass(frozen=True)
class Portfolio:
    """The entries, in the order in which they are tried, and how they were chosen.

    Attributes:
        forecasts: entries for forecasts, which are no candidates of the benchmark: shared networks
            beside a linear map, as the best published models are.
    """

    source: str
    configurations: list[PortfolioEntry]
    forecasts: list[PortfolioEntry] = field(default_factory=list)


_PORTFOLIO = TypeAdapter(Portfolio)


@cache
def portfolio() -> Portfolio:
    """Read the portfolio of the package."""
    text = (files(__package__) / FILE).read_text(encoding="utf-8")
    return _PORTFOLIO.validate_json(text)


def portfolio_from(values: Mapping[str, Any]) -> Portfolio:
    """Read a portfolio from plain values.

    Raises:
        ValueError: they are no portfolio.
    """
    return _PORTFOLIO.validate_json(json.dumps(values))


def is_of_portfolio(name: str) -> bool:
    """Whether an enqueued trial of this name is an entry of the portfolio."""
    return name.startswith(_PORTFOLIO_NAME)


def architecture_in(entry: PortfolioEntry, space: TaskSpace, activation: str) -> Architecture:
    """Return the architecture that an entry stands for in a study's space.

    Filters, kernel size, stacks, levels and patches are the nearest that the space has; channels,
    normalisation of windows and linear path the first that it has, where it lacks the entry's. A
    readout of the last step becomes one of every step where the space has no other. Pooled readouts
    do not need padding "same": where the space lacks it, they are causal. All else is the entry's,
    whether or not the space holds it.
    """
    wanted = entry.architecture
    searched = space.space
    readout = wanted.readout
    if readout == "last" and searched.readout == ("sequence",):
        readout = "sequence"
    padding = wanted.padding
    if padding not in searched.padding and readout in ("average", "max"):
        padding = searched.padding[0]
    kernel_size = nearest(wanted.kernel_size, integers_of("kernel_size", searched.kernel_size))
    nb_stacks = nearest(wanted.nb_stacks, integers_of("nb_stacks", searched.nb_stacks))
    look_back = None
    if searched.look_back is not None:
        look_back = integers_of("look_back", searched.look_back)[-1]
    stem = _stem(wanted.patch, searched)
    levels = wanted.levels
    if isinstance(levels, str):
        steps = look_back or space.limits.seq_len
        if readout in ("last", "sequence"):
            steps = min(steps, space.limits.required_context)
        steps = stem.patches_of(steps)
        levels = covering_levels(kernel_size, nb_stacks, padding, steps)
    if searched.dilations is None and searched.levels is not None:
        levels = nearest(levels, integers_of("levels", searched.levels))
    return Architecture(
        nb_filters=nearest(wanted.nb_filters, integers_of("nb_filters", searched.nb_filters)),
        kernel_size=kernel_size,
        dilations=powers_of_two(levels),
        nb_stacks=nb_stacks,
        padding=padding,
        use_skip_connections=wanted.use_skip_connections,
        norm=wanted.norm,
        activation=activation,
        readout=readout,
        look_back=look_back,
        patch=stem.patch,
        patch_stride=stem.patch_stride,
        channels=_choice(wanted.channels, searched.channels, stem.channels),
        window_norm=_choice(wanted.window_norm, searched.window_norm, stem.window_norm),
        linear_path=_choice(wanted.linear_path, searched.linear_path, stem.linear_path),
    )


def _stem(patch: int, space: SearchSpace) -> Architecture:
    """Return an architecture with the space's nearest patches, which overlap least."""
    if space.patch is None:
        return Architecture()
    length = nearest(patch, integers_of("patch", space.patch))
    if space.patch_stride is None:
        return Architecture(patch=length)
    strides = integers_of("patch_stride", space.patch_stride)
    dividing = [stride for stride in strides if length % stride == 0]
    return Architecture(patch=length, patch_stride=max(dividing, default=None))


def _choice(wanted: Any, dimension: Sequence[Any] | None, default: Any) -> Any:
    """Return the wanted value if the space has it, else the first that it has."""
    if dimension is None:
        return default
    if wanted in dimension:
        return wanted
    return dimension[0]


def settings_in(entry: PortfolioEntry, space: TaskSpace) -> dict[str, Any]:
    """Return the entry's training settings that a space searches, each the nearest that it has."""
    return {
        name: nearest_of(value, space.space.settings[name])
        for name, value in entry.settings.items()
        if name in space.space.settings
    }


def covering_levels(kernel_size: int, nb_stacks: int, padding: str, steps: int) -> int:
    """Return the fewest levels with which the receptive field of a step covers these steps.

    At most as many as have a dilation below the steps.

    >>> covering_levels(kernel_size=8, nb_stacks=1, padding="causal", steps=600)
    6
    """
    most = most_useful_levels(2, steps)
    for levels in range(1, most):
        reached = span(kernel_size, powers_of_two(levels), nb_stacks, padding=padding)
        if covers(reached, steps, padding):
            return levels
    return most


def powers_of_two(levels: int) -> tuple[int, ...]:
    """Return 1, 2, 4, ...: one dilation for each level."""
    return tuple(2**level for level in range(levels))


def nearest(value: int, possible: Sequence[int]) -> int:
    """Return the nearest possible number by ratio; of two equally near the smaller.

    >>> nearest(32, [16, 24, 64]), nearest(5, [2, 3])
    (24, 3)
    """
    return min(sorted(possible), key=lambda other: max(other / value, value / other))


def nearest_of(value: float, dimension: Dimension) -> Any:
    """Return the value of a numeric dimension that is nearest; any other has its first choice."""
    if isinstance(dimension, Range):
        return dimension.nearest(value)
    return min(dimension, key=lambda other: abs(other - value))
