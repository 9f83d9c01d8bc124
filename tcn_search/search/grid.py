"""Grid search: try every feasible point of a space once, in an order that the seed decides."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

from tcn_search.errors import InputError
from tcn_search.planning.architecture import Architecture
from tcn_search.search.queue import EnqueuedTrial
from tcn_search.space.constraints import broken_limits
from tcn_search.space.dimensions import Dimension, Range
from tcn_search.space.geometry import Point
from tcn_search.space.search_space import TaskSpace
from tcn_search.space.trial_parameters import suggested_values

_MOST_POINTS = 1_000_000


def grid_size(space: TaskSpace) -> int:
    """Count the points of the grid, without geometries that are infeasible.

    Raises:
        InputError: a range has no step, or there are too many points.
    """
    size = len(space.geometry.feasible)
    for values in _values(space).values():
        size *= len(values)
    if size > _MOST_POINTS:
        raise InputError(
            f'sampler "grid" takes at most {_MOST_POINTS:,} points. Received: {size:,}. '
            "Give the space fewer values."
        )
    return size


def grid_points(space: TaskSpace, seed: int) -> Iterator[EnqueuedTrial]:
    """Yield the points in random order, without those that break another limit."""
    values = _values(space)
    geometry_points = sorted(space.geometry.feasible, key=repr)
    order = list(range(grid_size(space)))
    random.Random(seed).shuffle(order)
    for index in order:
        # The index in mixed radix: one digit for each hyperparameter, the rest is the geometry.
        rest = index
        chosen = dict[str, Any]()
        for name, choices in values.items():
            rest, position = divmod(rest, len(choices))
            chosen[name] = choices[position]
        architecture = _architecture(space, geometry_points[rest], chosen)
        if not broken_limits(space.violations(architecture)):
            settings = {name: chosen[name] for name in space.space.settings}
            parameters = suggested_values(space, architecture, settings)
            yield EnqueuedTrial(point_name(architecture, settings), parameters)


def point_name(architecture: Architecture, settings: Mapping[str, Any]) -> str:
    """Name a point. The name is the same in every space that holds the point."""
    values = json.dumps([architecture.to_dict(), dict(settings)], sort_keys=True)
    return f"grid {hashlib.sha256(values.encode()).hexdigest()[:16]}"


def _architecture(space: TaskSpace, point: Point, chosen: dict[str, Any]) -> Architecture:
    """Return the architecture of a geometry's point with the chosen other hyperparameters."""
    values = space.geometry.architecture(point).to_dict()
    values |= {name: chosen[name] for name in space.non_geometric}
    return Architecture.from_dict(values)


def _values(space: TaskSpace) -> dict[str, tuple[Any, ...]]:
    """List the values of each hyperparameter that does not decide what is feasible."""
    dimensions = {name: getattr(space.space, name) for name in space.non_geometric}
    dimensions |= space.space.settings
    return {name: _values_of(name, dimension) for name, dimension in dimensions.items()}


def _values_of(name: str, dimension: Dimension) -> tuple[Any, ...]:
    """List the values of a dimension.

    Raises:
        InputError: a range of real numbers has no step.
    """
    if not isinstance(dimension, Range):
        return dimension
    if dimension.is_integer:
        return dimension.values()
    if dimension.low == dimension.high:
        return (dimension.low,)
    if dimension.step is None:
        raise InputError(
            f'sampler "grid" needs a list or a step for {name}. '
            f"Received: a range from {dimension.low} to {dimension.high} without a step"
        )
    count = int((dimension.high - dimension.low) / dimension.step + 1e-9) + 1
    values = (dimension.low + position * dimension.step for position in range(count))
    return tuple(min(value, dimension.high) for value in values)
