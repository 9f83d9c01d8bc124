"""Say in words how much of a search space is infeasible, and what the output sees."""

from __future__ import annotations

from collections.abc import Collection

from tcn_search.space.geometry import Geometry, Point


def description(geometry: Geometry, architectures_per_point: int, narrow: bool) -> str:
    """Return how much of a space is infeasible, and what becomes of it.

    For example "612 of 1,344 architectures fall short of 427 steps: never sampled". Where pooled
    readouts are free, a line for them and one for the others.

    Args:
        architectures_per_point: number of architectures for each point of the geometry.
        narrow: whether infeasible architectures are never sampled; otherwise they are pruned.
    """
    readouts = geometry.by_name.get("readout", ())
    free = [readout for readout in readouts if geometry.limits.context_of(readout) is None]
    bounded = [readout for readout in readouts if readout not in free]
    if not free:
        return _infeasible(geometry, geometry.points, architectures_per_point, narrow)
    lines = []
    if bounded:
        points = [point for point in geometry.points if point[0] in bounded]
        text = _infeasible(geometry, points, architectures_per_point, narrow)
        lines.append(f"readout {_list(bounded)}: {text}")
    points = [point for point in geometry.points if point[0] in free]
    lines.append(
        f"readout {_list(free)}: the output sees all {_seen(geometry)} through {_pool(free)}; the "
        f"receptive field of one step is searched, {_receptive_fields(geometry, points)} steps"
    )
    return "\n".join(lines)


def _infeasible(
    geometry: Geometry, points: Collection[Point], architectures_per_point: int, narrow: bool
) -> str:
    """Return how many of the architectures are infeasible, and what becomes of them."""
    short = len(geometry.too_short.intersection(points)) * architectures_per_point
    blind = len(geometry.with_blind_spots.intersection(points)) * architectures_per_point
    size = len(points) * architectures_per_point
    text = f"{short:,} of {size:,} architectures fall short of {_context(geometry)}"
    if blind:
        text += f", {blind:,} more have blind spots there"
    if narrow:
        return f"{text}: never sampled"
    return f"{text}: pruned before they are built"


def _context(geometry: Geometry) -> str:
    """Return the steps that one step must see, with the sequence length where it is another."""
    limits = geometry.limits
    look_backs = geometry.by_name.get("look_back")
    if look_backs is not None:
        return f"their look-back, {look_backs[0]:,} to {look_backs[-1]:,} steps"
    context = f"{limits.required_context:,} steps"
    if limits.required_context != limits.seq_len:
        context += f" (required context; the sequences have {limits.seq_len:,})"
    return context


def _seen(geometry: Geometry) -> str:
    """Return the steps that an output sees through a pool."""
    look_backs = geometry.by_name.get("look_back")
    if look_backs is not None:
        return f"steps of its look-back, {look_backs[0]:,} to {look_backs[-1]:,},"
    return f"{geometry.limits.seq_len:,} steps"


def _receptive_fields(geometry: Geometry, points: Collection[Point]) -> str:
    """Return the smallest and the largest receptive field of a step, in steps of the sequence."""
    fields = [geometry.receptive_field_of(point) for point in points]
    return f"{min(fields):,} to {max(fields):,}"


def _pool(readouts: list[str]) -> str:
    """Return what lets the output see every step."""
    if "flatten" not in readouts:
        return "the pool"
    if len(readouts) == 1:
        return "the head"
    return "the pool or the head"


def _list(names: list[str]) -> str:
    return " and ".join(names)
