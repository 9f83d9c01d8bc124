"""The hyperparameters that only forecasts have: their defaults and their checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tcn_search.errors import InputError
from tcn_search.planning.architecture import Architecture
from tcn_search.space.dimensions import Range
from tcn_search.space.geometry import most_useful_levels

FORECAST_CHOICES = ("channels", "window_norm", "linear_path")
_USUAL_PATCHES = 16  # in the longest look-back, at least: networks of 16 to 64 steps are cheap
_FEWEST_PATCHES = 4  # in the shortest look-back, at least
_MOST_LEVELS = 16
_DO_NOTHING = {"channels": "mixed", "window_norm": "auto", "linear_path": False}
# What studies had that were stored before these hyperparameters existed.
_FORMER = {
    "readout": ["last", "max", "average"],
    "patch": [1],
    "channels": ["mixed"],
    "window_norm": ["auto"],
    "linear_path": [False],
}


def forecast_defaults(look_backs: Sequence[int], targets: int) -> dict[str, Any]:
    """Return the dimensions of a new study of forecasts that its user does not give.

    Patches of two lengths make 16 to 64 steps of the longest look-back: with one network for each
    series there are many windows, and every step of every window costs.

    Args:
        look_backs: steps of the windows of the study, shortest first.
        targets: number of predicted series; 0 where the task does not say which they are.
    """
    largest = min(look_backs[-1] // _USUAL_PATCHES, look_backs[0] // _FEWEST_PATCHES)
    patch = 1 << max(0, largest.bit_length() - 1)  # the power of two that is not above it
    patches = sorted({max(1, patch // 2), patch})
    steps = Architecture(patch=patches[0]).patches_of(look_backs[-1])
    defaults: dict[str, Any] = {
        "readout": ("last", "flatten"),
        "patch": tuple(patches),
        "levels": Range(1, min(_MOST_LEVELS, most_useful_levels(2, steps))),
    }
    if not targets:
        return defaults
    return {
        **defaults,
        "channels": ("shared", "mixed") if targets > 1 else ("shared",),
        "window_norm": ("last", "standard"),
        "linear_path": (True, False),
    }


def forecast_dimensions(space: Any) -> dict[str, Any]:
    """Return the dimensions of a space for which `forecast_defaults` has values.

    A study that continues keeps them where its user does not give them.
    """
    return {name: getattr(space, name) for name in (*_FORMER, "levels")}


def former_dimensions(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return the dimensions of a stored space of forecasts, in this version or an earlier one.

    Where the stored space lacks the hyperparameters of this module, their values are those with
    which networks are what they were then.
    """
    if "patch" in stored:
        return dict(stored)
    return {**_FORMER, **stored}


def check_forecast_choices(choices: Mapping[str, Any], kind: str, targets: int) -> None:
    """Check that a task has what these hyperparameters are about.

    Args:
        choices: dimensions by name; None where there is none.
        kind: kind of the task.
        targets: number of predicted series; 0 where the task does not say which they are.
    """
    if kind == "forecast" and targets:
        return
    for name, value in _asked(choices).items():
        raise InputError(
            f"{name} must be {_DO_NOTHING[name]!r}, except for forecasts of series that are "
            f"among their inputs. Received: {value!r} for a task of {kind}"
        )


def check_input_norms(
    norms: Sequence[str], choices: Mapping[str, Any], future_channels: int, quantiles: int
) -> None:
    """Check that networks which normalise windows take standardised inputs.

    Args:
        norms: values of `input_norm`.
        choices: dimensions by name; None where there is none.
        future_channels, quantiles: as in `ModelShape`. Only such networks have them.
    """
    others = [norm for norm in norms if norm != "dataset"]
    if not others:
        return
    reasons = [f"{name} = {value!r}" for name, value in _asked(choices).items()]
    if future_channels:
        reasons.append("columns that are known in advance")
    if quantiles:
        reasons.append("quantiles")
    if reasons:
        raise InputError(
            f"input_norm must be 'dataset' for a forecast with {', '.join(reasons)}. "
            f"Received: {others[0]!r}"
        )


def _asked(choices: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first value of each dimension with which networks normalise or share series."""
    asked = {}
    for name, dimension in choices.items():
        values = [value for value in dimension or () if value != _DO_NOTHING[name]]
        if values:
            asked[name] = values[0]
    return asked
