"""Refuse a space without a feasible architecture, with a text that says what to change."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from tcn_search.errors import InputError
from tcn_search.limits import most
from tcn_search.space.constraints import Limits
from tcn_search.space.geometry import Geometry, Point

_FARTHEST_CHANGE = 2048


def require_feasible(
    geometry: Geometry, limits: Limits, nb_filters: int, norms: Collection[str]
) -> None:
    """Raise an InputError that says what to change if no architecture is feasible.

    Args:
        nb_filters: the smallest number of filters in the space.
        norms: all norms of the space.
    """
    context = _least_context(geometry, limits)
    if geometry.feasible:
        _require_few_parameters(geometry, limits, context, nb_filters, norms)
        return
    if geometry.with_blind_spots:
        raise InputError(
            f"Every architecture of this space that covers {context} steps has blind spots there. "
            "Use a smaller dilation_base or a larger kernel_size, or set allow_blind_spots = true."
        )
    largest = max(geometry.points, key=lambda point: geometry.span_of(point).receptive_field)
    raise InputError(
        f"No architecture of this space covers the required context of {context} steps "
        f"(sequence length {limits.seq_len}): the largest receptive field is "
        f"{geometry.span_of(largest).receptive_field}. {_changes_that_cover(geometry, largest)}"
    )


def _least_context(geometry: Geometry, limits: Limits) -> int:
    """Return the least number of steps that an architecture of the space must cover."""
    shortest: int = geometry.by_name.get("look_back", (limits.seq_len,))[0]
    return min(limits.required_context, shortest)


def _changes_that_cover(geometry: Geometry, point: Point) -> str:
    """Return as a sentence the smallest single changes with which a point covers the context."""
    chosen = dict(zip(geometry.names, point, strict=True))
    changes = []
    for name in ("levels", "kernel_size", "nb_stacks"):
        if name not in chosen:
            continue
        for value in range(chosen[name] + 1, chosen[name] + 1 + _FARTHEST_CHANGE):
            if value > most(name):
                break
            changed = tuple({**chosen, name: value}[key] for key in geometry.names)
            if geometry.covers(changed):
                changes.append(f"{name} {value}")
                break
    if not changes:
        return "Use larger dilations."
    return f"It would with {' or '.join(changes)}."


def _require_few_parameters(
    geometry: Geometry,
    limits: Limits,
    context: int,
    nb_filters: int,
    norms: Collection[str],
) -> None:
    """Raise an InputError if even the smallest feasible architecture has too many parameters."""
    if limits.max_params is None:
        return
    if "none" in norms:
        norms = ("none",)
    smallest = min(
        limits.parameters(replace(geometry.architecture(point), nb_filters=nb_filters, norm=norm))
        for point in geometry.feasible
        for norm in norms
    )
    covering = f" that covers {context} steps"
    if any(limits.context_of(readout) is None for readout in geometry.by_name.get("readout", ())):
        covering = ""
    if smallest > limits.max_params:
        raise InputError(
            f"No architecture of this space has at most max_params = {limits.max_params:,} "
            f"parameters: the smallest{covering} has {smallest:,}. "
            "Allow more, or fewer filters."
        )
