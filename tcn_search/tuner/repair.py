"""Replace a proposed architecture by the nearest one that breaks no limit of the task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tcn_search.planning.architecture import Architecture
from tcn_search.space.constraints import broken_limits
from tcn_search.space.dimensions import integers_of
from tcn_search.space.geometry import Point
from tcn_search.space.search_space import TaskSpace


def nearest_feasible(space: TaskSpace, proposed: Architecture) -> Architecture:
    """Return the proposed architecture if it is feasible, or the nearest feasible one.

    Fewer filters are tried first, then the other skip connections, then the other norms, then other
    geometries, those with the fewest changes first. The space has a feasible architecture: this was
    checked when the space was made.
    """
    limit = space.limits.max_params
    for architecture in _by_distance(space, proposed):
        if limit is not None and space.limits.parameters(architecture) > limit:
            continue  # checked before the blind spots, which take longer
        if not broken_limits(space.violations(architecture)):
            return architecture
    raise AssertionError("a space without a feasible architecture is refused when it is made")


def _by_distance(space: TaskSpace, proposed: Architecture) -> Iterator[Architecture]:
    """Yield the proposed architecture and the others of the space, the nearest first."""
    filters = integers_of("nb_filters", space.space.nb_filters)
    fewer = [count for count in reversed(filters) if count < proposed.level_filters[0]]
    skips = _put_first(proposed.use_skip_connections, space.space.use_skip_connections)
    norms = _put_first(proposed.norm, space.space.norm)
    for geometry in (proposed, *_other_geometries(space, proposed)):
        for norm in norms:
            for skip in skips:
                for count in (proposed.nb_filters, *fewer):
                    yield replace(geometry, nb_filters=count, norm=norm, use_skip_connections=skip)


def _other_geometries(space: TaskSpace, proposed: Architecture) -> Iterator[Architecture]:
    """Yield every feasible geometry with the rest of the proposal, the fewest changes first."""
    geometry = space.geometry
    names = ["padding", "kernel_size", "nb_stacks", "dilations", "look_back", "patch"]
    if "readout" in geometry.names:
        names.append("readout")

    def distance(point: Point) -> tuple[int, int]:
        architecture = geometry.architecture(point)
        changes = sum(getattr(architecture, name) != getattr(proposed, name) for name in names)
        return changes, abs(architecture.receptive_field - proposed.receptive_field)

    for point in sorted(geometry.feasible, key=distance):
        architecture = geometry.architecture(point)
        changed = {name: getattr(architecture, name) for name in names}
        yield replace(proposed, **changed, patch_stride=architecture.patch_stride)


def _put_first(value: Any, choices: tuple[Any, ...]) -> list[Any]:
    """Return the choices with `value` in front."""
    return [value, *(choice for choice in choices if choice != value)]
