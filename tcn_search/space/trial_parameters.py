"""Compute the trial parameters with which a space suggests a given architecture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from tcn_search.planning.architecture import Architecture
from tcn_search.settings import TrainingSettings
from tcn_search.space.constraints import broken_limits
from tcn_search.space.dimensions import Dimension, Range
from tcn_search.space.geometry import EXTRA_LEVELS, dilations_as_text
from tcn_search.space.search_space import TaskSpace


class OutsideSpace(Exception):
    """A space cannot suggest a value; the text names the value or the broken limit."""


class RecordedSuggestions:
    """Stand-in for an Optuna trial that suggests given values and records them by parameter.

    Args:
        values: the value to suggest for each parameter.

    Attributes:
        parameters: the values that have been suggested.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values
        self.parameters = dict[str, Any]()

    def suggest_int(self, name: str, low: int, high: int, step: int = 1, log: bool = False) -> int:
        value = self._number(name, low, high)
        if value != int(value) or (value - low) % step:
            raise OutsideSpace(f"{name} {value}")
        self.parameters[name] = int(value)
        return int(value)

    def suggest_float(
        self, name: str, low: float, high: float, step: float | None = None, log: bool = False
    ) -> float:
        value = self._number(name, low, high)
        if step is not None and abs((value - low) / step - round((value - low) / step)) > 1e-9:
            raise OutsideSpace(f"{name} {value}")
        self.parameters[name] = float(value)
        return float(value)

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        value = self.values[name]
        if value not in choices:
            raise OutsideSpace(f"{name} {value}")
        self.parameters[name] = value
        return value

    def _number(self, name: str, low: float, high: float) -> float:
        """Return the value of a parameter, which must be a number from `low` to `high`."""
        value: object = self.values[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise OutsideSpace(f"{name} {value}")
        if not low <= value <= high:
            raise OutsideSpace(f"{name} {value}")
        return value


def suggested_values(
    space: TaskSpace, architecture: Architecture, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the parameters of the trial for which a space suggests these values.

    Args:
        architecture: the architecture to suggest.
        settings: the training settings to suggest, by name. A setting that the space searches and
            that is missing here gets its `default_value`.

    Raises:
        OutsideSpace: the space does not hold a value, or a limit is broken; the text says which.
    """
    arguments = _arguments(architecture)
    values = {**arguments, **_geometry_values(space, architecture)}
    for name, dimension in space.space.settings.items():
        values[name] = settings.get(name, default_value(name, dimension))
    values["dilations"] = dilations_as_text(architecture.dilations)
    for violation in broken_limits(space.violations(architecture)):
        raise OutsideSpace(violation.reason)
    recorded = RecordedSuggestions(values)
    suggested, suggested_settings = space.suggest(recorded)
    suggested_arguments = _arguments(suggested)
    different = [
        f"{name} {value}" for name, value in arguments.items() if suggested_arguments[name] != value
    ]
    different += [
        f"{name} {value}"
        for name, value in settings.items()
        if suggested_settings.get(name, value) != value
    ]
    if different:
        raise OutsideSpace(", ".join(different))
    return recorded.parameters


def _arguments(architecture: Architecture) -> dict[str, Any]:
    """Return all arguments by name."""
    return {field.name: getattr(architecture, field.name) for field in fields(architecture)}


def default_value(name: str, dimension: Dimension) -> Any:
    """Return the value of a dimension that is nearest to the default of `TrainingSettings`.

    For the learning rate return the middle value: the best rate depends on the task, for which the
    user chose the dimension.
    """
    default = getattr(TrainingSettings(), name)
    if isinstance(dimension, Range):
        if name == "learning_rate":
            return dimension.middle
        return dimension.nearest(default or 0)
    if name == "learning_rate":
        return sorted(dimension)[(len(dimension) - 1) // 2]
    if default in dimension:
        return default
    return dimension[0]


def _geometry_values(space: TaskSpace, architecture: Architecture) -> dict[str, Any]:
    """Return the parameters by which a space may suggest the geometry of an architecture.

    A hyperparameter is suggested by its value or its index, and levels also by their number beyond
    the fewest.
    """
    geometry = space.geometry
    point: list[Any] = []
    parameters: dict[str, Any] = {}
    for name, values in zip(geometry.names, geometry.values, strict=True):
        value = getattr(architecture, name, None)
        if name == "patch_stride":
            value = architecture.stride
        if name == "dilation_base":
            value = _dilation_base(architecture, values)
        if value not in values:
            if name == "dilations":
                value = dilations_as_text(architecture.dilations)
            raise OutsideSpace(f"{name} {value}")
        parameters[name] = value
        parameters[f"{name}_index"] = values.index(value)
        point.append(value)
    if geometry.names[-1] == "levels":
        possible = [
            levels for levels in geometry.values[-1] if (*point[:-1], levels) in geometry.feasible
        ]
        parameters[EXTRA_LEVELS] = -1  # outside the range of every trial
        if point[-1] in possible:
            position = possible.index(point[-1])
            parameters[EXTRA_LEVELS] = geometry.extra_levels_of(position, len(possible))
    return parameters


def _dilation_base(architecture: Architecture, bases: Sequence[int]) -> int:
    """Return the base of which the dilations are the powers 0, 1, 2, ..."""
    for base in bases:
        if architecture.dilations == tuple(base**level for level in range(architecture.levels)):
            return base
    raise OutsideSpace(f"dilations {dilations_as_text(architecture.dilations)}")
