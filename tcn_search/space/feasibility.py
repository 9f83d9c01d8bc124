"""Refuse a space without a feasible architecture, with a text that says what to change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from tcn_search.errors import InputError
from tcn_search.limits import most
from tcn_search.space.constraints import Limits
from tcn_search.space.dimensions import integers_of
from tcn_search.space.forecast_choices import FORECAST_CHOICES
from tcn_search.space.geometry import Geometry, Point

_FARTHEST_CHANGE = 2048


def smallest_variants(dimensions: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return arguments with which the smallest architecture of a geometry may be found.

    Args:
        dimensions: of the hyperparameters that do not decide what is feasible; None for no value.
    """
    names = ["norm", *(name for name in FORECAST_CHOICES if dimensions[name] is not None)]
    choices = {name: dimensions[name] for name in names}
    if "none" in choices["norm"]:
        choices["norm"] = ("none",)
    filters = integers_of("nb_filters", dimensions["nb_filters"])[0]
    return [
        {"nb_filters": filters, **dict(zip(names, chosen, strict=True))}
        for chosen in product(*choices.values())
    ]


def require_feasible(
    geometry: Geometry, limits: Limits, variants: Sequence[Mapping[str, Any]]
) -> None:
    """Raise an InputError that says what to change if no architecture is feasible.

    Args:
        variants: arguments of the smallest architectures of a geometry, such as the fewest filters.
    """
    _require_patches(geometry, limits)
    context = _least_context(geometry, limits)
    if geometry.feasible:
        _require_few_parameters(geometry, limits, context, variants)
        return
    if geometry.with_blind_spots:
        raise InputError(
            f"Every architecture of this space that covers {context} steps has blind spots there. "
            "Use a smaller dilation_base or a larger kernel_size, or set allow_blind_spots = true."
        )
    largest = max(geometry.points, key=geometry.receptive_field_of)
    raise InputError(
        f"No architecture of this space covers the required context of {context} steps "
        f"(sequence length {limits.seq_len}): the largest receptive field is "
        f"{geometry.receptive_field_of(largest)}. {_changes_that_cover(geometry, largest)}"
    )


def _require_patches(geometry: Geometry, limits: Limits) -> None:
    """Raise an InputError if no patch fits into a window, or no stride divides a patch."""
    if geometry.points:
        return
    strides = geometry.by_name.get("patch_stride")
    longest = geometry.by_name.get("look_back", (limits.seq_len,))[-1]
    received = f"patch {list(geometry.by_name['patch'])}"
    rule = f"patch must be at most the sequence length of {longest} steps"
    if strides is not None:
        received += f", patch_stride {list(strides)}"
        rule += ", and a multiple of patch_stride"
    raise InputError(f"{rule}. Received: {received}")


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
    variants: Sequence[Mapping[str, Any]],
) -> None:
    """Raise an InputError if even the smallest feasible architecture has too many parameters."""
    if limits.max_params is None:
        return
    smallest = min(
        limits.parameters(replace(geometry.architecture(point), **variant))
        for point in geometry.feasible
        for variant in variants
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
