"""From a proposed architecture to the nearest one that keeps every limit of the task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tcn_search.planning.architecture import Architecture
from tcn_search.space.constraints import broken_limits
from tcn_search.space.dimensions import integers_of
from tcn_search.space.geometry import Point
from tcn_search.space.search_space import TaskSpace


def repaired(space: TaskSpace, proposed: Architecture) -> Architecture:
    """The architecture itself if it is feasible, or the nearest of the space that is.

    Fewer filters come first, then the other skip connections, then the norms, then another geometry: the one
    that changes least. The space has a feasible architecture, which was checked when it was made.
    """
    limit = space.limits.max_params
    for architecture in _nearby(space, proposed):
        if limit is not None and space.limits.parameters(architecture) > limit:
            continue  # told before the blind spots, which take longer
        if not broken_limits(space.violations(architecture)):
            return architecture
    raise AssertionError("a space without a feasible architecture is refused when it is made")


def _nearby(space: TaskSpace, proposed: Architecture) -> Iterator[Architecture]:
    filters = integers_of("nb_filters", space.space.nb_filters)
    fewer = [count for count in reversed(filters) if count < proposed.level_filters[0]]
    skips = _own_first(proposed.use_skip_connections, space.space.use_skip_connections)
    norms = _own_first(proposed.norm, space.space.norm)
    for geometry in (proposed, *_other_geometries(space, proposed)):
        for norm in norms:
            for skip in skips:
                for count in (proposed.nb_filters, *fewer):
                    yield replace(geometry, nb_filters=count, norm=norm, use_skip_connections=skip)


def _other_geometries(space: TaskSpace, proposed: Architecture) -> Iterator[Architecture]:
    """Every feasible geometry with the rest of the proposal, those with the fewest changes first."""
    geometry = space.geometry

    def distance(point: Point) -> tuple[int, int]:
        there = geometry.architecture(point)
        changes = sum(
            getattr(there, name) != getattr(proposed, name)
            for name in ("padding", "kernel_size", "nb_stacks", "dilations", "look_back")
        )
        return changes, abs(there.receptive_field - proposed.receptive_field)

    for point in sorted(geometry.feasible, key=distance):
        there = geometry.architecture(point)
        yield replace(there, activation=proposed.activation, readout=proposed.readout)


def _own_first(own: Any, choices: tuple[Any, ...]) -> list[Any]:
    return [own, *(choice for choice in choices if choice != own)]
